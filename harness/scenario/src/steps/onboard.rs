//! Brings a system on board.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Brings a system on board: its repository appears on the Git server, its registration file is committed to
/// `k8s-gitops`, and the step waits until what it registers is Ready.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Onboard {
    /// Which system of the reference platform: a folder `fixtures/repos/k8s-<system>`.
    pub system: Located<String>,
    /// The name to give it on the cluster, unique over all scenarios; the system's own name if absent.
    #[serde(default, rename = "as")]
    pub alias: Option<Located<String>>,
    /// The environment, and with it the branch.
    #[serde(default = "super::default_environment")]
    pub environment: Located<String>,
    /// How long it may take until it is Ready.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
}

impl Onboard {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(60);

    /// The name on the cluster.
    #[must_use]
    pub fn name(&self) -> &Located<String> {
        self.alias.as_ref().unwrap_or(&self.system)
    }

    /// The repository that holds the system: `k8s-<name>`.
    #[must_use]
    pub fn repository(&self) -> String {
        format!("k8s-{}", self.name().value)
    }
}

impl fmt::Display for Onboard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "bring {} on board in {}",
            self.system, self.environment
        )?;
        match &self.alias {
            Some(alias) if alias.value != self.system.value => write!(formatter, " as {alias}"),
            _ => Ok(()),
        }
    }
}
