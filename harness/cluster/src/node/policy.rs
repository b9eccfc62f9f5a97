//! The door through which an image must pass before a pod may use it.

use futures::future::BoxFuture;
use plumbline_images::Resolved;
use std::fmt;

/// Decides which images may run; for example only those whose signature verifies.
pub trait ImagePolicy: Send + Sync + fmt::Debug {
    /// Admits `image`, or says why not. The reason becomes the message of the pod's waiting state and of an event.
    fn admit<'a>(&'a self, image: &'a Resolved) -> BoxFuture<'a, Result<(), String>>;
}
