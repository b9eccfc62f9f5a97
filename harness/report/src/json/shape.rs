//! The shape of the JSON report. Its schema is derived from these very types, so it is true.

use plumbline_model::{ExitCode, FaultClass, FlakyResult, Level, Section, SkipCause};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The report of a run of plumbline.
///
/// All text that comes from the platform has its control characters written as `\u{…}`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "plumbline report")]
pub(super) struct Report {
    /// Version of this shape; it changes only when a field changes its meaning.
    pub(super) version: &'static str,
    /// The run itself.
    pub(super) run: Run,
    /// `embedded`, `kind` or `existing`.
    pub(super) provider: String,
    /// How many scenarios ended how.
    pub(super) counts: Counts,
    /// What was found for every known requirement, by its id.
    pub(super) requirements: BTreeMap<String, Requirement>,
    /// The scenarios that ended, by their ids.
    pub(super) scenarios: Vec<Scenario>,
    /// Planned scenarios that never ended.
    pub(super) unfinished: Vec<String>,
    /// Everything beside the results of scenarios that keeps the run from being green.
    pub(super) troubles: Vec<Trouble>,
    /// What was tested and with what, by name. Of a merged run: what is the same on every machine.
    pub(super) facts: BTreeMap<String, String>,
    /// What the environment simulates.
    pub(super) simulated: Vec<Simulation>,
    /// Each time that was measured.
    pub(super) measurements: Vec<Measurement>,
    /// What the cluster tried to reach.
    pub(super) egress: Egress,
    /// The parts of the set-up.
    pub(super) phases: Vec<Phase>,
    /// What should be known of the run.
    pub(super) notes: Vec<Note>,
    /// Faults outside any scenario.
    pub(super) faults: Vec<Fault>,
    /// What could not be removed.
    pub(super) left_behind: Vec<String>,
    /// The machines that shared the run; empty for a run of one.
    pub(super) shards: Vec<Shard>,
    /// The shards whose logs are not there, such as `3/4`.
    pub(super) missing: Vec<String>,
}

/// The run itself.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// Identifies it.
    pub(super) id: String,
    /// Version of plumbline.
    pub(super) plumbline: String,
    /// When it began: RFC 3339, UTC.
    pub(super) started: String,
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// The exit code of the program.
    pub(super) exit_code: u8,
    /// `passed`, `not passed` or `nothing ran`.
    pub(super) verdict: &'static str,
    /// The signal that ended it early.
    pub(super) interrupted_by: Option<String>,
    /// What the scenarios were chosen from.
    pub(super) suite: Suite,
    /// What the user asked for.
    pub(super) options: Options,
}

/// What the scenarios were chosen from.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Suite {
    /// `sha256:…` over the ids and contents of all scenario files; empty in old logs.
    pub(super) digest: String,
    /// How many scenarios there are in all.
    pub(super) scenarios: usize,
    /// The commit of the repository that they are in.
    pub(super) revision: Option<String>,
}

/// What the user asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Options {
    /// How many scenarios ran side by side.
    pub(super) parallel: usize,
    /// What the order was shuffled with.
    pub(super) seed: Option<u64>,
    /// The part of the plan that was run, such as `2/4`.
    pub(super) shard: Option<String>,
    /// Whether nothing new was to be started after the first that does not pass.
    pub(super) fail_fast: bool,
    /// Whether a flaky scenario makes the run red.
    #[schemars(with = "String", extend("enum" = ["pass", "fail"]))]
    pub(super) flaky: FlakyResult,
    /// Paths, names and tags of the selection; empty for everything.
    pub(super) selection: Vec<String>,
}

/// How many scenarios ended how.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Passed at the first attempt.
    pub(super) passed: usize,
    /// Passed at a further attempt.
    pub(super) flaky: usize,
    /// The platform's fault.
    pub(super) failed: usize,
    /// The machine's fault, or plumbline's.
    pub(super) errored: usize,
    /// Left out, with a reason.
    pub(super) skipped: usize,
    /// Stopped before their end.
    pub(super) interrupted: usize,
    /// Planned, and never ended.
    pub(super) not_run: usize,
}

/// What was found for one requirement.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Requirement {
    /// The worst that its scenarios say.
    #[schemars(with = "String", extend("enum" = ["passed", "flaky", "simulated", "not-run", "skipped", "errored", "failed"]))]
    pub(super) status: crate::RequirementStatus,
    /// Core or extended.
    #[schemars(with = "String", extend("enum" = ["core", "extended"]))]
    pub(super) level: Level,
    /// What it says.
    pub(super) statement: &'static str,
    /// The scenarios of the run that prove it.
    pub(super) scenarios: Vec<String>,
    /// What was simulated in them.
    pub(super) simulated: Vec<String>,
}

/// A scenario that ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scenario {
    /// Its id.
    pub(super) id: String,
    /// One sentence.
    pub(super) claim: String,
    /// Its file.
    pub(super) file: String,
    /// What it proves.
    pub(super) requirements: Vec<String>,
    /// Its tags.
    pub(super) tags: Vec<String>,
    /// When it began, in milliseconds since the run did.
    pub(super) start_ms: u64,
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// What was simulated in it.
    pub(super) simulated: Vec<String>,
    /// The steps of the attempt that decided the outcome.
    pub(super) steps: Vec<Step>,
    /// The attempts before that one.
    pub(super) earlier_attempts: Vec<Attempt>,
    /// What was removed after it.
    pub(super) clean_ups: Vec<CleanUp>,
    /// What else should be known.
    pub(super) notes: Vec<Note>,
    /// The command that runs it again.
    pub(super) reproduce: String,
}

