//! Pods, as tests write and read them.

use crate::REGISTRY;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

pub fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": format!("{REGISTRY}/{image}")}]},
    })
}

pub fn condition(pod: &Pod, type_: &str) -> Option<(String, String)> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((found.status.clone(), found.message.clone().unwrap_or_default()))
}

pub fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|(status, _)| status == "True")
}

pub fn main_status(pod: &Pod) -> Value {
    json!(pod.status)["containerStatuses"][0].clone()
}
