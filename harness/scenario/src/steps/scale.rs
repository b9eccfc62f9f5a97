//! Scales a workload by hand.

use crate::ObjectReference;
use serde::Deserialize;
use std::fmt;

/// Scales a workload by hand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The object.
    pub object: ObjectReference,
    /// To how many replicas.
    pub replicas: u32,
}

impl fmt::Display for Scale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "scale {} to {} by hand", self.object, self.replicas)
    }
}
