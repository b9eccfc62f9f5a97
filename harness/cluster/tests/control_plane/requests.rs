//! Every request of the handle, against the real API server.

use crate::trial::{Cluster, Laboratory, Outcome, soon};
use libtest_mimic::Trial;
use plumbline_cluster::{
    ClusterFacts, ClusterServices, KindSelector, KubernetesError, ObjectReference,
    conditions::{gone, ready},
    diagnose::{LogFile, evidence},
    kubernetes::Propagation,
};
use plumbline_servers::ServiceDirectory as _;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

pub fn trials(laboratory: &Laboratory) -> Vec<Trial> {
    vec![
        laboratory.shared("objects_are_applied_changed_and_deleted", changes),
        laboratory.shared("refusals_are_told_from_what_may_pass", refusals),
        laboratory.shared("strangers_and_plain_accounts_are_refused", rights),
        laboratory.shared("a_service_is_served_at_the_twin_of_its_pod", services),
        laboratory.shared("evidence_has_conditions_events_owners_and_logs", diagnosis),
        laboratory.shared("changes_are_in_the_audit_log", audit),
        laboratory.shared("the_server_tells_its_version", facts),
    ]
}

async fn changes(cluster: Arc<Cluster>) -> Outcome {
    let kubernetes = &cluster.kubernetes;
    cluster.namespace("changes").await?;
    let reference: ObjectReference = "ConfigMap changes/settings".parse()?;
    let manifest = |mode: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "changes", "labels": {"a": "1"}}, "data": {"mode": mode}})
    };
    assert_eq!(
        kubernetes
            .apply_dry_run(&manifest("calm"))
            .await?
            .text_at("/data/mode"),
        Some("calm")
    );
    assert!(
        kubernetes.find(&reference).await?.is_none(),
        "a dry run must change nothing"
    );
    let created = kubernetes.create(&manifest("calm")).await?;
    assert_eq!(created.reference(), reference);
    let applied = kubernetes.apply(&manifest("busy")).await?;
    assert!(applied.version() > created.version());
    let merged = kubernetes
        .merge_patch(&reference, &json!({"data": {"more": "x"}}))
        .await?;
    assert_eq!(merged.text_at("/data/more"), Some("x"));
    let operations =
        json!([{"op": "test", "path": "/data/more", "value": "x"}, {"op": "remove", "path": "/data/more"}]);
    assert_eq!(
        kubernetes
            .json_patch(&reference, &operations)
            .await?
            .text_at("/data/more"),
        None
    );
    let mut annotations = BTreeMap::from([("note".to_owned(), Some("1".to_owned()))]);
    assert_eq!(
        kubernetes
            .annotate(&reference, &annotations)
            .await?
            .annotation("note"),
        Some("1")
    );
    annotations.insert("note".into(), None);
    assert_eq!(
        kubernetes
            .annotate(&reference, &annotations)
            .await?
            .annotation("note"),
        None
    );
    let chosen = KindSelector::all(reference.kind.clone())
        .within("changes")
        .labelled("a", "1");
    let listed = kubernetes.list(&chosen).await?;
    let listed: Vec<ObjectReference> = listed.iter().map(|object| object.reference()).collect();
    assert_eq!(listed, std::slice::from_ref(&reference));
    assert!(kubernetes.delete(&reference, Propagation::Background).await?);
    assert!(!kubernetes.delete(&reference, Propagation::Background).await?);
    let deployment: ObjectReference = "Deployment changes/web".parse()?;
    kubernetes
        .apply(&json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "changes"},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "c:1"}]}}}}))
        .await?;
    kubernetes.scale(&deployment, 3).await?;
    assert_eq!(
        kubernetes.get(&deployment).await?.number_at("/spec/replicas"),
        Some(3)
    );
    kubernetes.scale(&deployment, 0).await?;
    cluster
        .watches
        .wait(
            &deployment,
            |view| ready(view.object().expect("a deployment")),
            soon(),
            |_| (),
        )
        .await?;
    let namespace: ObjectReference = "Namespace changes".parse()?;
    kubernetes.delete(&namespace, Propagation::Background).await?;
    cluster
        .watches
        .wait(&namespace, |view| gone(view.object()), soon(), |_| ())
        .await?;
    Ok(())
}

