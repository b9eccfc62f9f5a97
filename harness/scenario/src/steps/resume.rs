//! Resumes reconciliation of an object.

use crate::ObjectReference;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Resumes reconciliation of a suspended object. Also written with its object alone: `resume: HelmRelease flux-system/ledger`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The object.
    pub object: ObjectReference,
}

impl From<ObjectReference> for Resume {
    fn from(object: ObjectReference) -> Self {
        Self { object }
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "resume {}", self.object)
    }
}
