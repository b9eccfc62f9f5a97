//! Reads a field of an object for later steps.

use crate::{Located, ObjectReference, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Reads a field of an object, as soon as it has one, for later steps. Output: `value`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The object.
    pub object: ObjectReference,
    /// The field: names and positions with dots between them, such as `status.webhookPath` or `spec.containers.0.image`. One that begins
    /// with `/` is a JSON pointer (RFC 6901), for names that have dots themselves.
    pub field: Located<String>,
    /// How long it may take until the object is there and has the field.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(rename = "as")]
    pub output: Located<String>,
}

impl Read {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(30);
    /// What later steps can read.
    pub const OUTPUT: &'static [&'static str] = &["value"];

    /// The field as a JSON pointer.
    #[must_use]
    pub fn pointer(&self) -> String {
        if self.field.starts_with('/') {
            return self.field.value.clone();
        }
        let parts = self.field.split('.');
        parts
            .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
            .collect()
    }
}

impl fmt::Display for Read {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "read {} of {}", self.field, self.object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn a_field_is_a_pointer_or_becomes_one() {
        let pointer = |field: &str| {
            Read {
                object: "ConfigMap a/b".parse().unwrap(),
                field: Located {
                    value: field.to_owned(),
                    span: Span::default(),
                },
                within: None,
                output: Located {
                    value: "x".to_owned(),
                    span: Span::default(),
                },
            }
            .pointer()
        };
        assert_eq!(pointer("status.webhookPath"), "/status/webhookPath");
        assert_eq!(pointer("spec.containers.0.image"), "/spec/containers/0/image");
        assert_eq!(pointer("data.a/b"), "/data/a~1b");
        assert_eq!(pointer("/data/a.b"), "/data/a.b");
    }
}
