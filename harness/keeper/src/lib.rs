//! Child processes that cannot be orphaned.
//!
//! A [`Keeper`] is a second process (the same executable, re-executed) that starts every child on the harness's behalf
//! and outlives the harness just long enough to end them all: `kill -9` of the harness is an end of file on the
//! keeper's socket, which stops the children in order, sweeps whatever is left, and removes the [`RunDirectory`].
//! Where the machine allows it the keeper is the first process of a PID namespace, so that the kernel itself ends the
//! children when the keeper dies too; the [`Tier`] says which it was.
//!
//! The crate also owns what makes that provable: [`ProcessIdentity`] (a pid alone is never trusted), the ledger and
//! [`gc`], leases of ports and pod ranges, and the [`Confinement`] of a child by Landlock. It knows nothing of
//! Kubernetes, never prints, and reads no environment variable.
//!
//! A `main` whose executable is handed to [`Keeper::start`] calls [`entry::dispatch`] first.

mod capture;
mod child;
mod command;
mod confinement;
mod connection;
mod error;
mod follow;
mod identity;
mod lease;
mod ledger;
mod memory;
mod multipath;
mod packet;
mod removal;
mod run_directory;
mod service;
mod start;
mod supervisor;
mod sweep;
mod tier;
mod warden;
mod wire;

pub mod detach;
pub mod entry;
pub mod gc;
pub mod log;

pub use capture::{Captured, Finished};
pub use child::Child;
pub use command::{Command, Output, Stdin};
pub use confinement::{Confinement, ConfinementSupport, confinement_support};
pub use error::KeeperError;
pub use follow::Line;
pub use identity::{ProcessIdentity, signal};
pub use lease::{PodRange, PortLease};
pub use memory::{Memory, memory};
pub use run_directory::{RunDirectory, free_space};
pub use rustix::process::Signal;
pub use service::{Keeper, KeeperOptions, StopReport, Will};
pub use tier::Tier;
