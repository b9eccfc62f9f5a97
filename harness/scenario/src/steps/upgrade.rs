//! Upgrades Flux: a new version in the FluxInstance, nothing else.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Mirrors and signs the images of another version of Flux, sets it in the FluxInstance and waits until it is Ready there, every component at
/// the version's digests. Output: `from`, `to`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// The version to go to.
    pub to: Located<String>,
    /// How long it may take.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl Upgrade {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(180);
    /// What later steps can read: the versions before and after.
    pub const OUTPUT: &'static [&'static str] = &["from", "to"];
}

impl fmt::Display for Upgrade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "upgrade Flux to {}", self.to)
    }
}
