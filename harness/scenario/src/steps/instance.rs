//! Applies the FluxInstance of an environment.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Applies `clusters/<environment>/flux-instance.yaml` of `k8s-gitops` and waits until it is Ready. Output: `applied`
/// (`created`, `configured` or `unchanged`), `version`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// The environment.
    #[serde(default = "super::default_environment")]
    pub environment: Located<String>,
    /// How long it may take until it is Ready.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl Instance {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(180);
    /// What later steps can read: what the apply did, and the version of Flux that is Ready.
    pub const OUTPUT: &'static [&'static str] = &["applied", "version"];
}

impl fmt::Display for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "apply the FluxInstance of {} and wait until it is Ready",
            self.environment
        )
    }
}
