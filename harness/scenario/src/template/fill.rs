//! Values for the placeholders of a step, while the scenario runs.

use super::{Part, Place, Placeholder, parts, visit_strings, whole};
use crate::document::{Content, Entry, Node};
use plumbline_model::Secret;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The values that `${…}` stands for while a scenario runs, and that CEL reads.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// The name of the private registry.
    pub registry: String,
    /// The scenario's own namespace; empty if no step mentions it.
    pub namespace: String,
    /// The outputs of the steps so far: name to an object of fields.
    pub outputs: Map<String, Value>,
    /// The values of the scenario's secrets.
    pub secrets: BTreeMap<String, Secret<String>>,
}

/// A `${…}` that cannot be filled in while a scenario runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The step that names it left no such output.
    #[error("`${{{0}}}` has no value: the step that names this output has not left it")]
    NoValue(String),
    /// A secret without a value.
    #[error("`${{secrets.{0}}}` has no value: the run did not make it")]
    NoSecret(String),
    /// A list or a mapping in the middle of a text.
    #[error("`${{{0}}}` is a list or a mapping: it can only stand alone")]
    NotText(String),
    /// Two keys of a mapping are the same with their values filled in.
    #[error("the key `{0}` is there twice with the variables filled in")]
    SameKey(String),
    /// The step is not valid with the values filled in.
    #[error("the step is not valid with its variables filled in: {0}")]
    Invalid(String),
}

/// The node with every `${…}` filled in; `None` if there is none.
pub(crate) fn fill(node: &Node, place: Place, variables: &Variables) -> Result<Option<Node>, ResolveError> {
    let mut templated = false;
    visit_strings(node, place, &mut |_, text| templated |= text.contains("${"));
    if templated {
        filled(node, place, variables).map(Some)
    } else {
        Ok(None)
    }
}

fn filled(node: &Node, place: Place, variables: &Variables) -> Result<Node, ResolveError> {
    let content = match &node.content {
        Content::Text(text) if place != Place::Cel => filled_text(text, variables)?,
        Content::Sequence(items) => Content::Sequence(
            items
                .iter()
                .map(|item| filled(item, Place::Below, variables))
                .collect::<Result<_, _>>()?,
        ),
        Content::Mapping(entries) => {
            let mut copies: Vec<Entry> = Vec::with_capacity(entries.len());
            for entry in entries {
                let key = spliced(&entry.key, variables)?;
                if copies.iter().any(|copy| copy.key == key) {
                    return Err(ResolveError::SameKey(key));
                }
                copies.push(Entry {
                    value: filled(&entry.value, place.of_value(&entry.key), variables)?,
                    key,
                    key_span: entry.key_span,
                });
            }
            Content::Mapping(copies)
        }
        other => other.clone(),
    };
    Ok(Node {
        span: node.span,
        content,
    })
}

/// A text that is nothing but one placeholder takes the value's own type.
fn filled_text(text: &str, variables: &Variables) -> Result<Content, ResolveError> {
    match whole(text) {
        Some(placeholder) => value_of(placeholder, variables),
        None => spliced(text, variables).map(Content::Text),
    }
}

/// The text with the value of each placeholder in its place.
fn spliced(text: &str, variables: &Variables) -> Result<String, ResolveError> {
    let mut done = String::new();
    for part in parts(text) {
        match part {
            Part::Literal(literal) => done.push_str(literal),
            Part::Placeholder {
                offset,
                length,
                placeholder,
            } => {
                let value = value_of(placeholder, variables)?;
                let written = || text[offset..offset + length].trim_matches(['$', '{', '}']);
                done.push_str(&as_text(&value).ok_or_else(|| ResolveError::NotText(written().to_owned()))?);
            }
        }
    }
    Ok(done)
}

/// A value in the middle of a text; `None` for those that are no text.
pub(crate) fn as_text(content: &Content) -> Option<String> {
    match content {
        Content::Text(text) => Some(text.clone()),
        Content::Boolean(truth) => Some(truth.to_string()),
        Content::Integer(number) => Some(number.to_string()),
        Content::Unsigned(number) => Some(number.to_string()),
        Content::Float(number) => Some(number.to_string()),
        Content::Null | Content::Sequence(_) | Content::Mapping(_) => None,
    }
}

fn value_of(placeholder: Placeholder<'_>, variables: &Variables) -> Result<Content, ResolveError> {
    match placeholder {
        Placeholder::Registry => Ok(Content::Text(variables.registry.clone())),
        Placeholder::Namespace => Ok(Content::Text(variables.namespace.clone())),
        Placeholder::Output { name, field } => variables
            .outputs
            .get(name)
            .and_then(|output| output.get(field))
            .map(Content::from)
            .ok_or_else(|| ResolveError::NoValue(format!("outputs.{name}.{field}"))),
        Placeholder::Secret(name) => variables
            .secrets
            .get(name)
            .map(|secret| Content::Text(secret.reveal().clone()))
            .ok_or_else(|| ResolveError::NoSecret(name.to_owned())),
        Placeholder::Constant { scope, name } => {
            Err(ResolveError::NoValue(format!("{}.{name}", scope.word())))
        }
        Placeholder::Unknown(body) => Err(ResolveError::NoValue(body.to_owned())),
        Placeholder::Unclosed => Err(ResolveError::NoValue(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables() -> Variables {
        let outputs = json!({"change": {"revision": "abc", "count": 3, "list": [1, 2]}});
        Variables {
            registry: "registry.test".into(),
            namespace: "drift-1".into(),
            outputs: outputs.as_object().cloned().unwrap(),
            secrets: [("token".to_owned(), Secret::new("hunter22".to_owned()))].into(),
        }
    }

    #[test]
    fn each_form_is_filled_in() {
        let text = "${registry}/x@${outputs.change.revision} $${HOME} ${outputs.change.count}$ ${namespace} ${secrets.token}";
        assert_eq!(
            spliced(text, &variables()).unwrap(),
            "registry.test/x@abc ${HOME} 3$ drift-1 hunter22"
        );
    }

    #[test]
    fn a_placeholder_that_stands_alone_keeps_its_type() {
        let alone = |text| filled_text(text, &variables()).unwrap();
        assert!(matches!(alone("${outputs.change.count}"), Content::Integer(3)));
        assert!(matches!(alone("${outputs.change.list}"), Content::Sequence(items) if items.len() == 2));
        assert!(matches!(alone(" ${outputs.change.count}"), Content::Text(text) if text == " 3"));
        assert_eq!(
            filled_text("all: ${outputs.change.list}", &variables()).unwrap_err(),
            ResolveError::NotText("outputs.change.list".into())
        );
    }

    #[test]
    fn keys_are_filled_in_and_stay_apart() {
        let node = |json: Value| Node::from(&json);
        let keys = |node: &Node| match &node.content {
            Content::Mapping(entries) => entries.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let filled = fill(&node(json!({"a/${namespace}": 1})), Place::Below, &variables());
        assert_eq!(keys(&filled.unwrap().unwrap()), ["a/drift-1"]);
        let same = fill(
            &node(json!({"drift-1": 1, "${namespace}": 2})),
            Place::Below,
            &variables(),
        );
        assert_eq!(same.unwrap_err(), ResolveError::SameKey("drift-1".into()));
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        for text in [
            "${outputs.change.nope}",
            "${outputs.nope.revision}",
            "${secrets.nope}",
            "${matrix.system}",
            "${HOME}",
            "${",
        ] {
            assert!(filled_text(text, &variables()).is_err(), "{text}");
        }
    }
}
