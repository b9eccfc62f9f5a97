//! Enums: a step with its one verb, a condition with its one key.

use super::{DecodeError, error::beginning_of, node::NodeDeserializer};
use crate::{
    document::{Content, Entry, Node},
    group::USE,
    suggestion,
};
use serde::de::{self, DeserializeSeed, Deserializer as _, EnumAccess, VariantAccess, Visitor};

/// The name of the enum of steps; other enums may be single words.
const STEP: &str = "Step";
/// What the key of a step is called.
const VERB: &str = "verb";

/// What the one key of a mapping is called.
fn noun_of(name: &str) -> &'static str {
    match name {
        STEP => VERB,
        "Fault" => "part of the platform",
        "OtherContent" => "content",
        "Availability" => "state",
        "SecretSource" => "source of a secret",
        _ => "condition",
    }
}

/// Reads `node` as one of the `variants` of the enum `name`: a single word, or a mapping with one key.
pub(super) fn choose<'de, V: Visitor<'de>>(
    node: &'de Node,
    name: &str,
    variants: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, DecodeError> {
    match &node.content {
        Content::Text(text) if name != STEP => {
            visitor.visit_enum(de::value::StrDeserializer::<DecodeError>::new(text))
        }
        Content::Boolean(_)
        | Content::Integer(_)
        | Content::Unsigned(_)
        | Content::Float(_)
        | Content::Null
            if name != STEP =>
        {
            let found = match &node.content {
                Content::Boolean(truth) => format!("`{truth}`"),
                Content::Null => "nothing".to_owned(),
                _ => "a number".to_owned(),
            };
            Err(DecodeError::new(format!(
                "expected one of {}, found {found}",
                suggestion::listed(variants.iter().copied())
            )))
        }
        _ => {
            let noun = noun_of(name);
            only_entry(node, noun, variants).and_then(|entry| {
                visitor.visit_enum(Choice {
                    entry,
                    noun,
                    variants,
                })
            })
        }
    }
}

/// The one verb of a step, or words for those whose indentation has slipped.
fn only_entry<'de>(
    node: &'de Node,
    noun: &str,
    variants: &[&'static str],
) -> Result<&'de Entry, DecodeError> {
    let example = variants.first().copied().unwrap_or_default();
    let whole = if noun == VERB { "step" } else { noun };
    match &node.content {
        Content::Mapping(entries) => match &entries[..] {
            [entry] => Ok(entry),
            [] => Err(DecodeError::new(format!("an empty mapping is not a {whole}"))),
            [first, second, ..] => {
                let error = DecodeError::new(format!(
                    "a {whole} has one key, and this one has `{}` and `{}`",
                    first.key, second.key
                ))
                .at(second.key_span);
                Err(match first.value.content {
                    Content::Null => error.helped(format!("indent the fields of `{}` below it", first.key)),
                    _ if noun == VERB => error.helped("begin each step with a dash of its own"),
                    _ => error.helped("leave one of them out"),
                })
            }
        },
        Content::Text(text) => {
            let error = DecodeError::new(format!("`{}` is not a step", beginning_of(text)));
            Err(
                error.helped(format!("a step is a verb with its fields: `{}: {{…}}`", {
                    suggestion::nearest(text, variants.iter().copied()).unwrap_or(example)
                })),
            )
        }
        _ if noun == VERB => Err(DecodeError::new("this is not a step")
            .helped(format!("a step is a verb with its fields: `{example}: {{…}}`"))),
        _ => Err(DecodeError::new(format!("this is not a {noun}")).helped(format!(
            "known are {}",
            suggestion::listed(variants.iter().copied())
        ))),
    }
}

/// One entry of a mapping as a variant of an enum.
struct Choice<'de> {
    entry: &'de Entry,
    noun: &'static str,
    variants: &'static [&'static str],
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = DecodeError;
    type Variant = NodeVariant<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, NodeVariant<'de>), DecodeError> {
        let Self {
            entry,
            noun,
            variants,
        } = self;
        // Steps of groups are put in before steps are decoded, so that no step is one; an author may mean one.
        let others = (noun == VERB).then_some(USE);
        let known = variants.iter().copied().chain(others);
        let key = de::value::BorrowedStrDeserializer::<DecodeError>::new(&entry.key);
        let variant = seed.deserialize(key).map_err(|error| {
            DecodeError {
                message: format!("unknown {noun} `{}`", entry.key),
                ..error
            }
            .helped(suggestion::instead(&entry.key, known))
            .at(entry.key_span)
        })?;
        Ok((variant, NodeVariant(entry)))
    }
}

struct NodeVariant<'de>(&'de Entry);

impl<'de> VariantAccess<'de> for NodeVariant<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Err(DecodeError::new(format!("`{}` takes no value", self.0.key)).at(self.0.value.span))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        if let Content::Null = self.0.value.content {
            return Err(DecodeError::new(format!("`{}` has no fields", self.0.key)).at(self.0.key_span));
        }
        seed.deserialize(NodeDeserializer(&self.0.value))
            .map_err(|mut error| {
                // A mapping's own place is its first key, which is not what a missing field or a wrong combination is about.
                let is_about_all = error.span.is_none_or(|span| span == self.0.value.span);
                if is_about_all && matches!(self.0.value.content, Content::Mapping(_)) {
                    error.span = Some(self.0.key_span);
                }
                error
            })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        NodeDeserializer(&self.0.value).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        NodeDeserializer(&self.0.value).deserialize_any(visitor)
    }
}
