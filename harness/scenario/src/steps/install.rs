//! Installs a chart by Helm.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Installs or upgrades a chart of `k8s-gitops` by Helm, as the pipeline does, with the values of the environment. Output: `revision`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// The chart: a folder of `k8s-gitops`.
    pub chart: Located<String>,
    /// Whose values: `clusters/<environment>/<chart>-values.yaml`.
    #[serde(default = "super::default_environment")]
    pub environment: Located<String>,
    /// How long it may take.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl Install {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(180);
    /// What later steps can read: the revision of the Helm release.
    pub const OUTPUT: &'static [&'static str] = &["revision"];
}

impl fmt::Display for Install {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "install {} in {}", self.chart, self.environment)
    }
}
