//! The shape of the JSON report. Its schema is derived from these very types, so it is true.

mod run;
mod scenario;

pub(crate) use run::{Options, Phase, Run, Shard, Suite};
pub(crate) use scenario::{Attachment, Attempt, CleanUp, Outcome, Position, Scenario, Step, Wait};

use crate::RequirementStatus;
use plumbline_model::{ExitCode, FaultClass, Level};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The report of a run of plumbline.
///
/// All text that comes from the platform has its control characters written as `\u{…}`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plumbline report")]
pub(crate) struct Report {
    /// Version of this shape; it changes only when a field changes its meaning.
    pub(crate) version: &'static str,
    /// The run itself.
    pub(crate) run: Run,
    /// `embedded`, `kind` or `existing`.
    pub(crate) provider: String,
    /// How many scenarios ended how.
    pub(crate) counts: Counts,
    /// What was found for every known requirement, by its id.
    pub(crate) requirements: BTreeMap<String, Requirement>,
    /// The scenarios that ended, by their ids.
    pub(crate) scenarios: Vec<Scenario>,
    /// Planned scenarios that never ended.
    pub(crate) unfinished: Vec<String>,
    /// Everything beside the results of scenarios that keeps the run from being green.
    pub(crate) troubles: Vec<Trouble>,
    /// What was tested and with what, by name. Of a merged run: what is the same on every machine.
    pub(crate) facts: BTreeMap<String, String>,
    /// What the environment simulates.
    pub(crate) simulated: Vec<Simulation>,
    /// Each time that was measured.
    pub(crate) measurements: Vec<Measurement>,
    /// What the cluster tried to reach.
    pub(crate) egress: Egress,
    /// The parts of the set-up.
    pub(crate) phases: Vec<Phase>,
    /// What should be known of the run.
    pub(crate) notes: Vec<Note>,
    /// Faults outside any scenario.
    pub(crate) faults: Vec<Fault>,
    /// What could not be removed.
    pub(crate) left_behind: Vec<String>,
    /// The machines that shared the run; empty for a run of one.
    pub(crate) shards: Vec<Shard>,
    /// The shards whose logs are not there, such as `3/4`.
    pub(crate) missing: Vec<String>,
}

/// How many scenarios ended how.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// Passed at the first attempt.
    pub(crate) passed: usize,
    /// Passed at a further attempt.
    pub(crate) flaky: usize,
    /// The platform's fault.
    pub(crate) failed: usize,
    /// The machine's fault, or plumbline's.
    pub(crate) errored: usize,
    /// Left out, with a reason.
    pub(crate) skipped: usize,
    /// Stopped before their end.
    pub(crate) interrupted: usize,
    /// Planned, and never ended.
    pub(crate) not_run: usize,
}

/// What was found for one requirement.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Requirement {
    /// The worst that its scenarios say.
    #[schemars(with = "String", extend("enum" = ["passed", "flaky", "simulated", "not-run", "skipped", "errored", "failed"]))]
    pub(crate) status: RequirementStatus,
    /// Core or extended.
    #[schemars(with = "String", extend("enum" = ["core", "extended"]))]
    pub(crate) level: Level,
    /// What it says.
    pub(crate) statement: &'static str,
    /// The scenarios of the run that prove it.
    pub(crate) scenarios: Vec<String>,
    /// What was simulated in them.
    pub(crate) simulated: Vec<String>,
}

/// A fault outside any scenario.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Fault {
    /// Whose fault it is.
    #[schemars(with = "String", extend("enum" = ["environment", "cluster", "bug"]))]
    pub(crate) class: FaultClass,
    /// What happened, and what to do next.
    pub(crate) message: String,
    /// Evidence.
    pub(crate) attachments: Vec<Attachment>,
}

/// Something that keeps the run from being green.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trouble {
    /// The exit code that it earns.
    #[serde(serialize_with = "number")]
    #[schemars(with = "u8")]
    pub(crate) exit_code: ExitCode,
    /// What it is about.
    pub(crate) subject: String,
    /// What happened.
    pub(crate) message: String,
}

fn number<S: serde::Serializer>(code: &ExitCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(code.number())
}

/// Something that is simulated.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Simulation {
    /// What.
    pub(crate) subject: String,
    /// How, and what that means for a result.
    pub(crate) description: String,
}

/// A time that was taken.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Measurement {
    /// What was measured.
    pub(crate) name: String,
    /// In which scenario; empty for the set-up.
    pub(crate) scenario: String,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
}

/// Connections that pods tried to make, by `host:port`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Egress {
    /// Those that were let through.
    pub(crate) allowed: BTreeMap<String, u64>,
    /// Those that were not.
    pub(crate) refused: BTreeMap<String, u64>,
}

/// Something that readers should know.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Note {
    /// Milliseconds since the run began.
    pub(crate) at_ms: u64,
    /// In words.
    pub(crate) text: String,
}
