//! `${…}` in the strings of steps, and `$${` for a literal `${`.
//!
//! `${registry}`, `${namespace}`, `${outputs.<name>.<field>}` and `${secrets.<name>}` are filled in while a scenario runs, here. `${matrix.<name>}`,
//! `${variables.<name>}` and `${parameters.<name>}` are filled in when files are loaded, by [`crate::constants`].

use crate::{
    Span,
    document::{Content, Entry, Node},
};
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

/// A `${…}` in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder<'text> {
    /// `${registry}`.
    Registry,
    /// `${namespace}`.
    Namespace,
    /// `${outputs.<name>.<field>}`.
    Output { name: &'text str, field: &'text str },
    /// `${secrets.<name>}`.
    Secret(&'text str),
    /// `${matrix.<name>}` and the like.
    Constant { scope: Scope, name: &'text str },
    /// Anything else between the braces.
    Unknown(&'text str),
    /// No closing brace.
    Unclosed,
}

/// Where values come from that are known when files are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Matrix,
    Variables,
    Parameters,
}

impl Scope {
    pub(crate) const ALL: [Self; 3] = [Self::Matrix, Self::Variables, Self::Parameters];

    /// The word before the point.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Variables => "variables",
            Self::Parameters => "parameters",
        }
    }
}

/// A part of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'text> {
    Literal(&'text str),
    Placeholder {
        offset: usize,
        length: usize,
        placeholder: Placeholder<'text>,
    },
}

/// The parts of a string in order.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut done = 0;
    while let Some(found) = text[done..].find("${").map(|found| done + found) {
        if text[done..found].ends_with('$') {
            parts.push(Part::Literal(&text[done..found - 1]));
            parts.push(Part::Literal("${"));
            done = found + 2;
            continue;
        }
        parts.push(Part::Literal(&text[done..found]));
        let body = &text[found + 2..];
        let Some(end) = body.find('}') else {
            let length = text.len() - found;
            parts.push(Part::Placeholder {
                offset: found,
                length,
                placeholder: Placeholder::Unclosed,
            });
            return parts;
        };
        parts.push(Part::Placeholder {
            offset: found,
            length: end + 3,
            placeholder: Placeholder::read(&body[..end]),
        });
        done = found + 2 + end + 1;
    }
    parts.push(Part::Literal(&text[done..]));
    parts
}

impl<'text> Placeholder<'text> {
    fn read(body: &'text str) -> Self {
        let known = match body.split_once('.') {
            None => match body {
                "registry" => Some(Self::Registry),
                "namespace" => Some(Self::Namespace),
                _ => None,
            },
            Some((_, "")) => None,
            Some(("outputs", path)) => match path.split_once('.') {
                Some((name, field)) if !name.is_empty() && !field.is_empty() => {
                    Some(Self::Output { name, field })
                }
                _ => None,
            },
            Some(("secrets", name)) => Some(Self::Secret(name)),
            Some((root, name)) => Scope::ALL
                .into_iter()
                .find(|scope| scope.word() == root)
                .map(|scope| Self::Constant { scope, name }),
        };
        known.unwrap_or(Self::Unknown(body))
    }

    fn value(self, variables: &Variables) -> Result<Content, ResolveError> {
        match self {
            Self::Registry => Ok(Content::Text(variables.registry.clone())),
            Self::Namespace => Ok(Content::Text(variables.namespace.clone())),
            Self::Output { name, field } => variables
                .outputs
                .get(name)
                .and_then(|output| output.get(field))
                .map(Content::from)
                .ok_or_else(|| ResolveError::NoValue(format!("outputs.{name}.{field}"))),
            Self::Secret(name) => variables
                .secrets
                .get(name)
                .map(|secret| Content::Text(secret.reveal().clone()))
                .ok_or_else(|| ResolveError::NoSecret(name.to_owned())),
            Self::Constant { scope, name } => Err(ResolveError::NoValue(format!("{}.{name}", scope.word()))),
            Self::Unknown(body) => Err(ResolveError::NoValue(body.to_owned())),
            Self::Unclosed => Err(ResolveError::NoValue(String::new())),
        }
    }
}

/// The placeholder that a text wholly is: its value keeps its type.
pub(crate) fn whole(text: &str) -> Option<Placeholder<'_>> {
    let mut parts = parts(text).into_iter().filter(|part| *part != Part::Literal(""));
    match (parts.next(), parts.next()) {
        (Some(Part::Placeholder { placeholder, .. }), None) => Some(placeholder),
        _ => None,
    }
}