/// An attempt that did not decide the outcome.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    /// 1-based.
    pub(super) attempt: u32,
    /// The shard that made it, in a merged run.
    pub(super) shard: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub(super) start_ms: u64,
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Its steps.
    pub(super) steps: Vec<Step>,
}

/// A step that was begun.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    /// The verb.
    pub(super) verb: String,
    /// In one line.
    pub(super) summary: String,
    /// Where it was written.
    pub(super) position: Position,
    /// Where the groups that it belongs to were used, innermost first.
    pub(super) used_at: Vec<Position>,
    /// The part of the scenario that it stands in.
    #[schemars(with = "String", extend("enum" = ["steps", "finally"]))]
    pub(super) section: Section,
    /// The cluster that it was about, unless it was the main one.
    pub(super) cluster: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub(super) start_ms: u64,
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// What it saw while it waited: the last few.
    pub(super) waits: Vec<Wait>,
    /// How many there were in all.
    pub(super) waits_seen: usize,
}

/// A place in a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Position {
    /// The file.
    pub(super) file: String,
    /// 1-based.
    pub(super) line: u32,
    /// 1-based, in characters.
    pub(super) column: u32,
}

/// What a step saw while it waited.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wait {
    /// Milliseconds since the run began.
    pub(super) at_ms: u64,
    /// What it waited for.
    pub(super) waiting_for: String,
    /// What it saw.
    pub(super) last_seen: String,
}

/// How something ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// Every expectation held.
    Passed,
    /// Every expectation held, but not at the first attempt.
    Flaky {
        /// How many attempts were made, the one that passed included.
        attempts: u32,
    },
    /// An expectation of the platform did not hold.
    Failed {
        /// One sentence.
        message: String,
        /// What should have been.
        expected: Option<String>,
        /// What was last observed.
        actual: Option<String>,
        /// Evidence.
        attachments: Vec<Attachment>,
    },
    /// The environment, or plumbline itself, could not do its part.
    Errored {
        /// Whose fault it is.
        #[schemars(with = "String", extend("enum" = ["environment", "cluster", "bug"]))]
        class: FaultClass,
        /// What happened, and what to do next.
        message: String,
        /// Evidence.
        attachments: Vec<Attachment>,
    },
    /// Not run.
    Skipped {
        /// In words.
        reason: String,
        /// Whose decision it was.
        #[schemars(with = "String", extend("enum" = ["author", "unsupported", "prerequisite", "stopped"]))]
        cause: SkipCause,
        /// Where it is followed up.
        issue: Option<String>,
        /// The day from which on it is run again.
        until: Option<String>,
    },
    /// Stopped before its end.
    Interrupted,
}

/// A piece of evidence.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Attachment {
    /// What it is.
    pub(super) title: String,
    /// Plain text.
    pub(super) text: String,
}

/// A fault outside any scenario.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Fault {
    /// Whose fault it is.
    #[schemars(with = "String", extend("enum" = ["environment", "cluster", "bug"]))]
    pub(super) class: FaultClass,
    /// What happened, and what to do next.
    pub(super) message: String,
    /// Evidence.
    pub(super) attachments: Vec<Attachment>,
}

/// Something that keeps the run from being green.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trouble {
    /// The exit code that it earns.
    #[serde(serialize_with = "number")]
    #[schemars(with = "u8")]
    pub(super) exit_code: ExitCode,
    /// What it is about.
    pub(super) subject: String,
    /// What happened.
    pub(super) message: String,
}

fn number<S: serde::Serializer>(code: &ExitCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(code.number())
}

/// Something that is simulated.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Simulation {
    /// What.
    pub(super) subject: String,
    /// How, and what that means for a result.
    pub(super) description: String,
}

/// A time that was taken.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Measurement {
    /// What was measured.
    pub(super) name: String,
    /// In which scenario; empty for the set-up.
    pub(super) scenario: String,
    /// Milliseconds.
    pub(super) duration_ms: u64,
}

/// Connections that pods tried to make, by `host:port`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Egress {
    /// Those that were let through.
    pub(super) allowed: BTreeMap<String, u64>,
    /// Those that were not.
    pub(super) refused: BTreeMap<String, u64>,
}

/// A part of the set-up.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Phase {
    /// Its name.
    pub(super) phase: String,
    /// The shard that it prepared, in a merged run.
    pub(super) shard: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub(super) start_ms: u64,
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// How it ended.
    pub(super) outcome: Outcome,
}

/// What was removed after a scenario.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CleanUp {
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// What was removed.
    pub(super) removed: Vec<String>,
    /// What is still there, and why.
    pub(super) left: Vec<String>,
}

/// Something that readers should know.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    /// Milliseconds since the run began.
    pub(super) at_ms: u64,
    /// In words.
    pub(super) text: String,
}

/// One machine's part of a merged run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shard {
    /// Such as `2/4`.
    pub(super) shard: String,
    /// Identifies its run.
    pub(super) run: String,
    /// When it began.
    pub(super) started: String,
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// How many scenarios it told the end of.
    pub(super) scenarios: usize,
    /// The exit code that its log earns alone.
    pub(super) exit_code: u8,
    /// The facts that are not the same on every machine.
    pub(super) facts: BTreeMap<String, String>,
}
