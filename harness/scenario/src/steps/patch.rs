//! Patches an object by hand.

use crate::{Located, ObjectReference, TextCondition};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt;

/// Patches an object by hand, by exactly one of `merge` and `json`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "PatchFields")]
#[schemars(with = "PatchFields", extend("oneOf" = [{"required": ["merge"]}, {"required": ["json"]}]))]
pub struct Patch {
    /// The object.
    pub object: ObjectReference,
    /// How.
    pub change: Change,
    /// What the API server must refuse it with; without it, it must be accepted.
    pub denied: Option<Located<TextCondition>>,
}

/// How a patch is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A JSON merge patch (RFC 7386).
    Merge(Map<String, Value>),
    /// A JSON patch (RFC 6902).
    Json(Vec<Value>),
}

/// The fields of `patch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PatchFields {
    /// The object.
    object: ObjectReference,
    /// A JSON merge patch (RFC 7386).
    #[serde(default)]
    merge: Option<Map<String, Value>>,
    /// A JSON patch (RFC 6902).
    #[serde(default)]
    json: Option<Vec<Value>>,
    /// What the API server must refuse it with.
    #[serde(default)]
    denied: Option<Located<TextCondition>>,
}

impl TryFrom<PatchFields> for Patch {
    type Error = &'static str;

    fn try_from(fields: PatchFields) -> Result<Self, Self::Error> {
        let change = match (fields.merge, fields.json) {
            (Some(merge), None) => Change::Merge(merge),
            (None, Some(json)) => Change::Json(json),
            _ => return Err("`patch` needs exactly one of `merge` and `json`"),
        };
        Ok(Self {
            object: fields.object,
            change,
            denied: fields.denied,
        })
    }
}

impl fmt::Display for Patch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "patch {} by hand", self.object)
    }
}
