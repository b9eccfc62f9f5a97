//! Schemas of values that are written as words: what such a word looks like, with `${…}` wherever that may stand.

use crate::{
    Capability, Located, ObjectKind, ObjectReference, ObjectSelector, ObjectSet, Predicate, Stage, Timespan,
    steps::ImageSelection,
};
use plumbline_model::requirements;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};
use std::{borrow::Cow, marker::PhantomData};

/// Where a value is written is no matter of its form.
impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A text of this form, or one with a placeholder in it.
fn word(form: &str, description: &str, examples: &[&str]) -> Schema {
    json_schema!({
        "type": "string",
        "description": description,
        "pattern": format!("{form}|\\$\\{{"),
        "examples": examples,
    })
}

impl JsonSchema for Timespan {
    fn schema_name() -> Cow<'static, str> {
        "Timespan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let description = "A whole number and a unit.";
        word("^[0-9]+(ms|s|m|h)$", description, &["500ms", "10s", "3m", "1h"])
    }
}

impl JsonSchema for ObjectKind {
    fn schema_name() -> Cow<'static, str> {
        "ObjectKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let form = "^([a-z0-9.-]+/)?([a-z0-9]+/)?[A-Z][A-Za-z0-9]*$";
        word(
            form,
            "A kind, with group and version where they are not clear.",
            &["Deployment", "apps/v1/Deployment"],
        )
    }
}

impl JsonSchema for ObjectReference {
    fn schema_name() -> Cow<'static, str> {
        "ObjectReference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let form = "^\\s*([a-z0-9.-]+/)?([a-z0-9]+/)?[A-Z][A-Za-z0-9]*\\s+([^\\s/]+/)?[^\\s/]+\\s*$";
        let examples = ["Kustomization flux-system/ledger", "v1/Namespace ledger"];
        word(
            form,
            "One object: its kind, then its namespace if it has one, and its name.",
            &examples,
        )
    }
}

impl JsonSchema for Predicate {
    fn schema_name() -> Cow<'static, str> {
        "Predicate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A condition in CEL. It reads `outputs`, `matrix` and `variables` by name, nothing is filled into it.",
            "examples": ["object.spec.replicas == 2"],
        })
    }
}

/// One of two forms.
fn either(alternatives: Vec<Schema>, description: &str) -> Schema {
    json_schema!({"description": description, "anyOf": alternatives})
}

impl JsonSchema for ObjectSet {
    fn schema_name() -> Cow<'static, str> {
        "ObjectSet".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let alternatives = vec![
            generator.subschema_for::<ObjectReference>(),
            generator.subschema_for::<ObjectSelector>(),
        ];
        either(
            alternatives,
            "One object by name, or objects by kind, namespace and labels.",
        )
    }
}

impl JsonSchema for ImageSelection {
    fn schema_name() -> Cow<'static, str> {
        "ImageSelection".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = json_schema!({"type": "array", "items": {"type": "string"}, "minItems": 1});
        let description =
            "Images by their upstream names; `platform` stands for all that the platform itself consists of.";
        either(vec![json_schema!({"const": "platform"}), names], description)
    }
}

/// The id of a requirement.
pub(super) struct Requirement;

impl JsonSchema for Requirement {
    fn schema_name() -> Cow<'static, str> {
        "Requirement".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let ids = requirements().iter().map(|requirement| {
            json_schema!({"const": requirement.id.as_str(), "description": requirement.statement})
        });
        json_schema!({"description": "The id of a requirement.", "oneOf": ids.collect::<Vec<_>>()})
    }
}

/// A stage or capabilities, one word or a list.
pub(super) struct Needs;

impl JsonSchema for Needs {
    fn schema_name() -> Cow<'static, str> {
        "Needs".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let words = [
            generator.subschema_for::<Stage>(),
            generator.subschema_for::<Capability>(),
        ];
        let list = json_schema!({"type": "array", "items": {"anyOf": words}, "uniqueItems": true});
        let [stage, capability] = words;
        either(
            vec![stage, capability, list],
            "One word, or a list of a stage and capabilities.",
        )
    }
}

/// `true` or lanes.
pub(super) struct Exclusion;

impl JsonSchema for Exclusion {
    fn schema_name() -> Cow<'static, str> {
        "Exclusion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let lanes = json_schema!({"type": "array", "items": {"type": "string"}, "minItems": 1});
        let description = "Alone, or never beside another scenario that names the same lane.";
        either(vec![json_schema!({"type": "boolean"}), lanes], description)
    }
}

/// Lists by name or a list of combinations.
pub(super) struct Matrix;

impl JsonSchema for Matrix {
    fn schema_name() -> Cow<'static, str> {
        "Matrix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json_schema!({"type": ["string", "integer", "boolean"]});
        let product = json_schema!({
            "type": "object",
            "additionalProperties": {"type": "array", "items": value, "minItems": 1},
        });
        let list = json_schema!({
            "type": "array",
            "items": {"type": "object", "additionalProperties": value, "minProperties": 1},
            "minItems": 1,
        });
        either(
            vec![product, list],
            "Lists by name, or a list of mappings with the same names.",
        )
    }
}

/// A step that is also written with its object alone.
pub(crate) struct ObjectOr<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for ObjectOr<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ObjectOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let alternatives = vec![
            generator.subschema_for::<ObjectReference>(),
            generator.subschema_for::<T>(),
        ];
        let mut schema = Map::new();
        schema.insert(
            "anyOf".to_owned(),
            alternatives
                .into_iter()
                .map(Schema::to_value)
                .collect::<Vec<Value>>()
                .into(),
        );
        schema.into()
    }
}
