//! What is wrong with a part of an expression.

use crate::places::Places;
use kube_cel::cel::common::ast::IdedExpr;

/// What is wrong with a part of an expression, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// In bytes from the beginning of the expression.
    pub offset: usize,
    /// In bytes.
    pub length: usize,
    /// In words.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Flaw {
    pub(crate) fn new(places: &Places<'_>, part: &IdedExpr, message: String, help: Option<String>) -> Self {
        let (offset, length) = places.of(part);
        Self {
            offset,
            length,
            message,
            help,
        }
    }
}
