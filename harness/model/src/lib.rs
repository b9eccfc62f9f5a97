//! The words that every part of plumbline shares: requirements, outcomes, events, exit codes, secrets.
//!
//! Nothing here does any input or output. The event log ([`Event`]) is the product of a run; every report, and the
//! exit code, is a pure fold over it.

mod activity;
mod event;
mod exit;
mod masker;
mod outcome;
mod printable;
mod provider;
mod requirement;
mod run;
mod secret;
mod secret_cuts;
mod secret_forms;
mod simulation;
mod subject;

pub use activity::{Activity, ActivityId, Progress, Task, Unit};
pub use event::{Event, LogEntry, LogError, Section, StepPosition, read_log};
pub use exit::ExitCode;
pub use masker::{Masker, UnmaskableSecret};
pub use outcome::{Attachment, Failure, Fault, FaultClass, Outcome, Skip, SkipCause, Status};
pub use printable::{is_directional, is_unprintable, printable};
pub use provider::Provider;
pub use requirement::{Level, Requirement, RequirementId, UnknownRequirement, requirements};
pub use run::{FlakyResult, RunOptions, Shard, ShardError, SuiteIdentity};
pub use secret::Secret;
pub use simulation::Simulation;
pub use subject::{FleetIdentity, FluxIdentity, KubernetesIdentity, ProgramIdentity, Subject, SubjectChange};
