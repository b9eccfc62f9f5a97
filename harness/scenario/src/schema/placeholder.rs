//! A string that is nothing but one `${…}` takes the value's own type, so it may stand wherever a number, a word of a choice or a list does.

use serde_json::{Map, Value, json};

/// A file's own lists, which are taken as they are written.
const WRITTEN_OUT: [&str; 5] = ["matrix", "given", "steps", "finally", "parameters"];

/// Lets a placeholder stand in for every value that is not free text.
pub(super) fn accept(definitions: &mut Map<String, Value>) {
    for (name, definition) in definitions.iter_mut() {
        let is_file = name.ends_with("File");
        accept_below(definition, is_file);
        if is_choice(definition) {
            wrap(definition);
        }
    }
    definitions.insert(
        "Placeholder".to_owned(),
        json!({
            "description": "One placeholder: a value that is filled in, of its own type.",
            "type": "string",
            "pattern": "^\\$\\{[^{}]+\\}$",
        }),
    );
}

fn accept_below(schema: &mut Value, is_file: bool) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties.iter_mut() {
                    if is_file && WRITTEN_OUT.contains(&name.as_str()) {
                        continue;
                    }
                    accept_below(property, false);
                    accept_here(property);
                }
            }
            ("items" | "additionalProperties", value @ Value::Object(_)) => {
                accept_below(value, false);
                accept_here(value);
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(alternatives)) => {
                alternatives
                    .iter_mut()
                    .for_each(|alternative| accept_below(alternative, false));
            }
            _ => {}
        }
    }
}

fn accept_here(schema: &mut Value) {
    let is_typed = match schema.get("type") {
        Some(Value::String(name)) => is_not_text(name),
        Some(Value::Array(names)) => {
            !names.contains(&json!("string")) && names.iter().filter_map(Value::as_str).any(is_not_text)
        }
        _ => false,
    };
    if is_typed || is_choice(schema) {
        wrap(schema);
    }
}

fn is_not_text(name: &str) -> bool {
    matches!(name, "integer" | "number" | "boolean" | "array" | "object")
}

/// Whether it is one of several words.
fn is_choice(schema: &Value) -> bool {
    let is_word = |schema: &Value| schema.get("const").is_some() || schema.get("enum").is_some();
    let alternatives = schema.get("oneOf").and_then(Value::as_array);
    is_word(schema) || alternatives.is_some_and(|all| !all.is_empty() && all.iter().all(is_word))
}

/// The schema or a placeholder; what describes it stays outside.
fn wrap(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    let mut inner = std::mem::take(keywords);
    for keyword in ["description", "default"] {
        if let Some(value) = inner.remove(keyword) {
            keywords.insert(keyword.to_owned(), value);
        }
    }
    let alternatives = [Value::Object(inner), json!({"$ref": "#/definitions/Placeholder"})];
    keywords.insert("anyOf".to_owned(), alternatives.to_vec().into());
}
