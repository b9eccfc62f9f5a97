//! The variables that an expression may read.

use super::Type;
use std::collections::BTreeMap;

/// The variables that an expression may read, and their types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, Type>,
}

impl Environment {
    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, type_: Type) -> Self {
        self.variables.insert(name.to_owned(), type_);
        self
    }

    /// The type of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.variables.get(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.variables.keys().map(String::as_str)
    }
}
