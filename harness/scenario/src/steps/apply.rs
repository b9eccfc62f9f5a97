//! Applies manifests by hand.

use crate::{Located, TextCondition};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt;

/// Applies manifests by hand, server-side, as someone with `kubectl` would: one that is written here, or a file beside the scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "ApplyFields")]
#[schemars(with = "ApplyFields", extend("oneOf" = [{"required": ["manifest"]}, {"required": ["file"]}]))]
pub struct Apply {
    /// What is applied.
    pub manifests: Manifests,
    /// What the API server must refuse it with; without it, it must be accepted.
    pub denied: Option<Located<TextCondition>>,
}

/// Where manifests are written.
#[derive(Clone, Debug, PartialEq)]
pub enum Manifests {
    /// In the step: one whole object.
    Here(Located<Map<String, Value>>),
    /// In a YAML file, which may hold several.
    File {
        /// As a path relative to the file that names it.
        path: Located<String>,
        /// The objects in their order; a loaded scenario has them.
        objects: Vec<Map<String, Value>>,
    },
}

/// The fields of `apply`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApplyFields {
    /// One whole object.
    #[serde(default)]
    manifest: Option<Located<Map<String, Value>>>,
    /// A file of objects, relative to the scenario's own.
    #[serde(default)]
    file: Option<Located<String>>,
    /// What the API server must refuse it with.
    #[serde(default)]
    denied: Option<Located<TextCondition>>,
}

impl TryFrom<ApplyFields> for Apply {
    type Error = &'static str;

    fn try_from(fields: ApplyFields) -> Result<Self, Self::Error> {
        let manifests = match (fields.manifest, fields.file) {
            (Some(manifest), None) => Manifests::Here(manifest),
            (None, Some(path)) => Manifests::File {
                path,
                objects: Vec::new(),
            },
            _ => return Err("`apply` needs exactly one of `manifest` and `file`"),
        };
        Ok(Self {
            manifests,
            denied: fields.denied,
        })
    }
}

/// What a manifest lacks to be an object: `apiVersion`, `kind` or `metadata.name`.
#[must_use]
pub fn missing_field(manifest: &Map<String, Value>) -> Option<&'static str> {
    let is_text = |value: Option<&Value>| value.is_some_and(Value::is_string);
    if !is_text(manifest.get("apiVersion")) {
        return Some("apiVersion");
    }
    if !is_text(manifest.get("kind")) {
        return Some("kind");
    }
    let name = manifest.get("metadata").and_then(|metadata| metadata.get("name"));
    (!is_text(name)).then_some("metadata.name")
}

impl fmt::Display for Apply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = match &self.manifests {
            Manifests::Here(manifest) => &manifest.value,
            Manifests::File { path, .. } => return write!(formatter, "apply {path}"),
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
        let metadata = manifest.get("metadata");
        write!(formatter, "apply {} ", text(manifest.get("kind")))?;
        if let Some(namespace) = metadata
            .and_then(|metadata| metadata.get("namespace"))
            .and_then(Value::as_str)
        {
            write!(formatter, "{namespace}/")?;
        }
        formatter.write_str(&text(metadata.and_then(|metadata| metadata.get("name"))))
    }
}
