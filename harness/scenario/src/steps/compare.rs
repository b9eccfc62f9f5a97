//! Compares objects with what a snapshot remembers.

use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Compares the objects of a snapshot, as they are now, with what it remembers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The snapshot.
    pub with: Located<String>,
    /// What must hold.
    pub that: Comparison,
    /// How long it may take until it holds; at once if absent.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
}

/// What must hold between then and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The same objects with the same resourceVersions: nobody wrote.
    NoWrites,
    /// The same objects with the same desired state: `spec`, or `data` and the like where there is no `spec`.
    SameSpec,
    /// The same container images by digest.
    SameDigests,
}

impl fmt::Display for Compare {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let that = match self.that {
            Comparison::NoWrites => "nobody wrote",
            Comparison::SameSpec => "the desired state is the same",
            Comparison::SameDigests => "the image digests are the same",
        };
        write!(formatter, "compare with {}: {that}", self.with)
    }
}
