//! `${…}` in the strings of steps: `${registry}`, `${outputs.<name>.<field>}`, and `$${` for a literal `${`.

use crate::document::{Content, Entry, Node};
use serde_json::{Map, Value};

/// The values that `${…}` stands for.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// The name of the private registry.
    pub registry: String,
    /// The outputs of the steps so far: name to an object of fields.
    pub outputs: Map<String, Value>,
}

/// A `${…}` that cannot be filled in while a scenario runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The step that names it left no such output.
    #[error("`${{{0}}}` has no value: the step that names this output has not left it")]
    NoValue(String),
    /// The step is not valid with the values filled in.
    #[error("the step is not valid with its variables filled in: {0}")]
    Invalid(String),
}

/// A `${…}` in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder<'text> {
    /// `${registry}`.
    Registry,
    /// `${outputs.<name>.<field>}`.
    Output { name: &'text str, field: &'text str },
    /// Anything else between the braces.
    Unknown(&'text str),
    /// No closing brace.
    Unclosed,
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
        if body == "registry" {
            return Self::Registry;
        }
        let path = body
            .strip_prefix("outputs.")
            .and_then(|path| path.split_once('.'));
        match path {
            Some((name, field)) if !name.is_empty() && !field.is_empty() => Self::Output { name, field },
            _ => Self::Unknown(body),
        }
    }

    fn value(self, variables: &Variables) -> Result<String, ResolveError> {
        match self {
            Self::Registry => Ok(variables.registry.clone()),
            Self::Output { name, field } => {
                match variables.outputs.get(name).and_then(|output| output.get(field)) {
                    Some(Value::String(text)) => Ok(text.clone()),
                    Some(other) => Ok(other.to_string()),
                    None => Err(ResolveError::NoValue(format!("outputs.{name}.{field}"))),
                }
            }
            Self::Unknown(body) => Err(ResolveError::NoValue(body.to_owned())),
            Self::Unclosed => Err(ResolveError::NoValue(String::new())),
        }
    }
}

/// Calls `visit` with every string of a step in which `${…}` is filled in.
pub(crate) fn visit_strings<'node>(step: &'node Node, visit: &mut impl FnMut(&'node Node, &'node str)) {
    walk(step, Depth::Step, visit);
}

/// How far below the step a mapping is: CEL is a field of the verb `expect`, two mappings down.
#[derive(Clone, Copy)]
enum Depth {
    Step,
    Fields { expectation: bool },
    Below,
}

impl Depth {
    /// The depth of an entry's value; `None` for CEL, which reads `outputs` by itself and must not be spliced.
    fn of_value(self, key: &str) -> Option<Self> {
        match self {
            Self::Step => Some(Self::Fields {
                expectation: key == "expect",
            }),
            Self::Fields { expectation: true } if key == "that" => None,
            Self::Fields { .. } | Self::Below => Some(Self::Below),
        }
    }
}

fn walk<'node>(node: &'node Node, depth: Depth, visit: &mut impl FnMut(&'node Node, &'node str)) {
    match &node.content {
        Content::Text(text) => visit(node, text),
        Content::Sequence(items) => items.iter().for_each(|item| walk(item, Depth::Below, visit)),
        Content::Mapping(entries) => {
            for entry in entries {
                if let Some(depth) = depth.of_value(&entry.key) {
                    walk(&entry.value, depth, visit);
                }
            }
        }
        Content::Null
        | Content::Boolean(_)
        | Content::Integer(_)
        | Content::Unsigned(_)
        | Content::Float(_) => {}
    }
}

/// The step with every `${…}` filled in; `None` if there is none.
pub(crate) fn fill(step: &Node, variables: &Variables) -> Result<Option<Node>, ResolveError> {
    let mut templated = false;
    visit_strings(step, &mut |_, text| templated |= text.contains("${"));
    if templated {
        filled(step, Depth::Step, variables).map(Some)
    } else {
        Ok(None)
    }
}

fn filled(node: &Node, depth: Depth, variables: &Variables) -> Result<Node, ResolveError> {
    let content = match &node.content {
        Content::Text(text) => Content::Text(filled_text(text, variables)?),
        Content::Sequence(items) => Content::Sequence(
            items
                .iter()
                .map(|item| filled(item, Depth::Below, variables))
                .collect::<Result<_, _>>()?,
        ),
        Content::Mapping(entries) => {
            let copy = |entry: &Entry| -> Result<Entry, ResolveError> {
                let value = match depth.of_value(&entry.key) {
                    Some(depth) => filled(&entry.value, depth, variables)?,
                    None => entry.value.clone(),
                };
                Ok(Entry {
                    key: entry.key.clone(),
                    key_span: entry.key_span,
                    value,
                })
            };
            Content::Mapping(entries.iter().map(copy).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    };
    Ok(Node {
        span: node.span,
        content,
    })
}

fn filled_text(text: &str, variables: &Variables) -> Result<String, ResolveError> {
    parts(text).into_iter().try_fold(String::new(), |mut done, part| {
        match part {
            Part::Literal(literal) => done.push_str(literal),
            Part::Placeholder { placeholder, .. } => done.push_str(&placeholder.value(variables)?),
        }
        Ok(done)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn variables() -> Variables {
        let outputs = json!({"change": {"revision": "abc", "count": 3}});
        Variables {
            registry: "registry.test".into(),
            outputs: outputs.as_object().cloned().unwrap(),
        }
    }

    #[test]
    fn each_form_is_filled_in() {
        let text = "${registry}/x@${outputs.change.revision} $${HOME} ${outputs.change.count}$";
        assert_eq!(
            filled_text(text, &variables()).unwrap(),
            "registry.test/x@abc ${HOME} 3$"
        );
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        for text in [
            "${outputs.change.nope}",
            "${outputs.nope.revision}",
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
