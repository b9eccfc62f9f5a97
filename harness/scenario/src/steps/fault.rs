//! Breaks a part of the platform on purpose.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Breaks a part of the platform, or mends it. What is still broken at the end of the scenario is mended then.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Ends a controller's process as a crash would: `kill: kustomize-controller`.
    Kill(Located<String>),
    /// Changes how the Git server answers.
    Git(Availability),
    /// Changes how the private registry answers.
    Registry(Availability),
    /// Changes how the webhook sink answers.
    Webhook(Availability),
}

/// How a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// As it should.
    Up,
    /// Not at all: connections are broken off.
    Down,
    /// Each answer comes so much later.
    Slow(Timespan),
}

impl fmt::Display for Availability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => formatter.write_str("up"),
            Self::Down => formatter.write_str("down"),
            Self::Slow(delay) => write!(formatter, "slow by {delay}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(controller) => write!(formatter, "kill {controller}"),
            Self::Git(availability) => write!(formatter, "the Git server is {availability}"),
            Self::Registry(availability) => write!(formatter, "the registry is {availability}"),
            Self::Webhook(availability) => write!(formatter, "the webhook sink is {availability}"),
        }
    }
}
