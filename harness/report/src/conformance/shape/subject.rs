//! What was tested, and what with.

use plumbline_model::FlakyResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was tested, as it was seen on the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Subject {
    /// Kind of cluster: `embedded`, `kind` or `existing`.
    pub(crate) provider: String,
    /// What it simulates, by what is simulated.
    pub(crate) simulations: BTreeMap<String, String>,
    /// The API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kubernetes: Option<Kubernetes>,
    /// Flux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flux: Option<Flux>,
    /// The Flux Operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operator: Option<Program>,
    /// The controllers of Flux, by name.
    pub(crate) components: BTreeMap<String, Program>,
    /// The CustomResourceDefinitions of Flux and its operator, with the versions that are served.
    pub(crate) definitions: BTreeMap<String, Vec<String>>,
    /// The repository that Flux is driven by, when the tests began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fleet: Option<Fleet>,
    /// Every known feature, and whether the cluster has it. Inferred from the facts above.
    pub(crate) features: BTreeMap<String, bool>,
}

/// Which Kubernetes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kubernetes {
    /// Version of the API server.
    pub(crate) version: String,
    /// What it was built for.
    pub(crate) platform: String,
}

/// Which Flux, and how it is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Flux {
    /// Namespace and name of the FluxInstance.
    pub(crate) instance: String,
    /// The distribution.
    pub(crate) version: String,
    /// Digest of what the operator applied.
    pub(crate) digest: String,
    /// Digest of the artifact that the manifests were taken from, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact: Option<String>,
    /// Digest of the FluxInstance's `spec` as JSON with sorted keys and no blanks.
    pub(crate) spec_digest: String,
    /// The settings that decide what it can do, by their paths in `spec`.
    pub(crate) settings: BTreeMap<String, String>,
}

/// Which program runs in a Deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Program {
    /// The repository of its image.
    pub(crate) image: String,
    /// The tag of its image.
    pub(crate) version: String,
    /// The digest of its image; empty when nothing tells it.
    pub(crate) digest: String,
    /// What it is started with.
    pub(crate) arguments: Vec<String>,
}

/// Which state of which repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fleet {
    /// Its name.
    pub(crate) repository: String,
    /// The branch of the environment.
    pub(crate) branch: String,
    /// The commit.
    pub(crate) revision: String,
}

/// What it was tested with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    /// Version of plumbline.
    pub(crate) plumbline: String,
    /// `sha256:…` over the ids and contents of all scenario files.
    pub(crate) digest: String,
    /// How many scenarios there are in all.
    pub(crate) scenarios: usize,
    /// The commit of the repository that they are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<String>,
    /// What the user asked for.
    pub(crate) options: Options,
}

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Options {
    /// How many scenarios ran side by side.
    pub(crate) parallel: usize,
    /// The part of the plan that was run, such as `2/4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<String>,
    /// Whether nothing new was to be started after the first that does not pass.
    pub(crate) fail_fast: bool,
    /// Whether a requirement that held only at a further attempt counts as met.
    #[schemars(with = "String", extend("enum" = ["pass", "fail"]))]
    pub(crate) flaky: FlakyResult,
    /// Paths, names and tags of the selection; empty for everything.
    pub(crate) selection: Vec<String>,
}
