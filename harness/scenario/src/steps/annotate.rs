//! Sets or removes annotations by hand.

use crate::{Located, ObjectReference, TextCondition};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// Sets or removes annotations by hand.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Annotate {
    /// The object.
    pub object: ObjectReference,
    /// The annotations; `null` removes one.
    pub annotations: BTreeMap<String, Option<String>>,
    /// What the API server must refuse it with; without it, it must be accepted.
    #[serde(default)]
    pub denied: Option<Located<TextCondition>>,
}

impl fmt::Display for Annotate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.annotations.keys().map(String::as_str).collect();
        write!(formatter, "annotate {} with {}", self.object, keys.join(", "))
    }
}
