//! Scales a workload by hand.

use crate::{Located, ObjectReference, TextCondition};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Scales a workload by hand.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The object.
    pub object: ObjectReference,
    /// To how many replicas.
    pub replicas: u32,
    /// What the API server must refuse it with; without it, it must be accepted.
    #[serde(default)]
    pub denied: Option<Located<TextCondition>>,
}

impl fmt::Display for Scale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "scale {} to {} by hand", self.object, self.replicas)
    }
}
