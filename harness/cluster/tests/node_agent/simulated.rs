//! Pods without a process: workloads, images that are not there, faults, jobs.

use crate::{
    Outcome, REGISTRY,
    lab::Lab,
    pods::{is_ready, main_status, pod},
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use plumbline_cluster::node::FAULT_ANNOTATION;
use serde_json::json;

pub async fn simulated(lab: &Lab) -> Outcome {
    let image = format!("{REGISTRY}/fixtures/hello:1.0.0");
    lab.apply::<Deployment>(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hello"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "hello"}}, "template": {
            "metadata": {"labels": {"app": "hello"}},
            "spec": {"containers": [{"name": "hello", "image": image, "readinessProbe": {"exec": {"command": ["x"]}}}]}}},
    }))
    .await?;
    await_condition(
        lab.api::<Deployment>(),
        "hello",
        |deployment: Option<&Deployment>| {
            deployment.and_then(|deployment| deployment.status.as_ref()?.available_replicas) == Some(3)
        },
    )
    .await?;
    let pods = lab
        .api::<Pod>()
        .list(&ListParams::default().labels("app=hello"))
        .await?;
    for pod in &pods {
        let status = main_status(pod);
        assert!(
            status["imageID"]
                .as_str()
                .is_some_and(|id| id.starts_with(&format!("{REGISTRY}/fixtures/hello@sha256:")))
        );
        assert!(
            status["containerID"]
                .as_str()
                .is_some_and(|id| id.starts_with("simulated://"))
        );
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        assert!(lab.agent.simulated().contains(&format!("default/{name}")));
        let log = lab.api::<Pod>().logs(name, &LogParams::default()).await?;
        assert!(log.contains("is simulated"), "{log}");
    }
    let addresses: std::collections::BTreeSet<_> = pods
        .iter()
        .map(|pod| pod.status.as_ref().and_then(|status| status.pod_ip.clone()))
        .collect();
    assert_eq!(addresses.len(), 3);
    lab.api::<Deployment>()
        .delete("hello", &DeleteParams::foreground())
        .await?;
    await_condition(
        lab.api::<Deployment>(),
        "hello",
        |deployment: Option<&Deployment>| deployment.is_none(),
    )
    .await?;
    Ok(())
}

pub async fn missing_image(lab: &Lab) -> Outcome {
    lab.apply::<Pod>(pod("missing", "fixtures/hello:9.9.9")).await?;
    let found = lab
        .until("missing", |pod| {
            main_status(pod)["state"]["waiting"]["reason"] == "ImagePullBackOff"
        })
        .await?;
    let message = main_status(&found)["state"]["waiting"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        message.contains("fixtures/hello:9.9.9 is not in its registry"),
        "{message}"
    );
    assert_eq!(json!(found.status)["phase"], "Pending");
    lab.remove("missing").await
}

pub async fn faults(lab: &Lab) -> Outcome {
    let mut crashing = pod("crashing", "fixtures/hello:1.0.0");
    crashing["metadata"]["annotations"] = json!({FAULT_ANNOTATION: "CrashLoopBackOff"});
    lab.apply::<Pod>(crashing).await?;
    let looping = |pod: &Pod| main_status(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let found = lab.until("crashing", looping).await?;
    assert_eq!(main_status(&found)["lastState"]["terminated"]["exitCode"], 1);
    assert!(!is_ready(&found));
    lab.remove("crashing").await?;

    lab.apply::<Pod>(pod("moody", "fixtures/hello:1.0.0")).await?;
    lab.until("moody", is_ready).await?;
    let annotate = |fault: &str| json!({"metadata": {"annotations": {FAULT_ANNOTATION: fault}}});
    let patch = |fault: &str| Patch::Merge(annotate(fault));
    lab.api::<Pod>()
        .patch("moody", &PatchParams::default(), &patch("NotReady"))
        .await?;
    lab.until("moody", |pod| !is_ready(pod)).await?;
    lab.api::<Pod>()
        .patch("moody", &PatchParams::default(), &patch(""))
        .await?;
    lab.until("moody", is_ready).await?;
    lab.remove("moody").await
}

pub async fn job(lab: &Lab) -> Outcome {
    use k8s_openapi::api::batch::v1::Job;
    let image = format!("{REGISTRY}/fixtures/hello:1.0.0");
    lab.apply::<Job>(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "initContainers": [{"name": "before", "image": image}],
            "containers": [{"name": "main", "image": image}]}}},
    }))
    .await?;
    await_condition(lab.api::<Job>(), "once", conditions::is_job_completed()).await?;
    lab.api::<Job>()
        .delete("once", &DeleteParams::foreground())
        .await?;
    await_condition(lab.api::<Job>(), "once", |job: Option<&Job>| job.is_none()).await?;
    Ok(())
}
