//! Takes a system off board.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Takes a system off board: removes its registration file from `k8s-gitops` and waits until everything that it made is gone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offboard {
    /// The name that `onboard` gave it.
    pub system: Located<String>,
    /// The environment, and with it the branch.
    #[serde(default = "super::default_environment")]
    pub environment: Located<String>,
    /// How long it may take until it is gone.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
}

impl Offboard {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(60);
}

impl fmt::Display for Offboard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "take {} off board in {}",
            self.system, self.environment
        )
    }
}
