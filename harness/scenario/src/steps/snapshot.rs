//! Remembers objects as they are.

use crate::{Located, ObjectSet};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Remembers objects as they are, for a later `compare`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Its name.
    #[serde(rename = "as")]
    pub name: Located<String>,
    /// Which objects.
    pub objects: Vec<ObjectSet>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects: Vec<String> = self.objects.iter().map(ToString::to_string).collect();
        write!(formatter, "remember {} as {}", objects.join(", "), self.name)
    }
}
