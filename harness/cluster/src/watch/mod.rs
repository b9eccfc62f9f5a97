//! Waiting without polling: one shared watch per kind, and waits whose conditions are evaluated on each event.

mod error;
mod feed;
mod follow;
mod observer;
mod source;
mod target;
mod wait;
mod watches;

pub use error::{WaitError, WaitTimeout};
pub(crate) use feed::Change;
pub use target::{Target, View};
pub use wait::Observed;
pub use watches::{Store, Watches};
