//! The engine: a plan, a world, and the event log that comes of them.

mod admission;
mod attempt;
mod clean_up;
mod dispatcher;
mod event_log;
mod executor;
mod existing;
mod footprint;
mod frame;
mod further_clusters;
mod judge;
mod load;
mod namespace;
mod node_image;
mod pause;
mod programs;
mod request;
mod run;
mod schedule;
mod secrets;
mod set_up;
mod steps;
mod subject;
mod waiting;
mod world;

pub use event_log::EventLog;
pub use existing::{LeftNamespace, LookRequest, Removal, RemovalRequest, look, remove_namespaces};
pub use frame::finish;
pub use pause::Resume;
pub use plumbline_cluster::existing::{Context, ExistingError, Kubeconfigs, Owner};
pub use request::{Interruption, Keep, RunRequest};
pub use run::{StandingPlatform, run};
