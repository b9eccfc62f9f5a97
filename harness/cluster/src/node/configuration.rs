//! The ConfigMaps and Secrets that a pod refers to, fetched before anything is made from them.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, PodSpec, Secret};
use kube::{Api, Client};
use std::collections::{BTreeMap, BTreeSet};

type Data = BTreeMap<String, Vec<u8>>;

/// The data of a pod's ConfigMaps and Secrets; those that do not exist are absent.
#[derive(Clone, Default)]
pub(crate) struct Configuration {
    pub(crate) config_maps: BTreeMap<String, Data>,
    pub(crate) secrets: BTreeMap<String, Data>,
}

impl Configuration {
    /// Fetches all that `pod` refers to.
    pub(crate) async fn fetch(client: &Client, pod: &Pod) -> Result<Self, kube::Error> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let names = pod.spec.as_ref().map(Names::of).unwrap_or_default();
        let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let mut configuration = Self::default();
        for name in names.config_maps {
            if let Some(found) = config_maps.get_opt(&name).await? {
                let text = found
                    .data
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| (key, value.into_bytes()));
                let binary = found
                    .binary_data
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| (key, value.0));
                configuration
                    .config_maps
                    .insert(name, text.chain(binary).collect());
            }
        }
        for name in names.secrets {
            if let Some(found) = secrets.get_opt(&name).await? {
                let data = found
                    .data
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| (key, value.0))
                    .collect();
                configuration.secrets.insert(name, data);
            }
        }
        Ok(configuration)
    }
}

/// The names of the objects that a pod refers to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    config_maps: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Names {
    fn of(spec: &PodSpec) -> Self {
        let mut names = Self::default();
        for container in spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
        {
            for source in container.env_from.iter().flatten() {
                names.config_maps.extend(
                    source
                        .config_map_ref
                        .as_ref()
                        .map(|reference| reference.name.clone()),
                );
                names
                    .secrets
                    .extend(source.secret_ref.as_ref().map(|reference| reference.name.clone()));
            }
            for source in container
                .env
                .iter()
                .flatten()
                .filter_map(|variable| variable.value_from.as_ref())
            {
                names.config_maps.extend(
                    source
                        .config_map_key_ref
                        .as_ref()
                        .map(|reference| reference.name.clone()),
                );
                names.secrets.extend(
                    source
                        .secret_key_ref
                        .as_ref()
                        .map(|reference| reference.name.clone()),
                );
            }
        }
        for volume in spec.volumes.iter().flatten() {
            names
                .config_maps
                .extend(volume.config_map.as_ref().map(|source| source.name.clone()));
            names.secrets.extend(
                volume
                    .secret
                    .as_ref()
                    .and_then(|source| source.secret_name.clone()),
            );
            for source in volume
                .projected
                .iter()
                .flat_map(|projected| projected.sources.iter().flatten())
            {
                names
                    .config_maps
                    .extend(source.config_map.as_ref().map(|source| source.name.clone()));
                names
                    .secrets
                    .extend(source.secret.as_ref().map(|source| source.name.clone()));
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_reference_is_found() {
        let spec = serde_json::from_value(json!({
            "containers": [{"name": "a",
                "envFrom": [{"configMapRef": {"name": "c1"}}, {"secretRef": {"name": "s1"}}],
                "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c2", "key": "k"}}},
                        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s2", "key": "k"}}}]}],
            "initContainers": [{"name": "i", "envFrom": [{"configMapRef": {"name": "c3"}}]}],
            "volumes": [{"name": "v", "configMap": {"name": "c4"}}, {"name": "w", "secret": {"secretName": "s3"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "c5"}}, {"secret": {"name": "s4"}}]}}],
        }))
        .unwrap();
        let names = Names::of(&spec);
        assert_eq!(
            names.config_maps.into_iter().collect::<Vec<_>>(),
            ["c1", "c2", "c3", "c4", "c5"]
        );
        assert_eq!(
            names.secrets.into_iter().collect::<Vec<_>>(),
            ["s1", "s2", "s3", "s4"]
        );
    }
}
