//! Where a value stands in its file.

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use std::{fmt, marker::PhantomData, ops::Deref};

/// A stretch of a file, on one line or beginning on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    /// From the beginning of the text, in bytes.
    pub offset: usize,
    /// In bytes; may be 0.
    pub length: usize,
}

/// A value and the place where it was written.
#[derive(Clone, Copy, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// The name by which [`Located`] asks the deserializer of this crate for a place. No other deserializer knows it.
pub(crate) const LOCATED: &str = "__plumbline_located";

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(formatter)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple_struct(LOCATED, 5, LocatedVisitor(PhantomData))
    }
}

struct LocatedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
    type Value = Located<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value and its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        fn part<'de, A: SeqAccess<'de>, P: Deserialize<'de>>(parts: &mut A) -> Result<P, A::Error> {
            parts
                .next_element()?
                .ok_or_else(|| de::Error::custom("a place has four numbers and a value"))
        }
        let span = Span {
            line: part(&mut parts)?,
            column: part(&mut parts)?,
            offset: part(&mut parts)?,
            length: part(&mut parts)?,
        };
        Ok(Located {
            value: part(&mut parts)?,
            span,
        })
    }
}
