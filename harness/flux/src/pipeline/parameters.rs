//! The parameters of a template: what it declares, and what it is given.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A parameter of a template, as it declares it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    name: String,
    #[serde(rename = "type", default = "text")]
    kind: Kind,
    default: Option<Value>,
    values: Option<Vec<Value>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    Boolean,
    Object,
}

const fn text() -> Kind {
    Kind::String
}

impl Kind {
    /// Whether a parameter of this type may have the value. An object is anything.
    const fn takes(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::String, Value::String(_)) | (Self::Boolean, Value::Bool(_)) | (Self::Object, _)
        )
    }
}

/// What the parameters of a template are, those that were given and those that are not.
pub(super) fn parameters(
    declared: Option<Value>,
    mut given: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let declared: Vec<Parameter> = match declared {
        None => Vec::new(),
        Some(declared) => {
            serde_json::from_value(declared).map_err(|error| format!("its parameters: {error}"))?
        }
    };
    let mut parameters = Map::new();
    for Parameter {
        name,
        kind,
        default,
        values,
    } in declared
    {
        let value = given
            .remove(&name)
            .or(default)
            .ok_or_else(|| format!("its parameter `{name}` is not given"))?;
        if !kind.takes(&value) {
            return Err(format!("its parameter `{name}` cannot be {value}"));
        }
        if values.is_some_and(|values| !values.contains(&value)) {
            return Err(format!("its parameter `{name}` may not be {value}"));
        }
        parameters.insert(name, value);
    }
    match given.keys().next() {
        Some(unknown) => Err(format!("it has no parameter `{unknown}`")),
        None => Ok(parameters),
    }
}
