//! A cluster as its API server shows it: names of objects, the objects, and the requests that change them.

mod answer;
mod discovery;
mod error;
mod handle;
mod kinds;
mod object;
mod proxied;
mod reference;
mod retry;
mod selector;
mod verbs;

pub use discovery::Resource;
pub use error::{Cause, Fate, KubernetesError};
pub use handle::{Access, Kubernetes};
pub use object::{Condition, Object};
pub use reference::{KindReference, ObjectReference, ReferenceError};
pub use selector::KindSelector;
pub use verbs::{Deletion, Propagation};

pub(crate) use answer::within;
pub(crate) use handle::{certificates as authorities, stamped};
pub(crate) use retry::{Pauses, Repeat};
