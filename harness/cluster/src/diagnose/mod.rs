//! The evidence for a failure: what the object says, what happened around it, who owns it, and what its controllers
//! logged. Gathered before anything is cleaned up, and bounded, for reports are read by people.

mod evidence;
mod text;

pub use evidence::{LogFile, evidence};
