//! The container engine, through its own command line: the same client, context and host as the user's.
//!
//! The client is a child of the [`Keeper`](plumbline_keeper::Keeper) like every other program, so none is left behind
//! that waits for an engine which does not answer.

mod client;
mod disk;
mod error;
mod removal;

pub use client::{Docker, Engine};
pub use disk::{EngineDisk, Shortage, tells_of_full_disk};
pub use error::DockerError;
pub(crate) use removal::Removal;
