//! From JSON to the document, which then knows no places.

use crate::{
    Span,
    document::{Content, Entry, Node},
};
use serde_json::Value;

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        Self {
            span: Span::default(),
            content: value.into(),
        }
    }
}

impl From<&Value> for Content {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Boolean(*truth),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Self::Integer(number),
                (None, Some(number)) => Self::Unsigned(number),
                (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::Sequence(items.iter().map(Node::from).collect()),
            Value::Object(fields) => Self::Mapping(
                fields
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: Span::default(),
                        value: value.into(),
                    })
                    .collect(),
            ),
        }
    }
}