async fn refusals(cluster: Arc<Cluster>) -> Outcome {
    let kubernetes = &cluster.kubernetes;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "refusals", "namespace": "default"}, "data": {"k": "v"}});
    kubernetes.apply(&map).await?;
    let twice = kubernetes.create(&map).await.expect_err("a second create");
    assert!(twice.is_conflict(), "{twice}");
    let absent = kubernetes
        .get(&"Secret default/nobody".parse()?)
        .await
        .expect_err("nobody");
    assert!(absent.is_not_found(), "{absent}");
    let mut wrong = map.clone();
    wrong["dataa"] = json!({});
    let strict = kubernetes
        .apply_dry_run(&wrong)
        .await
        .expect_err("an unknown field");
    assert!(
        !strict.is_transient() && strict.to_string().contains("dataa"),
        "{strict:?}"
    );
    let unknown = kubernetes
        .get(&"Widget default/a".parse()?)
        .await
        .expect_err("an unknown kind");
    assert!(
        matches!(unknown, KubernetesError::UnknownKind { .. }),
        "{unknown}"
    );
    let unscoped = kubernetes
        .get(&"ConfigMap refusals".parse()?)
        .await
        .expect_err("no namespace");
    assert!(matches!(unscoped, KubernetesError::Scope(_)), "{unscoped}");
    let nameless = kubernetes
        .apply(&json!({"apiVersion": "v1", "kind": "ConfigMap"}))
        .await
        .expect_err("no name");
    assert!(nameless.to_string().contains("metadata.name"), "{nameless}");
    let invalid = json!([{"op": "replace", "path": "/data/k", "value": {"not": "text"}}]);
    let invalid = kubernetes
        .json_patch(&"ConfigMap default/refusals".parse()?, &invalid)
        .await;
    assert!(invalid.is_err_and(|error| !error.is_transient()));
    Ok(())
}

async fn rights(cluster: Arc<Cluster>) -> Outcome {
    let access = cluster.control_plane.access();
    let status = status_for_a_stranger(access, "/api/v1/secrets").await?;
    assert_eq!(status, 401, "nobody is let in without a certificate");
    let account: ObjectReference = "ServiceAccount default/default".parse()?;
    cluster.watches.wait(&account, some, soon(), |_| ()).await?;
    let token = cluster
        .kubernetes
        .client()
        .request::<serde_json::Value>(
            http::Request::post("/api/v1/namespaces/default/serviceaccounts/default/token")
                .header("content-type", "application/json")
                .body(br#"{"spec":{"expirationSeconds":600}}"#.to_vec())?,
        )
        .await?;
    assert!(
        token
            .pointer("/status/token")
            .is_some_and(serde_json::Value::is_string)
    );
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": "system:serviceaccount:default:default",
        "resourceAttributes": {"verb": "list", "resource": "secrets"}}});
    let review = cluster
        .kubernetes
        .client()
        .request::<serde_json::Value>(
            http::Request::post("/apis/authorization.k8s.io/v1/subjectaccessreviews")
                .header("content-type", "application/json")
                .body(review.to_string().into_bytes())?,
        )
        .await?;
    assert_eq!(review.pointer("/status/allowed"), Some(&json!(false)));
    Ok(())
}

/// The status of a GET by somebody without any credentials, who trusts the authority.
async fn status_for_a_stranger(
    access: &plumbline_cluster::kubernetes::Access,
    path: &str,
) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut config = kube::Config::new(access.server.parse()?);
    let authority = CertificateDer::from_pem_slice(access.authority_pem.as_bytes())?;
    config.root_cert = Some(vec![authority.to_vec()]);
    let client = kube::Client::try_from(config)?;
    match client
        .request_text(http::Request::get(path).body(Vec::new())?)
        .await
    {
        Ok(_) => Ok(200),
        Err(kube::Error::Api(status)) => Ok(status.code),
        Err(error) => Err(error.into()),
    }
}

