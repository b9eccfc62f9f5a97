//! From the spanned document to typed values: a serde deserializer whose errors have a place and a hint.

use crate::{
    Span,
    document::{Content, Entry, Node},
    group::USE,
    span::LOCATED,
    suggestion,
};
use serde::{
    Deserialize,
    de::{
        self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
        VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};
use std::fmt;

/// Why a value is not what its place asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecodeError {
    pub(crate) span: Option<Span>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Reads a value.
pub(crate) fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, DecodeError> {
    T::deserialize(NodeDeserializer(node))
}

impl DecodeError {
    fn new(message: String) -> Self {
        Self {
            span: None,
            message,
            help: None,
        }
    }

    /// The innermost place wins: it is set first.
    fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// The expectation of a visitor in the words of an author.
    fn expected(expected: &dyn de::Expected, found: &str) -> Self {
        let expected = expected.to_string();
        let words = match expected.as_str() {
            "u8" => "a whole number from 0 to 255",
            "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
            "a sequence" => "a list",
            "a map" => "a mapping",
            "a boolean" => "`true` or `false`",
            structure if structure.starts_with("struct ") => "a mapping",
            other => other,
        };
        Self::new(format!("expected {words}, found {found}"))
    }

    fn helped(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        if found == Unexpected::UnitVariant {
            return Self::new("this word needs a value".to_owned()).helped("write `word: value`");
        }
        let error = Self::expected(expected, &words_of(found));
        match found {
            Unexpected::Bool(_) | Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_)
                if expected.to_string() == "a string" =>
            {
                error.helped("put it in quotes to make it a string")
            }
            _ => error,
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::expected(expected, &words_of(found))
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {expected}, found {length} of them"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown word `{variant}`"))
            .helped(suggestion::instead(variant, expected.iter().copied()))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let error = Self::new(format!("unknown field `{field}`"));
        if is_word(field) {
            return error.helped(suggestion::instead(field, expected.iter().copied()));
        }
        error.helped("inside `{…}` a value ends at a comma: put the value that has one in quotes")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the field `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("the field `{field}` is here twice"))
    }
}

/// Whether a key could be meant as the name of a field.
fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|character| character.is_alphanumeric() || "-_".contains(character))
}

fn words_of(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(truth) => format!("`{truth}`"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Str(text) => format!("`{}`", text.chars().take(60).collect::<String>()),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'de>(&'de Node);

impl<'de> NodeDeserializer<'de> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.0.content {
            Content::Null => visitor.visit_unit(),
            Content::Boolean(truth) => visitor.visit_bool(*truth),
            Content::Integer(number) => visitor.visit_i64(*number),
            Content::Unsigned(number) => visitor.visit_u64(*number),
            Content::Float(number) => visitor.visit_f64(*number),
            Content::Text(text) => visitor.visit_borrowed_str(text),
            Content::Sequence(items) => visitor.visit_seq(Items(items.iter())),
            Content::Mapping(entries) => visitor.visit_map(Fields {
                entries: entries.iter(),
                value: None,
            }),
        }
    }

    /// The one verb of a step, or words for those whose indentation has slipped.
    fn only_entry(self, noun: &str, variants: &'static [&'static str]) -> Result<&'de Entry, DecodeError> {
        let example = variants.first().copied().unwrap_or_default();
        let whole = if noun == VERB { "step" } else { noun };
        match &self.0.content {
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
                        Content::Null => {
                            error.helped(format!("indent the fields of `{}` below it", first.key))
                        }
                        _ if noun == VERB => error.helped("begin each step with a dash of its own"),
                        _ => error.helped("leave one of them out"),
                    })
                }
            },
            Content::Text(text) => {
                let error = DecodeError::new(format!(
                    "`{}` is not a step",
                    text.chars().take(60).collect::<String>()
                ));
                Err(
                    error.helped(format!("a step is a verb with its fields: `{}: {{…}}`", {
                        suggestion::nearest(text, variants.iter().copied()).unwrap_or(example)
                    })),
                )
            }
            _ if noun == VERB => Err(DecodeError::new("this is not a step".to_owned())
                .helped(format!("a step is a verb with its fields: `{example}: {{…}}`"))),
            _ => Err(DecodeError::new(format!("this is not a {noun}")).helped(format!(
                "known are {}",
                suggestion::listed(variants.iter().copied())
            ))),
        }
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(visitor).map_err(|error| error.at(self.0.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == LOCATED {
            return visitor.visit_seq(LocatedParts {
                node: self.0,
                next: 0,
            });
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let result = match &self.0.content {
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
                let found = match &self.0.content {
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
                self.only_entry(noun, variants).and_then(|entry| {
                    visitor.visit_enum(Choice {
                        entry,
                        noun,
                        variants,
                    })
                })
            }
        };
        result.map_err(|error| error.at(self.0.span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple map struct
        identifier ignored_any
    }
}

/// The name of the enum of steps; other enums may be single words.
const STEP: &str = "Step";
/// What the key of a step is called.
const VERB: &str = "verb";

/// What the one key of a mapping is called.
fn noun_of(name: &str) -> &'static str {
    match name {
        STEP => VERB,
        "Fault" => "part of the platform",
        "Availability" => "state",
        "SecretSource" => "source of a secret",
        _ => "condition",
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        self.0
            .next()
            .map(|node| seed.deserialize(NodeDeserializer(node)))
            .transpose()
    }
}

struct Fields<'de> {
    entries: std::slice::Iter<'de, Entry>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(&entry.value);
        let key = de::value::BorrowedStrDeserializer::<DecodeError>::new(&entry.key);
        seed.deserialize(key)
            .map(Some)
            .map_err(|error| error.at(entry.key_span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        match self.value.take() {
            Some(node) => seed.deserialize(NodeDeserializer(node)),
            None => Err(DecodeError::new(
                "a value was asked for before its key".to_owned(),
            )),
        }
    }
}

/// The four numbers of a place, then the value.
struct LocatedParts<'de> {
    node: &'de Node,
    next: usize,
}

impl<'de> SeqAccess<'de> for LocatedParts<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let span = self.node.span;
        let part = self.next;
        self.next += 1;
        let number = |number: u64| IntoDeserializer::<DecodeError>::into_deserializer(number);
        match part {
            0 => seed.deserialize(number(span.line.into())).map(Some),
            1 => seed.deserialize(number(span.column.into())).map(Some),
            2 => seed.deserialize(number(span.offset as u64)).map(Some),
            3 => seed.deserialize(number(span.length as u64)).map(Some),
            4 => seed.deserialize(NodeDeserializer(self.node)).map(Some),
            _ => Ok(None),
        }
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
