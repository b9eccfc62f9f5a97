//! Suspends reconciliation of an object.

use crate::ObjectReference;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Suspends reconciliation of an object. Also written with its object alone: `suspend: Kustomization flux-system/drift`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspend {
    /// The object.
    pub object: ObjectReference,
}

impl From<ObjectReference> for Suspend {
    fn from(object: ObjectReference) -> Self {
        Self { object }
    }
}

impl fmt::Display for Suspend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "suspend {}", self.object)
    }
}
