//! Whether this machine can run kind, and what to do where it cannot.
//!
//! [`look`] asks the machine, the engine and the toolchain, and changes nothing; [`examine`] is a pure function of what was
//! seen.

mod examine;
mod finding;
mod look;
mod machine;
mod text;

pub use examine::examine;
pub use finding::{Finding, State};
pub use look::{Question, look};
pub use machine::{Builder, Container, Host, Machine, NodeImage, RegistryImage, Room, RunningEngine};
pub use text::render;