/// Whether a text has a part that is known only while the scenario runs.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.contains("${")
        && parts(text)
            .iter()
            .any(|part| matches!(part, Part::Placeholder { .. }))
}

/// A text with `x` for each placeholder, for checks of its form.
pub(crate) fn plain(text: &str) -> String {
    parts(text)
        .into_iter()
        .map(|part| match part {
            Part::Literal(literal) => literal,
            Part::Placeholder { .. } => "x",
        })
        .collect()
}

/// Where in a step a value is: CEL is never spliced, it reads by itself what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The step itself.
    Step,
    /// The fields of `expect`.
    Expectation,
    /// The fields of `http`.
    Request,
    /// The fields of any other verb.
    Fields,
    /// CEL.
    Cel,
    /// Anywhere else.
    Below,
}

impl Place {
    /// The place of an entry's value.
    pub(crate) fn of_value(self, key: &str) -> Self {
        match (self, key) {
            (Self::Step, "expect") | (Self::Request, "expect") => Self::Expectation,
            (Self::Step, "http") => Self::Request,
            (Self::Step, _) => Self::Fields,
            (Self::Expectation, "that" | "never") => Self::Cel,
            _ => Self::Below,
        }
    }
}

/// Calls `visit` with every string of a node in which `${…}` is filled in, keys among them, and with its span.
pub(crate) fn visit_strings<'node>(
    node: &'node Node,
    place: Place,
    visit: &mut impl FnMut(Span, &'node str),
) {
    match &node.content {
        Content::Text(text) if place != Place::Cel => visit(node.span, text),
        Content::Sequence(items) => items
            .iter()
            .for_each(|item| visit_strings(item, Place::Below, visit)),
        Content::Mapping(entries) => {
            for entry in entries {
                visit(entry.key_span, &entry.key);
                visit_strings(&entry.value, place.of_value(&entry.key), visit);
            }
        }
        _ => {}
    }
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
                let key = filled_key(&entry.key, variables)?;
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
        Some(placeholder) => placeholder.value(variables),
        None => filled_key(text, variables).map(Content::Text),
    }
}

fn filled_key(text: &str, variables: &Variables) -> Result<String, ResolveError> {
    let mut done = String::new();
    for part in parts(text) {
        match part {
            Part::Literal(literal) => done.push_str(literal),
            Part::Placeholder {
                offset,
                length,
                placeholder,
            } => {
                let value = placeholder.value(variables)?;
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

impl From<&Value> for Content {
    fn from(value: &Value) -> Self {
        let node = |value: &Value| Node {
            span: Span::default(),
            content: value.into(),
        };
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Boolean(*truth),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Self::Integer(number),
                (None, Some(number)) => Self::Unsigned(number),
                (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::Sequence(items.iter().map(node).collect()),
            Value::Object(fields) => Self::Mapping(
                fields
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: Span::default(),
                        value: node(value),
                    })
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
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
            filled_key(text, &variables()).unwrap(),
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
        let node = |json: Value| Node {
            span: Span::default(),
            content: (&json).into(),
        };
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
    fn cel_is_left_alone() {
        let step = |json: Value| Node {
            span: Span::default(),
            content: (&json).into(),
        };
        let texts = |node: &Node| {
            let mut texts = Vec::new();
            visit_strings(node, Place::Step, &mut |_, text| texts.push(text.to_owned()));
            texts
        };
        let expect = step(json!({"expect": {"that": "cel", "matches": {"that": "text"}}}));
        assert_eq!(texts(&expect), ["expect", "matches", "that", "text", "that"]);
        let http = step(json!({"http": {"url": "a", "expect": {"that": "cel"}}}));
        assert!(!texts(&http).contains(&"cel".to_owned()));
        let exec = step(json!({"exec": {"expect": {"stdout": "a"}, "that": "text"}}));
        assert!(texts(&exec).contains(&"text".to_owned()));
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

    proptest! {
        #[test]
        fn parts_cover_the_text(text in "[a${}.]{0,30}") {
            let covered: usize = parts(&text).iter().map(|part| match part {
                Part::Literal(literal) => literal.len(),
                Part::Placeholder { length, .. } => *length,
            }).sum();
            let escapes = parts(&text).iter().filter(|part| **part == Part::Literal("${")).count();
            prop_assert_eq!(covered + escapes, text.len());
        }
    }
}
