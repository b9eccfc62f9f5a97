//! A cluster as its API server shows it: names of objects, the objects, and the requests that change them.

mod discovery;
mod error;
mod handle;
mod kinds;
mod object;
mod reference;
mod selector;
mod verbs;

pub use discovery::Resource;
pub use error::{Cause, KubernetesError};
pub use handle::{Access, Kubernetes};
pub use object::{Condition, Object};
pub use reference::{KindReference, ObjectReference, ReferenceError};
pub use selector::KindSelector;
pub use verbs::Propagation;

pub(crate) use handle::stamped;
