//! How a step, a scenario or a requirement ended.

use serde::{Deserialize, Serialize};

/// The result of a step or a scenario.
///
/// A failed expectation is the platform's fault and is data ([`Outcome::Failed`]); a fault of the environment or of
/// plumbline is [`Outcome::Errored`]. The two are never confused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Outcome {
    /// Every expectation held.
    Passed,
    /// Every expectation held, but not at the first attempt. What the earlier attempts found is kept beside it.
    Flaky {
        /// How many attempts were made, the one that passed included.
        attempts: u32,
    },
    /// An expectation of the platform did not hold.
    Failed(Failure),
    /// The environment, or plumbline itself, could not do its part.
    Errored(Fault),
    /// Not run, with the reason.
    Skipped(Skip),
    /// Stopped by a signal before it ended.
    Interrupted,
}

impl Outcome {
    /// The outcome without its details.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Passed => Status::Passed,
            Self::Flaky { .. } => Status::Flaky,
            Self::Failed(_) => Status::Failed,
            Self::Errored(_) => Status::Errored,
            Self::Skipped(_) => Status::Skipped,
            Self::Interrupted => Status::Interrupted,
        }
    }
}

/// The bare kind of an [`Outcome`], in the order from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Passed.
    Passed,
    /// Passed, but not at the first attempt.
    Flaky,
    /// Skipped with a reason.
    Skipped,
    /// Stopped by a signal.
    Interrupted,
    /// Environment or harness fault.
    Errored,
    /// Platform fault.
    Failed,
}

impl Status {
    /// The word that reports print.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Skipped => "skipped",
            Self::Interrupted => "interrupted",
            Self::Errored => "errored",
            Self::Failed => "failed",
        }
    }
}

/// Why something was not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// In words for the report.
    pub reason: String,
    /// Whose decision it was.
    #[serde(default)]
    pub cause: SkipCause,
    /// Where it is followed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// The day, `YYYY-MM-DD`, from which on it is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Whose decision it was that something was not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipCause {
    /// Its author's: the file says so.
    #[default]
    Author,
    /// The cluster's: it lacks what the scenario needs, or is not what it is for.
    Unsupported,
    /// The cluster's owner's: it does more than is done on a cluster that others live on.
    LookOnly,
    /// What has to stand before it does not.
    Prerequisite,
    /// The run's: it was told to stop early.
    Stopped,
}

/// An expectation that did not hold: what was expected, what was there instead, and the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One sentence for people who do not know the scenario.
    pub message: String,
    /// What should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was last observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// Conditions, events, log tails: gathered before anything is cleaned up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A fault that is not the platform's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whose fault it is.
    pub class: FaultClass,
    /// What happened, and what to do next.
    pub message: String,
    /// Log tails and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// Who is at fault when it is not the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultClass {
    /// The machine: disk full, a port taken, a program missing.
    Environment,
    /// A program of the cluster died or did not start.
    Cluster,
    /// plumbline itself: a panic in a step.
    Bug,
}

/// A piece of evidence: a title and lines of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// For example `conditions of Kustomization flux-system/ledger`.
    pub title: String,
    /// Plain text; may span lines; hostile until a report has escaped it.
    pub text: String,
}
