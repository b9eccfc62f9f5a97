//! The types and how they go together.

use serde_json::Value;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Not known beforehand; goes with everything.
    Dynamic,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A whole number that is not negative, written `3u`.
    Uint,
    /// A number with a fraction.
    Double,
    /// A text.
    String,
    /// Bytes.
    Bytes,
    /// A moment.
    Timestamp,
    /// A stretch of time.
    Duration,
    /// A value of one of Kubernetes' own types, by the name of that type.
    Special(&'static str),
    /// A list of values of one type.
    List(Arc<Type>),
    /// A map from keys of one type to values of one type.
    Map(Arc<Type>, Arc<Type>),
    /// A map with known keys.
    Record(Arc<Record>),
}

/// A map with known keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub(super) fields: BTreeMap<String, Field>,
    pub(super) open: bool,
}

/// What a key of a record stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) type_: Type,
    /// Whether each such record has it.
    pub(super) always: bool,
}

impl Type {
    /// A list.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// A map from strings.
    #[must_use]
    pub fn map(value: Self) -> Self {
        Self::Map(Arc::new(Self::String), Arc::new(value))
    }

    /// A map with exactly these keys: any other one is an error.
    #[must_use]
    pub fn record<Name: Into<String>>(fields: impl IntoIterator<Item = (Name, Self)>) -> Self {
        Self::with_fields(fields, false)
    }

    /// A map with these keys and others that are not known.
    #[must_use]
    pub fn open_record<Name: Into<String>>(fields: impl IntoIterator<Item = (Name, Self)>) -> Self {
        Self::with_fields(fields, true)
    }

    fn with_fields<Name: Into<String>>(fields: impl IntoIterator<Item = (Name, Self)>, open: bool) -> Self {
        let fields = fields.into_iter().map(|(name, type_)| {
            let field = Field { type_, always: false };
            (name.into(), field)
        });
        Self::Record(Arc::new(Record {
            fields: fields.collect(),
            open,
        }))
    }

    /// The same record, in which these fields are always there.
    pub(super) fn always(self, names: &[&str]) -> Self {
        let Self::Record(mut record) = self else {
            return self;
        };
        for (name, field) in &mut Arc::make_mut(&mut record).fields {
            field.always |= names.contains(&name.as_str());
        }
        Self::Record(record)
    }

    /// The type of a value that a file gives: mappings have exactly the keys that they have.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Dynamic,
            Value::Bool(_) => Self::Bool,
            Value::String(_) => Self::String,
            Value::Number(number) if number.is_i64() => Self::Int,
            Value::Number(number) if number.is_u64() => Self::Uint,
            Value::Number(_) => Self::Double,
            Value::Array(items) => Self::list(Self::common(items.iter().map(Self::of))),
            Value::Object(fields) => Self::record(
                fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), Self::of(value))),
            ),
        }
    }

    /// What all of them are.
    pub(super) fn common(types: impl IntoIterator<Item = Self>) -> Self {
        types
            .into_iter()
            .reduce(|one, other| if one == other { one } else { Self::Dynamic })
            .unwrap_or(Self::Dynamic)
    }

    /// Whether a value can be of both types.
    pub(super) fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dynamic, _) | (_, Self::Dynamic) => true,
            (Self::List(one), Self::List(other)) => one.fits(other),
            (Self::Map(key, value), Self::Map(other_key, other_value)) => {
                key.fits(other_key) && value.fits(other_value)
            }
            (Self::Record(record), Self::Map(key, value)) | (Self::Map(key, value), Self::Record(record)) => {
                key.fits(&Self::String) && record.fields.values().all(|field| field.type_.fits(value))
            }
            (Self::Record(_), Self::Record(_)) => true,
            _ => self == other,
        }
    }

    pub(super) const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Whether each record of this type has the field.
    pub(crate) fn always_has(&self, field: &str) -> bool {
        matches!(self, Self::Record(record) if record.fields.get(field).is_some_and(|field| field.always))
    }
}

/// With its article: `an int`.
impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dynamic => "any value",
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::String => "a string",
            Self::Bytes => "bytes",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::Special(name) => return write!(formatter, "{} {name}", article(name)),
            Self::List(element) => match plural(element) {
                Some(elements) => return write!(formatter, "a list of {elements}"),
                None => "a list",
            },
            Self::Map(_, value) => match plural(value) {
                Some(values) => return write!(formatter, "a map of {values}"),
                None => "a map",
            },
            Self::Record(_) => "a map",
        })
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) && !word.starts_with("uint") {
        "an"
    } else {
        "a"
    }
}

fn plural(element: &Type) -> Option<&'static str> {
    Some(match element {
        Type::Bool => "bools",
        Type::Int => "ints",
        Type::Uint => "uints",
        Type::Double => "doubles",
        Type::String => "strings",
        Type::Map(..) | Type::Record(_) => "maps",
        Type::List(_) => "lists",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_s_values_have_exactly_their_keys() {
        let type_ = Type::of(&json!({"a": 1, "b": ["x", "y"], "c": [1, "y"], "d": null, "e": 1.5}));
        let expected = Type::record([
            ("a", Type::Int),
            ("b", Type::list(Type::String)),
            ("c", Type::list(Type::Dynamic)),
            ("d", Type::Dynamic),
            ("e", Type::Double),
        ]);
        assert_eq!(type_, expected);
    }

    #[test]
    fn what_cannot_be_equal_does_not_fit() {
        let strings = || Type::map(Type::String);
        assert!(
            !Type::Int.fits(&Type::Double),
            "the interpreter never finds 1 and 1.0 equal"
        );
        assert!(Type::list(Type::Dynamic).fits(&Type::list(Type::Int)));
        assert!(!Type::list(Type::String).fits(&Type::list(Type::Int)));
        assert!(Type::record([("a", Type::String)]).fits(&strings()));
        assert!(!Type::record([("a", Type::Int)]).fits(&strings()));
        assert!(!Type::Special("quantity").fits(&Type::Special("semver")));
    }

    #[test]
    fn types_are_said_with_their_article() {
        for (type_, words) in [
            (Type::Int, "an int"),
            (Type::list(Type::String), "a list of strings"),
            (Type::list(Type::Dynamic), "a list"),
            (Type::Special("ip"), "an ip"),
            (Type::Special("quantity"), "a quantity"),
        ] {
            assert_eq!(type_.to_string(), words);
        }
    }
}
