//! Whether an object holds a part, and every place where it does not.

use super::{ABSENT, shortened};
use serde_json::{Map, Value};
use std::fmt;

/// A place where an object is not as asserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// From the object's root, for example `spec.limits[type=Container].max.cpu`.
    pub(crate) path: String,
    /// What was asserted.
    pub(crate) expected: String,
    /// What is there.
    pub(crate) actual: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            expected,
            actual,
        } = self;
        write!(formatter, "{path} is {actual}, not {expected}")
    }
}

/// Every field of `part` must be in `object` with the same value; lists match element by element.
pub(crate) fn differences(part: &Map<String, Value>, object: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare("", &Value::Object(part.clone()), object, &mut differences);
    differences
}

fn compare(path: &str, part: &Value, value: &Value, differences: &mut Vec<Difference>) {
    match (part, value) {
        (Value::Object(part), Value::Object(value)) => {
            for (key, part) in part {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                match value.get(key) {
                    Some(value) => compare(&path, part, value, differences),
                    None => differences.push(Difference {
                        path,
                        expected: shortened(&part.to_string()),
                        actual: ABSENT.to_owned(),
                    }),
                }
            }
        }
        (Value::Array(part), Value::Array(value)) if part.len() == value.len() => {
            for (index, (part, value)) in part.iter().zip(value).enumerate() {
                let place = element(index, part, value);
                compare(&format!("{path}[{place}]"), part, value, differences);
            }
        }
        (part, value) if part == value => {}
        (Value::Array(part), Value::Array(value)) => differences.push(Difference {
            path: path.to_owned(),
            expected: listed(part),
            actual: listed(value),
        }),
        (part, value) => differences.push(Difference {
            path: path.to_owned(),
            expected: shortened(&part.to_string()),
            actual: shortened(&value.to_string()),
        }),
    }
}

/// The element by what both sides call it, else by its position.
fn element(index: usize, part: &Value, value: &Value) -> String {
    for key in ["name", "type"] {
        if let (Some(called), Some(other)) = (part[key].as_str(), value[key].as_str())
            && called == other
        {
            return format!("{key}={called}");
        }
    }
    index.to_string()
}

fn listed(list: &[Value]) -> String {
    let text = shortened(&Value::from(list.to_vec()).to_string());
    match list.len() {
        1 => format!("1 element {text}"),
        count => format!("{count} elements {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compared(part: &Value, value: &Value) -> Vec<String> {
        let found = differences(part.as_object().unwrap(), value);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn elements_are_called_what_both_sides_call_them() {
        let part = json!({"limits": [{"type": "Container", "max": {"cpu": "2"}}, {"type": "Pod", "max": {}}, {"n": 1}]});
        let value =
            json!({"limits": [{"type": "Container", "max": {"cpu": "4"}}, {"type": "PVC"}, {"n": 2}]});
        assert_eq!(
            compared(&part, &value),
            [
                "limits[type=Container].max.cpu is \"4\", not \"2\"",
                "limits[1].max is absent, not {}",
                "limits[1].type is \"PVC\", not \"Pod\"",
                "limits[2].n is 2, not 1",
            ]
        );
    }

    #[test]
    fn lists_of_other_lengths_are_shown_as_wholes() {
        assert_eq!(
            compared(&json!({"a": [1]}), &json!({"a": [1, 2]})),
            ["a is 2 elements [1,2], not 1 element [1]"]
        );
        assert_eq!(
            compared(&json!({"a": []}), &json!({"a": [], "b": 1})),
            Vec::<String>::new()
        );
    }
}
