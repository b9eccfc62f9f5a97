//! What is under test, as it was seen on the cluster and never as somebody declared it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A platform. All text is what the cluster answered, so it is a stranger's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The API server.
    pub kubernetes: KubernetesIdentity,
    /// Flux; nothing when the cluster has no FluxInstance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flux: Option<FluxIdentity>,
    /// The Flux Operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<ProgramIdentity>,
    /// The controllers that the FluxInstance reports, by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ProgramIdentity>,
    /// The CustomResourceDefinitions of Flux and its operator, with the versions that are served.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub definitions: BTreeMap<String, Vec<String>>,
    /// The repository that Flux is driven by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetIdentity>,
}

/// Which Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesIdentity {
    /// `v1.34.4`.
    pub version: String,
    /// `linux/amd64`.
    pub platform: String,
}

/// Which Flux, and how it is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluxIdentity {
    /// Namespace and name of the FluxInstance.
    pub instance: String,
    /// The distribution, `v2.9.2`.
    pub version: String,
    /// Digest of what the operator applied, as its revision names it.
    pub digest: String,
    /// Digest of the artifact that the operator took the manifests from, when it took them from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// `sha256:…` of the instance's `spec` as JSON with sorted keys and no blanks.
    pub spec_digest: String,
    /// The settings of the instance that decide what it can do, by their paths in `spec`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// Which program runs in a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramIdentity {
    /// `source-controller`.
    pub name: String,
    /// The repository of its image.
    pub image: String,
    /// The tag of its image.
    pub version: String,
    /// The digest of its image; empty when nothing tells it.
    pub digest: String,
    /// What it is started with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

/// Which state of which repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetIdentity {
    /// Its name.
    pub repository: String,
    /// The branch of the environment.
    pub branch: String,
    /// The commit.
    pub revision: String,
}

/// Something about a subject that is no longer what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectChange {
    /// What: `flux.version`, `components[source-controller].digest`.
    pub path: String,
    /// What it was; empty for what was not there.
    pub before: String,
    /// What it is; empty for what is gone.
    pub after: String,
}

impl Subject {
    /// What is different in `later`, by path.
    #[must_use]
    pub fn changes(&self, later: &Self) -> Vec<SubjectChange> {
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        flatten("", &self.to_value(), &mut before);
        flatten("", &later.to_value(), &mut after);
        let mut paths: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
        paths.sort();
        paths.dedup();
        paths
            .into_iter()
            .filter(|path| before.get(path) != after.get(path))
            .map(|path| SubjectChange {
                before: before.get(&path).cloned().unwrap_or_default(),
                after: after.get(&path).cloned().unwrap_or_default(),
                path,
            })
            .collect()
    }

    fn to_value(&self) -> Value {
        // Nothing in it can fail to serialise: all keys and all values are text.
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn flatten(path: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(&below(key), value, out);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                let key = name.map_or_else(|| index.to_string(), str::to_owned);
                flatten(&format!("{path}[{key}]"), item, out);
            }
        }
        Value::String(text) => {
            out.insert(path.to_owned(), text.clone());
        }
        other => {
            out.insert(path.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, digest: &str) -> ProgramIdentity {
        ProgramIdentity {
            name: name.into(),
            digest: digest.into(),
            ..ProgramIdentity::default()
        }
    }

    #[test]
    fn what_changed_is_named_by_its_path() {
        let before = Subject {
            kubernetes: KubernetesIdentity {
                version: "v1.34.4".into(),
                platform: "linux/amd64".into(),
            },
            components: vec![program("a", "sha256:1"), program("b", "sha256:2")],
            ..Subject::default()
        };
        assert_eq!(before.changes(&before.clone()), []);
        let mut after = before.clone();
        after.kubernetes.version = "v1.35.0".into();
        after.components.remove(0);
        let changes: Vec<_> = before
            .changes(&after)
            .into_iter()
            .map(|change| format!("{}: {} -> {}", change.path, change.before, change.after))
            .collect();
        assert_eq!(
            changes,
            [
                "components[a].digest: sha256:1 -> ",
                "components[a].image:  -> ",
                "components[a].name: a -> ",
                "components[a].version:  -> ",
                "kubernetes.version: v1.34.4 -> v1.35.0",
            ]
        );
    }
}
