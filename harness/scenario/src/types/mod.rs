//! Types of CEL expressions, found before anything runs.
//!
//! Gradual: what nobody can know beforehand, such as the `spec` of an arbitrary object, is [`Type::Dynamic`] and goes with everything. What
//! is known is held against the operators and functions that the interpreter really has, so that `object.metadata.lable` or
//! `generation == "3"` is an error of the file and not a wait that never ends.

mod calls;
mod check;
mod environment;
mod functions;
mod kubernetes;
mod operators;
mod shape;
mod signature;
#[cfg(test)]
mod tests;

pub(crate) use check::{Checked, check};
pub use environment::Environment;
pub use shape::{Record, Type};
