//! What is known of a cluster once it stands: what `when` reads.

use serde::Serialize;
use serde_json::Value;

/// Facts of the cluster, as CEL sees them: `facts.flux.version.startsWith("2.9")`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The kind of cluster: `embedded`, `kind` or `existing`.
    pub provider: String,
    /// Whether containers of workloads really run: `real` or `simulated`.
    pub pods: String,
    /// Kubernetes itself.
    pub kubernetes: KubernetesFacts,
    /// Flux.
    pub flux: VersionFacts,
    /// The Flux Operator.
    pub operator: VersionFacts,
    /// The controllers of Flux: those that the FluxInstance in Git names; on a cluster that was there before, those that it reports.
    pub components: Vec<String>,
    /// Every kind that the API server has, as `apps/v1/Deployment`.
    pub kinds: Vec<String>,
}

/// Facts of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KubernetesFacts {
    /// Its version without a `v`: `1.34.4`.
    pub version: String,
    /// The second number of the version, to compare with.
    pub minor: i64,
}

/// Facts of a part that has a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VersionFacts {
    /// Its version without a `v`; empty while it is not there.
    pub version: String,
}

impl Facts {
    /// The name of the variable in CEL.
    pub const VARIABLE: &'static str = "facts";

    /// As CEL reads them.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Facts with a value in every place, to learn the types from.
    pub(crate) fn example() -> Self {
        Self {
            components: vec![String::new()],
            kinds: vec![String::new()],
            ..Self::default()
        }
    }
}
