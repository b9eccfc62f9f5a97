//! From the spanned document to typed values: a serde deserializer whose errors have a place and a hint.

mod choice;
mod error;
mod node;

pub(crate) use error::DecodeError;
pub(crate) use node::from_node;
