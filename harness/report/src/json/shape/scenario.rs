//! One scenario: its attempts, their steps, and how each ended.

use super::Note;
use plumbline_model::{FaultClass, Section, SkipCause};
use schemars::JsonSchema;
use serde::Serialize;

/// A scenario that ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scenario {
    /// Its id.
    pub(crate) id: String,
    /// One sentence.
    pub(crate) claim: String,
    /// Its file.
    pub(crate) file: String,
    /// What it proves.
    pub(crate) requirements: Vec<String>,
    /// Its tags.
    pub(crate) tags: Vec<String>,
    /// When it began, in milliseconds since the run did.
    pub(crate) start_ms: u64,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// What was simulated in it.
    pub(crate) simulated: Vec<String>,
    /// The steps of the attempt that decided the outcome.
    pub(crate) steps: Vec<Step>,
    /// The attempts before that one.
    pub(crate) earlier_attempts: Vec<Attempt>,
    /// What was removed after it.
    pub(crate) clean_ups: Vec<CleanUp>,
    /// What else should be known.
    pub(crate) notes: Vec<Note>,
    /// The command that runs it again.
    pub(crate) reproduce: String,
}

/// An attempt that did not decide the outcome.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    /// 1-based.
    pub(crate) attempt: u32,
    /// The shard that made it, in a merged run.
    pub(crate) shard: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub(crate) start_ms: u64,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// Its steps.
    pub(crate) steps: Vec<Step>,
}

/// A step that was begun.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// The verb.
    pub(crate) verb: String,
    /// In one line.
    pub(crate) summary: String,
    /// Where it was written.
    pub(crate) position: Position,
    /// Where the groups that it belongs to were used, innermost first.
    pub(crate) used_at: Vec<Position>,
    /// The part of the scenario that it stands in.
    #[schemars(with = "String", extend("enum" = ["steps", "finally"]))]
    pub(crate) section: Section,
    /// The cluster that it was about, unless it was the main one.
    pub(crate) cluster: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub(crate) start_ms: u64,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// What it saw while it waited: the last few.
    pub(crate) waits: Vec<Wait>,
    /// How many there were in all.
    pub(crate) waits_seen: usize,
}

/// A place in a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Position {
    /// The file.
    pub(crate) file: String,
    /// 1-based.
    pub(crate) line: u32,
    /// 1-based, in characters.
    pub(crate) column: u32,
}

/// What a step saw while it waited.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wait {
    /// Milliseconds since the run began.
    pub(crate) at_ms: u64,
    /// What it waited for.
    pub(crate) waiting_for: String,
    /// What it saw.
    pub(crate) last_seen: String,
}

/// How something ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub(crate) enum Outcome {
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
        #[schemars(with = "String", extend("enum" = ["author", "unsupported", "look-only", "prerequisite", "stopped"]))]
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
pub(crate) struct Attachment {
    /// What it is.
    pub(crate) title: String,
    /// Plain text.
    pub(crate) text: String,
}

/// What was removed after a scenario.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CleanUp {
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// What was removed.
    pub(crate) removed: Vec<String>,
    /// What is still there, and why.
    pub(crate) left: Vec<String>,
}
