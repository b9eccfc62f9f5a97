//! Reads objects, or a field of one, for later steps.

use crate::{Located, ObjectReference, ObjectSelector, Timespan};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// Reads a field of an object, as soon as it has one, or the objects of a kind as they are, for later steps. Output: `value`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "ReadFields")]
#[schemars(with = "ReadFields", transform = a_field_or_objects)]
pub struct Read {
    /// What is read.
    pub subject: ReadSubject,
    /// How long it may take until it is there.
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    pub output: Located<String>,
}

/// What is read.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadSubject {
    /// A field of an object.
    Field {
        /// The object.
        object: ObjectReference,
        /// The field as it is written.
        field: Located<String>,
    },
    /// Objects, a list ordered by namespace and name; there may be none.
    Objects(ObjectSelector),
}

/// The fields of `read`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadFields {
    /// The object that has the field.
    #[serde(default)]
    object: Option<ObjectReference>,
    /// The field: names and positions with dots between them, such as `status.webhookPath` or `spec.containers.0.image`. One that begins
    /// with `/` is a JSON pointer (RFC 6901), for names that have dots themselves.
    #[serde(default)]
    field: Option<Located<String>>,
    /// In place of a field: objects by kind, namespace and labels, a list of which there may be none.
    #[serde(default)]
    objects: Option<ObjectSelector>,
    /// How long it may take until the object is there and has the field.
    #[serde(default)]
    within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(rename = "as")]
    output: Located<String>,
}

impl Read {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(30);
    /// What later steps can read.
    pub const OUTPUT: &'static [&'static str] = &["value"];
}

/// A field, as it is written, as a JSON pointer.
#[must_use]
pub fn pointer(field: &str) -> String {
    if field.starts_with('/') {
        return field.to_owned();
    }
    let parts = field.split('.');
    parts
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect()
}

impl TryFrom<ReadFields> for Read {
    type Error = &'static str;

    fn try_from(fields: ReadFields) -> Result<Self, Self::Error> {
        let subject = match (fields.object, fields.field, fields.objects) {
            (Some(object), Some(field), None) => ReadSubject::Field { object, field },
            (None, None, Some(objects)) => ReadSubject::Objects(objects),
            (Some(_), None, None) => return Err("`read` of an `object` needs the `field` that is read"),
            (None, Some(_), None) => return Err("`read` of a `field` needs the `object` that has it"),
            (_, _, Some(_)) => {
                return Err("`read` takes `objects`, or `object` and `field`, and not both");
            }
            (None, None, None) => return Err("`read` needs `object` and `field`, or `objects`"),
        };
        Ok(Self {
            subject,
            within: fields.within,
            output: fields.output,
        })
    }
}

/// For editors: a field of an object, or objects.
fn a_field_or_objects(schema: &mut Schema) {
    let both = json!([{"required": ["object", "field"]}, {"required": ["objects"]}]);
    schema.insert("oneOf".to_owned(), both);
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name == "as");
    }
}

impl fmt::Display for Read {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            ReadSubject::Field { object, field } => write!(formatter, "read {field} of {object}"),
            ReadSubject::Objects(objects) => write!(formatter, "read {objects}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_field_is_a_pointer_or_becomes_one() {
        assert_eq!(pointer("status.webhookPath"), "/status/webhookPath");
        assert_eq!(pointer("spec.containers.0.image"), "/spec/containers/0/image");
        assert_eq!(pointer("data.a/b"), "/data/a~1b");
        assert_eq!(pointer("/data/a.b"), "/data/a.b");
    }
}
