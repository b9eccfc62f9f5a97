//! The engine: a plan, a world, and the event log that comes of them.

mod dispatcher;
mod event_log;
mod executor;
mod judge;
mod programs;
mod run;
mod steps;
mod subject;
mod waiting;
mod world;

pub use event_log::EventLog;
pub use run::{Interruption, RunRequest, finish, run};
