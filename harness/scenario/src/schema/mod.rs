//! The JSON Schema of scenario files and step groups, for editors: made from the very types that files are read into.
//!
//! It says what a file looks like, not whether it is right: names, times that fit and conditions that can fail are for `plumbline check`.

mod file;
mod placeholder;
mod value;

pub(crate) use value::ObjectOr;

use crate::group::USE;
use file::{GroupFile, ScenarioFile, Use};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The JSON Schema (draft 7, which every editor knows) of the files in a scenario folder.
#[must_use]
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let scenario = generator.subschema_for::<ScenarioFile>().to_value();
    let group = generator.subschema_for::<GroupFile>().to_value();
    let using = reference_of::<Use>(&mut generator);
    let mut definitions = generator.take_definitions(true);
    add_use(&mut definitions, using);
    add_cluster(&mut definitions);
    placeholder::accept(&mut definitions);
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "plumbline scenario",
        "description": "A scenario, which has a claim, or a step group, which has parameters.",
        "if": {
            "anyOf": [{"required": ["about"]}, {"required": ["parameters"]}],
            "not": {"required": ["claim"]},
        },
        "then": group,
        "else": scenario,
        "definitions": definitions,
    })
}

fn reference_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// `use` is a step that is gone before steps are decoded.
fn add_use(definitions: &mut Map<String, Value>, using: Value) {
    if let Some(Value::Array(verbs)) = definitions.get_mut("Step").and_then(|step| step.get_mut("oneOf")) {
        verbs.push(json!({
            "description": "Puts the steps of a group in its place.",
            "type": "object",
            "properties": {USE: using},
            "required": [USE],
            "additionalProperties": false,
        }));
    }
}

/// `cluster` is a field of every verb that is a mapping.
fn add_cluster(definitions: &mut Map<String, Value>) {
    let Some(Value::Array(verbs)) = definitions.get("Step").and_then(|step| step.get("oneOf")) else {
        return;
    };
    let fields = verbs
        .iter()
        .filter_map(|verb| verb.get("properties")?.as_object()?.values().next());
    let mut names = Vec::new();
    for verb in fields {
        note_mappings(verb, &mut names);
    }
    for name in names {
        if let Some(definition) = definitions.get_mut(&name) {
            add_cluster_to(definition);
        }
    }
}

/// The definitions that a schema stands for.
fn note_mappings(schema: &Value, names: &mut Vec<String>) {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        names.extend(name.strip_prefix("#/definitions/").map(str::to_owned));
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for alternative in schema
            .get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            note_mappings(alternative, names);
        }
    }
}

fn add_cluster_to(schema: &mut Value) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties
            .entry("cluster")
            .or_insert_with(|| json!({"description": "One of the scenario's `clusters`; the main one if absent.", "type": "string"}));
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("oneOf") {
        for alternative in alternatives
            .iter_mut()
            .filter(|one| one.get("properties").is_some())
        {
            add_cluster_to(alternative);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{expansion::USE_FIELDS, group, header};
    use std::collections::BTreeSet;

    fn fields_of(name: &str) -> BTreeSet<String> {
        let schema = schema();
        let properties = schema["definitions"][name]["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    }

    fn set(fields: &[&str]) -> BTreeSet<String> {
        fields.iter().map(|field| (*field).to_owned()).collect()
    }

    #[test]
    fn files_have_the_fields_that_the_loader_knows() {
        assert_eq!(fields_of("ScenarioFile"), set(&header::FIELDS));
        assert_eq!(fields_of("GroupFile"), set(&group::FIELDS));
        assert_eq!(fields_of("Use"), set(&USE_FIELDS));
    }

    /// What an editor shows beside a word is never nothing.
    #[test]
    fn every_verb_and_every_field_is_described() {
        fn look(schema: &Value, path: &str, silent: &mut Vec<String>) {
            let Some(map) = schema.as_object() else { return };
            for (name, property) in map
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                if property.get("description").is_none() && property.get("$ref").is_none() {
                    silent.push(format!("{path}.{name}"));
                }
            }
            for (key, value) in map {
                look(value, &format!("{path}.{key}"), silent);
            }
        }
        let mut silent = Vec::new();
        look(&schema(), "", &mut silent);
        assert_eq!(silent, Vec::<String>::new());
    }

    #[test]
    fn every_mapping_of_a_verb_may_name_its_cluster() {
        let schema = schema();
        for verb in ["Onboard", "Expect", "Apply", "Reconcile", "Use"] {
            let name = schema["definitions"]
                .as_object()
                .unwrap()
                .keys()
                .find(|name| **name == verb || **name == format!("{verb}Fields"))
                .unwrap();
            assert!(fields_of(name).contains("cluster"), "{verb}");
        }
    }
}
