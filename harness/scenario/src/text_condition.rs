//! Conditions on the text that a program writes.

use crate::Predicate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt;

/// What a text must be. Exactly one of the three in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextCondition {
    /// It has this text in it.
    Contains(String),
    /// It is this text, white space at both ends left aside.
    Equals(String),
    /// A part of it matches this regular expression, white space at both ends left aside.
    Matches(String),
}

impl TextCondition {
    /// Whether it holds for `text`.
    ///
    /// # Errors
    /// The regular expression is not one, in words.
    pub fn holds(&self, text: &str) -> Result<bool, String> {
        match self {
            Self::Contains(part) => Ok(text.contains(part.as_str())),
            Self::Equals(whole) => Ok(text.trim() == whole.trim()),
            Self::Matches(pattern) => {
                let variables: Map<String, Value> = [("text", text.trim()), ("pattern", pattern)]
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .into_iter()
                    .collect();
                Predicate::new("text.matches(pattern)").evaluate(&variables)
            }
        }
    }
}

impl fmt::Display for TextCondition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(part) => write!(formatter, "contains `{part}`"),
            Self::Equals(whole) => write!(formatter, "equals `{whole}`"),
            Self::Matches(pattern) => write!(formatter, "matches `{pattern}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_can_hold_and_fail() {
        assert_eq!(TextCondition::Contains("b".into()).holds("abc"), Ok(true));
        assert_eq!(TextCondition::Contains("x".into()).holds("abc"), Ok(false));
        assert_eq!(TextCondition::Equals("abc".into()).holds(" abc\n"), Ok(true));
        assert_eq!(TextCondition::Equals("ab".into()).holds("abc"), Ok(false));
        assert_eq!(TextCondition::Matches("^a.c$".into()).holds("abc"), Ok(true));
        assert_eq!(TextCondition::Matches("^b".into()).holds("abc"), Ok(false));
    }

    #[test]
    fn a_broken_regular_expression_is_an_error() {
        assert!(TextCondition::Matches("(".into()).holds("abc").is_err());
    }
}
