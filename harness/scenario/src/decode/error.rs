//! What is wrong with a value: serde's findings in the words of an author, with a place and a hint.

use crate::{Span, suggestion};
use serde::de::{self, Unexpected};
use std::fmt;

/// Why a value is not what its place asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecodeError {
    pub(crate) span: Option<Span>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl DecodeError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            span: None,
            message: message.into(),
            help: None,
        }
    }

    /// The innermost place wins: it is set first.
    pub(super) fn at(mut self, span: Span) -> Self {
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

    pub(super) fn helped(mut self, help: impl Into<String>) -> Self {
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
            return Self::new("this word needs a value").helped("write `word: value`");
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
        Unexpected::Str(text) => format!("`{}`", beginning_of(text)),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// As much of a text as a message has room for.
pub(super) fn beginning_of(text: &str) -> String {
    text.chars().take(60).collect()
}