async fn services(cluster: Arc<Cluster>) -> Outcome {
    let api_server = std::net::SocketAddr::from(([127, 0, 0, 1], cluster.control_plane.port()));
    let directory = ClusterServices::follow(&cluster.watches, Some(api_server)).await?;
    let place = |service, port| {
        directory
            .resolve("default", service, port)
            .map(|place| place.to_string())
    };
    assert_eq!(place("kubernetes", 443), Some(api_server.to_string()));
    assert_eq!(place("nobody", 80), None);
    cluster
        .kubernetes
        .apply(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9090}]}}))
        .await?;
    cluster
        .kubernetes
        .apply(&json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 9090}],
            "endpoints": [{"addresses": ["10.244.1.5"], "conditions": {"ready": true}}]}))
        .await?;
    for kind in ["Service default/web", "EndpointSlice default/web-1"] {
        let reference: ObjectReference = kind.parse()?;
        let wait = |view: &plumbline_cluster::View| ready(view.object().expect("just applied"));
        cluster.watches.wait(&reference, wait, soon(), |_| ()).await?;
    }
    // The shared watch shows the objects some milliseconds after the API server does.
    let store = cluster.watches.store(&"EndpointSlice".parse()?).await?;
    while store.get(Some("default"), "web-1").is_none() || place("web", 80).is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(place("web", 80).as_deref(), Some("127.244.1.5:9090"));
    assert_eq!(place("web", 81), None);
    Ok(())
}

async fn diagnosis(cluster: Arc<Cluster>) -> Outcome {
    let deployment: ObjectReference = "Deployment default/evidence".parse()?;
    cluster
        .kubernetes
        .apply(&json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "evidence", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "evidence"}}, "template": {
                "metadata": {"labels": {"app": "evidence"}},
                "spec": {"containers": [{"name": "c", "image": "c:1"}]}}}}))
        .await?;
    let sets = KindSelector::all("ReplicaSet".parse()?)
        .within("default")
        .labelled("app", "evidence");
    let made = cluster.watches.wait(sets, some, soon(), |_| ()).await?;
    let set = made.object().ok_or("no replica set")?.reference();
    let events = KindSelector::all("Event".parse()?).within("default");
    let about = |view: &plumbline_cluster::View| {
        let is_about =
            |event: &&plumbline_cluster::Object| event.text_at("/involvedObject/name") == Some("evidence");
        if view.objects().find(is_about).is_some() {
            plumbline_cluster::Verdict::Met
        } else {
            none()
        }
    };
    cluster.watches.wait(events, about, soon(), |_| ()).await?;
    let logs: Vec<LogFile> = cluster
        .control_plane
        .logs()
        .map(|(name, path)| LogFile {
            name: name.into(),
            path,
        })
        .collect();
    let attachments = evidence(&cluster.kubernetes, &set, &logs).await;
    let titles: Vec<&str> = attachments
        .iter()
        .map(|attachment| attachment.title.as_str())
        .collect();
    let set = set.short();
    for title in [
        format!("conditions of {set}"),
        "conditions of Deployment default/evidence (owner)".into(),
        "events about Deployment default/evidence".into(),
        "log of kube-apiserver".into(),
    ] {
        assert!(titles.contains(&title.as_str()), "{title} is not in {titles:?}");
    }
    cluster
        .kubernetes
        .delete(&deployment, Propagation::Background)
        .await?;
    Ok(())
}

fn some(view: &plumbline_cluster::View) -> plumbline_cluster::Verdict {
    if view.object().is_some() {
        plumbline_cluster::Verdict::Met
    } else {
        none()
    }
}

fn none() -> plumbline_cluster::Verdict {
    plumbline_cluster::Verdict::NotYet("none".into())
}

async fn audit(cluster: Arc<Cluster>) -> Outcome {
    cluster
        .kubernetes
        .apply(&json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "audited", "namespace": "default"}}))
        .await?;
    let log = std::fs::read_to_string(cluster.control_plane.audit_log().ok_or("no audit log")?)?;
    let entries: Vec<serde_json::Value> = log.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert!(
        entries
            .iter()
            .any(|entry| entry["objectRef"]["name"] == "audited" && entry["verb"] == "patch")
    );
    assert!(entries.iter().all(|entry| entry["verb"] != "get"));
    Ok(())
}

async fn facts(cluster: Arc<Cluster>) -> Outcome {
    let facts = ClusterFacts::of(&cluster.kubernetes).await?;
    assert!(
        facts.kubernetes.starts_with('v') && facts.platform.contains('/'),
        "{facts:?}"
    );
    Ok(())
}
