//! `${…}` in the strings of steps, and `$${` for a literal `${`.
//!
//! `${registry}`, `${namespace}`, `${outputs.<name>.<field>}` and `${secrets.<name>}` are filled in while a scenario runs, here. `${matrix.<name>}`,
//! `${variables.<name>}` and `${parameters.<name>}` are filled in when files are loaded, by [`crate::constants`].

mod fill;
mod place;
mod placeholder;

pub use fill::{ResolveError, Variables};
pub(crate) use fill::{as_text, fill};
pub(crate) use place::{Place, visit_strings};
pub(crate) use placeholder::{Part, Placeholder, Scope, has_placeholder, parts, plain, whole};
