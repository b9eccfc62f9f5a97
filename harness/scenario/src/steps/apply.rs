//! Applies a manifest by hand.

use crate::Located;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt;

/// Applies a manifest by hand, server-side, as someone with `kubectl` would.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// The whole object.
    pub manifest: Located<Map<String, Value>>,
}

impl Apply {
    /// What the manifest lacks to be an object: `apiVersion`, `kind` or `metadata.name`.
    #[must_use]
    pub fn missing_field(&self) -> Option<&'static str> {
        let manifest = &self.manifest.value;
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
}

impl fmt::Display for Apply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.manifest.value;
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
