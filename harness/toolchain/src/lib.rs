//! Programs by name and version, from pinned and checked sources.
//!
//! A [`Lock`] names every program and each way to get it. [`Toolchain::fetch`] tries them in this order:
//!
//! 1. the **cache** of earlier runs, keyed by everything that decides what is built, and compared with the digest that
//!    was recorded when the program was made;
//! 2. **PATH**, if the program there says that it is the very version (or at least the version, where the lock says so);
//! 3. the published **release**, if the lock pins its SHA-256;
//! 4. the **Go module**, built with one Go release for all programs through a go.mod and go.sum of the repository; a
//!    small program of our own is such a module itself, its source beside its go.mod.
//!
//! Work that was interrupted goes on where it stopped: what Go has compiled is in Go's own cache, and a program enters
//! plumbline's cache by one rename. Several plumblines may fetch at the same time: the second waits for the first.
//!
//! Nothing here reads the environment; what the caller wants to be known is in [`ToolchainOptions`].

mod build;
mod cache;
mod claim;
mod digest;
mod edition;
mod error;
mod go_command;
mod lock;
mod lock_error;
mod process;
mod programs;
mod queue;
mod release;
mod search;
mod source;
mod toolchain;
mod version;
mod workshop;

pub use edition::UnknownVersion;
pub use error::{Attempt, ToolchainError, Unavailable};
pub use lock::{Accept, GoModule, GoRelease, Lock, ModuleCopy, PathSource, Program, Release, plain_name};
pub use lock_error::{LockError, LockProblem, Position};
pub use programs::{Fact, Programs, Source};
pub use toolchain::{ProgramState, Toolchain, ToolchainOptions};
