//! A pod whose container is a real process.

use crate::{
    Outcome,
    lab::Lab,
    pods::{is_ready, main_status, pod},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{LogParams, Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use plumbline_cluster::node::PodCounts;
use serde_json::json;
use std::path::PathBuf;

/// The kinds that source-controller wants to find, without their schemas, and the right to use them.
async fn prepare_controller(lab: &Lab) -> Outcome {
    use k8s_openapi::{
        api::rbac::v1::ClusterRoleBinding,
        apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    };
    let definitions: Api<CustomResourceDefinition> = Api::all(lab.client.clone());
    let parameters = PatchParams::apply("test").force();
    for (kind, plural) in [
        ("Bucket", "buckets"),
        ("ExternalArtifact", "externalartifacts"),
        ("GitRepository", "gitrepositories"),
        ("HelmChart", "helmcharts"),
        ("HelmRepository", "helmrepositories"),
        ("OCIRepository", "ocirepositories"),
    ] {
        let name = format!("{plural}.source.toolkit.fluxcd.io");
        let schema =
            json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": schema, "subresources": {"status": {}}});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
            "spec": {"group": "source.toolkit.fluxcd.io", "scope": "Namespaced", "versions": [version],
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")}},
        });
        definitions
            .patch(&name, &parameters, &Patch::Apply(&definition))
            .await?;
        await_condition(definitions.clone(), &name, conditions::is_crd_established()).await?;
    }
    let bindings: Api<ClusterRoleBinding> = Api::all(lab.client.clone());
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "source"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    });
    bindings
        .patch("source", &parameters, &Patch::Apply(&binding))
        .await?;
    Ok(())
}

pub async fn controller(lab: &Lab) -> Outcome {
    prepare_controller(lab).await?;
    let mut source = pod("source", "fluxcd/source-controller:v1.9.3");
    source["spec"]["terminationGracePeriodSeconds"] = json!(10);
    source["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]);
    let container = &mut source["spec"]["containers"][0];
    container["args"] = json!([
        "--storage-path=/data",
        "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc."
    ]);
    container["env"] = json!([{"name": "RUNTIME_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]);
    container["ports"] = json!([{"name": "healthz", "containerPort": 9440}]);
    container["securityContext"] = json!({"readOnlyRootFilesystem": true});
    container["readinessProbe"] = json!({"httpGet": {"path": "/readyz", "port": "healthz"}});
    container["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]);
    lab.apply::<Pod>(source).await?;
    let ready = lab.until("source", is_ready).await?;
    let status = main_status(&ready);
    let process = status["containerID"]
        .as_str()
        .and_then(|id| id.strip_prefix("process://"))
        .ok_or("no process id")?;
    let process = PathBuf::from("/proc").join(process);
    assert!(process.exists());
    assert_eq!(
        lab.agent.counts(),
        PodCounts {
            process: 1,
            simulated: 0
        }
    );
    let log = lab
        .api::<Pod>()
        .logs(
            "source",
            &LogParams {
                tail_lines: Some(2),
                ..LogParams::default()
            },
        )
        .await?;
    assert!(!log.is_empty() && log.lines().count() <= 2, "{log}");
    let path = lab
        .agent
        .log_path("default", "source", "main")
        .ok_or("no log path")?;
    assert!(path.is_file());

    let pid = rustix::process::Pid::from_raw(
        process
            .file_name()
            .and_then(|id| id.to_str())
            .ok_or("no id")?
            .parse()?,
    );
    rustix::process::kill_process(pid.ok_or("no process")?, rustix::process::Signal::KILL)?;
    let restarted = lab
        .until("source", |pod| {
            is_ready(pod) && main_status(pod)["restartCount"] == 1
        })
        .await?;
    assert_eq!(
        main_status(&restarted)["lastState"]["terminated"]["exitCode"],
        137
    );
    let previous = LogParams {
        previous: true,
        ..LogParams::default()
    };
    assert!(!lab.api::<Pod>().logs("source", &previous).await?.is_empty());
    let reasons = lab.reasons("source").await?;
    for reason in ["Scheduled", "Pulled", "Created", "Started"] {
        assert!(
            reasons.iter().any(|other| other == reason),
            "{reason} is not in {reasons:?}"
        );
    }

    lab.remove("source").await?;
    assert!(lab.agent.log_path("default", "source", "main").is_none());
    Ok(())
}

pub async fn missing_configuration(lab: &Lab) -> Outcome {
    let mut waiting = pod("waiting", "fluxcd/source-controller:v1.9.3");
    let container = &mut waiting["spec"]["containers"][0];
    container["env"] = json!([{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "a"}}}]);
    lab.apply::<Pod>(waiting).await?;
    let held = |pod: &Pod| main_status(pod)["state"]["waiting"]["reason"] == "CreateContainerConfigError";
    let found = lab.until("waiting", held).await?;
    assert_eq!(
        main_status(&found)["state"]["waiting"]["message"],
        "configmap \"late\" not found"
    );
    lab.apply::<k8s_openapi::api::core::v1::ConfigMap>(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"a": "1"}}),
    )
    .await?;
    lab.until("waiting", |pod| !main_status(pod)["state"]["running"].is_null())
        .await?;
    lab.remove("waiting").await
}
