//! The node as the cluster sees it.

use crate::{
    Outcome,
    lab::Lab,
    pods::{condition, is_ready, pod},
};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, runtime::wait::await_condition};
use serde_json::{Value, json};

pub async fn node(lab: &Lab) -> Outcome {
    let node = Api::<Node>::all(lab.client.clone()).get("plumbline").await?;
    let node = json!(node);
    assert_eq!(node["spec"]["taints"], Value::Null);
    assert_eq!(node["status"]["conditions"][0]["type"], "Ready");
    assert!(
        node["status"]["nodeInfo"]["kubeletVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with("plumbline"))
    );
    assert_eq!(
        node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"],
        lab.agent.kubelet_port()
    );
    Ok(())
}

pub async fn cordon(lab: &Lab) -> Outcome {
    let nodes = Api::<Node>::all(lab.client.clone());
    nodes.cordon("plumbline").await?;
    await_condition(nodes.clone(), "plumbline", |node: Option<&Node>| {
        node.is_some_and(|node| json!(node.spec)["taints"][0]["key"] == "node.kubernetes.io/unschedulable")
    })
    .await?;
    lab.apply::<Pod>(pod("patient", "fixtures/hello:1.0.0")).await?;
    let refused = |pod: &Pod| condition(pod, "PodScheduled").is_some_and(|(status, _)| status == "False");
    let found = lab.until("patient", refused).await?;
    let (_, message) = condition(&found, "PodScheduled").unwrap_or_default();
    assert!(message.starts_with("0/1 nodes are available"), "{message}");
    nodes.uncordon("plumbline").await?;
    lab.until("patient", is_ready).await?;
    lab.remove("patient").await
}
