//! What a run found, piece by piece.

use plumbline_model::{
    Attachment, ExitCode, Outcome, RequirementId, Section, Shard, SkipCause, Status, StepPosition,
};
use std::{collections::BTreeMap, sync::Arc};

/// A part of the set-up.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseResult {
    /// Its name.
    pub phase: String,
    /// When it began, in milliseconds since the run did.
    pub at: u64,
    /// Milliseconds.
    pub duration: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The shard that it prepared, in a report of several.
    pub shard: Option<Shard>,
}

/// What a step waited for, and what it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// When it saw that, in milliseconds since the run began.
    pub at: u64,
    /// What it waited for.
    pub waiting_for: String,
    /// What it saw.
    pub last_seen: String,
}

/// A step that was begun.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// 0-based.
    pub index: usize,
    /// The verb.
    pub verb: String,
    /// In one line.
    pub summary: String,
    /// Where it was written.
    pub position: StepPosition,
    /// Where the groups that it belongs to were used, innermost first.
    pub used_at: Vec<StepPosition>,
    /// The part of the scenario that it stands in.
    pub section: Section,
    /// The cluster that it was about, unless it was the main one.
    pub cluster: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub at: u64,
    /// When it gives up at the latest, in milliseconds since the run began.
    pub deadline: Option<u64>,
    /// Milliseconds; 0 until it has ended.
    pub duration: u64,
    /// How it ended; a step that never ended was interrupted. Shared with the attempt and the scenario that it decided.
    pub outcome: Arc<Outcome>,
    /// What it saw while it waited: the last [`StepResult::KEPT_WAITS`].
    pub waits: Vec<Wait>,
    /// How many there were in all.
    pub seen: usize,
}

impl StepResult {
    /// How many waits of a step are kept; all of them are in the log.
    pub const KEPT_WAITS: usize = 5;
}

/// One attempt at a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptResult {
    /// 1-based.
    pub attempt: u32,
    /// When it began, in milliseconds since the run did.
    pub at: u64,
    /// Milliseconds.
    pub duration: u64,
    /// How it ended.
    pub outcome: Arc<Outcome>,
    /// The steps that were begun, in order; those of `finally` last.
    pub steps: Vec<StepResult>,
    /// The shard that made it, in a report of several.
    pub shard: Option<Shard>,
}

impl AttemptResult {
    /// The step that decided the outcome: the one that ended as the attempt did, else the last of the scenario proper.
    #[must_use]
    pub fn deciding_step(&self) -> Option<&StepResult> {
        let told = || self.steps.iter().find(|step| step.outcome == self.outcome);
        let last = || self.steps.iter().rfind(|step| step.section.is_steps());
        match self.outcome.status() {
            Status::Passed => last(),
            _ => told().or_else(last),
        }
        .or(self.steps.last())
    }
}

/// What was removed after a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanUp {
    /// When it ended, in milliseconds since the run began.
    pub at: u64,
    /// Milliseconds.
    pub duration: u64,
    /// What was removed.
    pub removed: Vec<String>,
    /// What is still there, and why.
    pub left: Vec<String>,
}

/// Something that readers should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When, in milliseconds since the run began.
    pub at: u64,
    /// In words.
    pub text: String,
}

/// A time that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// What was measured.
    pub name: String,
    /// In which scenario; empty for the set-up.
    pub scenario: String,
    /// When it was known, in milliseconds since the run began.
    pub at: u64,
    /// Milliseconds.
    pub duration: u64,
}

/// Connections that pods tried to make, by `host:port`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Those that were let through.
    pub allowed: BTreeMap<String, u64>,
    /// Those that were not.
    pub refused: BTreeMap<String, u64>,
}

/// A scenario of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioResult {
    /// Its id.
    pub scenario: String,
    /// One sentence.
    pub claim: String,
    /// Its file.
    pub file: String,
    /// What it proves.
    pub requirements: Vec<RequirementId>,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it began, in milliseconds since the run did; for one that never began, when that was decided.
    pub at: u64,
    /// Milliseconds.
    pub duration: u64,
    /// How it ended.
    pub outcome: Arc<Outcome>,
    /// Subjects of the simulations that it leans on.
    pub simulated: Vec<String>,
    /// Every attempt, the one that decided the outcome last; none if it was skipped.
    pub attempts: Vec<AttemptResult>,
    /// What was removed after its attempts.
    pub clean_ups: Vec<CleanUp>,
    /// What else should be known of it.
    pub notes: Vec<Note>,
}

impl ScenarioResult {
    /// Whether it was not even tried, because it does more than is done on the cluster: of so many that are chosen by nobody, none is
    /// news by itself.
    #[must_use]
    pub fn is_forborne(&self) -> bool {
        matches!(&*self.outcome, Outcome::Skipped(skip) if skip.cause == SkipCause::LookOnly)
    }

    /// The steps of the attempt that decided.
    #[must_use]
    pub fn steps(&self) -> &[StepResult] {
        self.attempts.last().map_or(&[], |attempt| &attempt.steps)
    }

    /// The attempts before the one that decided.
    #[must_use]
    pub fn earlier_attempts(&self) -> &[AttemptResult] {
        self.attempts.split_last().map_or(&[], |(_, earlier)| earlier)
    }

    /// The step that decided the outcome.
    #[must_use]
    pub fn deciding_step(&self) -> Option<&StepResult> {
        self.attempts.last().and_then(AttemptResult::deciding_step)
    }

    /// Its folder below the scenario folder.
    #[must_use]
    pub fn group(&self) -> &str {
        self.scenario.rsplit_once('/').map_or("", |(group, _)| group)
    }
}

/// One machine's part of a run that several machines shared.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardResult {
    /// Which.
    pub shard: Shard,
    /// Identifies its run.
    pub run: String,
    /// RFC 3339.
    pub started: String,
    /// Milliseconds.
    pub duration: u64,
    /// How many scenarios it told the end of.
    pub scenarios: usize,
    /// The exit code that its log earns alone.
    pub exit: ExitCode,
    /// The facts that are not the same in every shard.
    pub facts: BTreeMap<String, String>,
}

/// Something beside the scenarios that keeps a run from being green. Every report tells each of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// The exit code that it earns.
    pub code: ExitCode,
    /// What it is about: `set-up: platform`, `run`, `clean-up`, or the id of a scenario.
    pub subject: String,
    /// What happened.
    pub message: String,
    /// Evidence.
    pub attachments: Vec<Attachment>,
}
