//! What a pod may know of itself: `fieldRef` and `resourceFieldRef`.

use super::quantity;
use k8s_openapi::{
    api::core::v1::{Container, Pod, ResourceFieldSelector},
    apimachinery::pkg::api::resource::Quantity,
};
use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

/// A pod together with what the node decided for it.
#[derive(Clone, Debug)]
pub(crate) struct PodFacts {
    pub(crate) pod: Arc<Pod>,
    pub(crate) node_name: String,
    pub(crate) pod_ip: Ipv4Addr,
    pub(crate) host_ip: Ipv4Addr,
    pub(crate) allocatable: BTreeMap<String, Quantity>,
}

impl PodFacts {
    /// The value of `path`, for example `metadata.labels['app']`.
    pub(crate) fn field(&self, path: &str) -> Result<String, String> {
        let metadata = &self.pod.metadata;
        let text = |value: &Option<String>| Ok(value.clone().unwrap_or_default());
        match path {
            "metadata.name" => text(&metadata.name),
            "metadata.namespace" => text(&metadata.namespace),
            "metadata.uid" => text(&metadata.uid),
            "metadata.labels" => Ok(listing(metadata.labels.as_ref())),
            "metadata.annotations" => Ok(listing(metadata.annotations.as_ref())),
            "spec.nodeName" => Ok(self.node_name.clone()),
            "spec.serviceAccountName" => Ok(self.service_account().to_owned()),
            "status.podIP" | "status.podIPs" => Ok(self.pod_ip.to_string()),
            "status.hostIP" | "status.hostIPs" => Ok(self.host_ip.to_string()),
            _ => {
                let (map, key) = if let Some(key) = subscript(path, "metadata.labels") {
                    (&metadata.labels, key)
                } else if let Some(key) = subscript(path, "metadata.annotations") {
                    (&metadata.annotations, key)
                } else {
                    return Err(format!("field path {path:?} is not supported"));
                };
                Ok(map
                    .as_ref()
                    .and_then(|map| map.get(key))
                    .cloned()
                    .unwrap_or_default())
            }
        }
    }

    /// The value of a container's resource field; a missing limit is what the node can give.
    pub(crate) fn resource(&self, selector: &ResourceFieldSelector, own: &str) -> Result<String, String> {
        let name = selector
            .container_name
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or(own);
        let container = self
            .containers()
            .find(|container| container.name == name)
            .ok_or_else(|| format!("container {name} not found"))?;
        let resources = container.resources.as_ref();
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        let unsupported = || format!("unsupported container resource: {}", selector.resource);
        let (kind, name) = selector.resource.split_once('.').ok_or_else(unsupported)?;
        let value = match kind {
            "limits" => limits
                .and_then(|limits| limits.get(name))
                .or_else(|| self.allocatable.get(name)),
            "requests" => requests.and_then(|requests| requests.get(name)),
            _ => return Err(unsupported()),
        };
        let Some(value) = value else {
            return Ok("0".to_owned());
        };
        let divisor = selector.divisor.as_ref().map(|divisor| divisor.0.as_str());
        quantity::divided(&value.0, divisor).ok_or_else(|| format!("quantity {:?} cannot be read", value.0))
    }

    /// The name of the pod's ServiceAccount.
    pub(crate) fn service_account(&self) -> &str {
        let spec = self.pod.spec.as_ref();
        spec.and_then(|spec| spec.service_account_name.as_deref())
            .filter(|name| !name.is_empty())
            .unwrap_or("default")
    }

    fn containers(&self) -> impl Iterator<Item = &Container> {
        self.pod.spec.iter().flat_map(|spec| {
            spec.containers
                .iter()
                .chain(spec.init_containers.iter().flatten())
        })
    }
}

/// `key="value"` lines, as a downward API volume holds them.
fn listing(map: Option<&BTreeMap<String, String>>) -> String {
    let lines: Vec<_> = map
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    lines.join("\n")
}

fn subscript<'a>(path: &'a str, of: &str) -> Option<&'a str> {
    path.strip_prefix(of)?.strip_prefix("['")?.strip_suffix("']")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Facts of a pod with this specification.
    pub(crate) fn facts(spec: Value) -> PodFacts {
        let pod = json!({
            "metadata": {
                "name": "web-0", "namespace": "shop", "uid": "1b4e28ba", "labels": {"app": "web", "tier": "a\"b"},
                "annotations": {"note/x": "hi"},
            },
            "spec": spec,
        });
        PodFacts {
            pod: Arc::new(serde_json::from_value(pod).unwrap()),
            node_name: "node".into(),
            pod_ip: Ipv4Addr::new(10, 244, 7, 2),
            host_ip: Ipv4Addr::LOCALHOST,
            allocatable: BTreeMap::from([("cpu".to_owned(), Quantity("8".into()))]),
        }
    }

    #[test]
    fn fields_of_the_pod_are_found() {
        let facts = facts(json!({"containers": []}));
        for (path, expected) in [
            ("metadata.name", "web-0"),
            ("metadata.namespace", "shop"),
            ("metadata.uid", "1b4e28ba"),
            ("metadata.labels['app']", "web"),
            ("metadata.labels['none']", ""),
            ("metadata.annotations['note/x']", "hi"),
            ("metadata.labels", "app=\"web\"\ntier=\"a\\\"b\""),
            ("spec.nodeName", "node"),
            ("spec.serviceAccountName", "default"),
            ("status.podIP", "10.244.7.2"),
            ("status.hostIP", "127.0.0.1"),
        ] {
            assert_eq!(facts.field(path).as_deref(), Ok(expected), "of {path}");
        }
        assert!(facts.field("spec.hostname").is_err());
        assert!(facts.field("metadata.labels['a").is_err());
    }

    #[test]
    fn resources_are_the_containers_or_the_nodes() {
        let facts = facts(json!({"containers": [
            {"name": "a", "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m"}}}, {"name": "b"}]}));
        let ask = |resource: &str, container: &str, divisor: Option<&str>| {
            let selector = ResourceFieldSelector {
                container_name: None,
                divisor: divisor.map(|divisor| Quantity(divisor.into())),
                resource: resource.into(),
            };
            facts.resource(&selector, container)
        };
        assert_eq!(ask("limits.memory", "a", None).as_deref(), Ok("1073741824"));
        assert_eq!(ask("requests.cpu", "a", Some("1m")).as_deref(), Ok("100"));
        assert_eq!(ask("limits.cpu", "b", None).as_deref(), Ok("8"));
        assert_eq!(ask("requests.cpu", "b", None).as_deref(), Ok("0"));
        assert!(ask("limits.memory", "c", None).is_err());
        assert!(ask("memory", "a", None).is_err());
    }
}
