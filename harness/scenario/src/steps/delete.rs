//! Deletes an object by hand.

use crate::{Located, ObjectReference, TextCondition, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Deletes an object by hand. Also written with its object alone: `delete: Deployment ledger/ledger`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The object.
    pub object: ObjectReference,
    /// Whether to wait until this very object (by uid) is gone.
    #[serde(default)]
    pub wait: bool,
    /// How long to wait.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// What the API server must refuse it with; without it, it must be accepted.
    #[serde(default)]
    pub denied: Option<Located<TextCondition>>,
}

impl Delete {
    /// How long to wait unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(30);
}

impl From<ObjectReference> for Delete {
    fn from(object: ObjectReference) -> Self {
        Self {
            object,
            wait: false,
            within: None,
            denied: None,
        }
    }
}

impl fmt::Display for Delete {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "delete {}{}",
            self.object,
            if self.wait {
                " and wait until it is gone"
            } else {
                ""
            }
        )
    }
}
