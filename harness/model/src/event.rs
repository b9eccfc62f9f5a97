//! The event log: one JSON object per line, written as it happens. It is the product of a run.

use crate::{
    ExitCode, Failure, Fault, Outcome, RequirementId, RunOptions, Simulation, Subject, SuiteIdentity,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of the log: when, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Milliseconds since the run began, by a monotonic clock.
    pub at: u64,
    /// What happened.
    pub event: Event,
}

/// Where a step stands in the file that its author wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPosition {
    /// The file as it was named on the command line or found in the folder.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

impl std::fmt::Display for StepPosition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The parts of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Its steps, which end at the first that does not pass.
    #[default]
    Steps,
    /// What is done at its end, however it ended.
    Finally,
}

impl Section {
    /// Whether it is [`Section::Steps`].
    #[must_use]
    pub fn is_steps(&self) -> bool {
        *self == Self::Steps
    }
}

/// What happened. Every report is a fold over these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// The first event.
    RunStarted {
        /// Identifies the run: when it began, in UTC.
        run: String,
        /// Version of plumbline.
        version: String,
        /// RFC 3339, UTC.
        started: String,
        /// `embedded`, `kind` or `existing`.
        provider: String,
        /// The scenarios of the plan, in order.
        scenarios: Vec<String>,
        /// What they were chosen from.
        #[serde(default)]
        suite: SuiteIdentity,
        /// What the user asked for.
        #[serde(default)]
        options: RunOptions,
    },
    /// A fact about what is under test or what tests it: versions, digests, isolation tier.
    Fact {
        /// For example `flux`, `kubernetes`, `isolation`.
        name: String,
        /// The value in words.
        value: String,
    },
    /// Something is simulated; it caps what the report may claim.
    Simulated {
        /// What and how.
        simulation: Simulation,
    },
    /// Where the scenarios are: told as soon as Git can be asked.
    SuiteLocated {
        /// As in [`SuiteIdentity::revision`].
        revision: String,
    },
    /// What is under test, as the cluster shows it: once the platform stands, and again at the end.
    SubjectObserved {
        /// What was seen.
        subject: Box<Subject>,
    },
    /// A part of the set-up began: programs, cluster, registry, platform.
    PhaseStarted {
        /// Its name.
        phase: String,
    },
    /// A part of the set-up ended.
    PhaseFinished {
        /// Its name.
        phase: String,
        /// Milliseconds.
        duration: u64,
        /// Passed, or what went wrong.
        outcome: Outcome,
    },
    /// A scenario began.
    ScenarioStarted {
        /// Its id: the path below the scenario folder, without `.yaml`.
        scenario: String,
        /// One sentence.
        claim: String,
        /// Its file.
        file: String,
        /// What it proves.
        requirements: Vec<RequirementId>,
        /// Its tags.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
    },
    /// A step began.
    StepStarted {
        /// Of which scenario.
        scenario: String,
        /// 0-based; those of [`Section::Finally`] are counted on from the last of the scenario's steps.
        step: usize,
        /// The verb.
        verb: String,
        /// The step in one line.
        summary: String,
        /// Where it was written.
        position: StepPosition,
        /// Where the group that it belongs to was used, innermost first; empty for steps of the scenario itself.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        used_at: Vec<StepPosition>,
        /// The part of the scenario that it stands in.
        #[serde(default, skip_serializing_if = "Section::is_steps")]
        section: Section,
        /// The cluster that it is about, unless it is the main one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<String>,
        /// When it gives up at the latest, in milliseconds since the run began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<u64>,
    },
    /// A step waits; sent when what it sees changes.
    StepWaiting {
        /// Of which scenario.
        scenario: String,
        /// 0-based.
        step: usize,
        /// What it waits for.
        waiting_for: String,
        /// What it saw last.
        last_seen: String,
    },
    /// A step ended.
    StepFinished {
        /// Of which scenario.
        scenario: String,
        /// 0-based.
        step: usize,
        /// Milliseconds.
        duration: u64,
        /// How.
        outcome: Outcome,
    },
    /// An attempt at a scenario ended without passing, and another one follows; its steps are those since the scenario or the attempt
    /// before began.
    AttemptFinished {
        /// Of which scenario.
        scenario: String,
        /// 1-based.
        attempt: u32,
        /// Milliseconds.
        duration: u64,
        /// How.
        outcome: Outcome,
    },
    /// What a scenario left on the platform was removed, or could not be. Its result stands already.
    CleanedUp {
        /// Of which scenario.
        scenario: String,
        /// Milliseconds.
        duration: u64,
        /// What was removed.
        removed: Vec<String>,
        /// What is still there, and what blocks it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<String>,
    },
    /// Something that people who read the log should know: the run was paused, a cluster was kept.
    Noted {
        /// Of which scenario; empty for the run.
        scenario: String,
        /// In words.
        text: String,
    },
    /// A measurement taken by a step: `fluxinstance ready`, `drift corrected`.
    Measured {
        /// Of which scenario; empty for the set-up.
        scenario: String,
        /// What was measured.
        name: String,
        /// Milliseconds.
        duration: u64,
    },
    /// A scenario ended.
    ScenarioFinished {
        /// Which.
        scenario: String,
        /// One sentence, also for scenarios that never started.
        claim: String,
        /// Its file.
        file: String,
        /// What it was to prove.
        requirements: Vec<RequirementId>,
        /// Its tags.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
        /// Milliseconds.
        duration: u64,
        /// How.
        outcome: Outcome,
        /// Subjects of the simulations that its result leans on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        simulated: Vec<String>,
    },
    /// A connection that a pod tried to make through the service proxy, summed up per target.
    Egress {
        /// Attempts per `host:port`, allowed ones.
        allowed: BTreeMap<String, u64>,
        /// Attempts per `host:port`, refused ones.
        refused: BTreeMap<String, u64>,
    },
    /// A fault outside any scenario.
    RunErrored {
        /// Whose fault and what to do.
        fault: Fault,
    },
    /// Something could not be removed.
    LeftBehind {
        /// What, and where.
        what: String,
    },
    /// A signal was received.
    Interrupted {
        /// `SIGINT` or `SIGTERM`.
        signal: String,
    },
    /// The last event.
    RunFinished {
        /// Milliseconds.
        duration: u64,
        /// The exit code of the run.
        exit: ExitCode,
    },
}

/// A line of a log that is not an event.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the event log is not an event: {source}")]
pub struct LogError {
    /// 1-based.
    pub line: usize,
    /// Why not.
    #[source]
    pub source: serde_json::Error,
}

/// Reads an event log.
///
/// # Errors
/// Names the first line that is not an event. A last line without its newline, as a killed run leaves it, is ignored.
pub fn read_log(text: &str) -> Result<Vec<LogEntry>, LogError> {
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| LogError {
                line: index + 1,
                source,
            })
        })
        .collect()
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_reads_back_and_its_torn_last_line_is_ignored() {
        let entry = LogEntry {
            at: 12,
            event: Event::ScenarioFinished {
                scenario: "gitops/drift".into(),
                claim: "drift is corrected".into(),
                file: "scenarios/gitops/drift.yaml".into(),
                requirements: vec!["GITOPS-05".parse().unwrap()],
                tags: vec!["drift".into()],
                duration: 3,
                outcome: Outcome::Failed(Failure {
                    message: "still hacked".into(),
                    ..Failure::default()
                }),
                simulated: vec![],
            },
        };
        let line = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            read_log(&format!("{line}\n{line}\n{{\"at\":1,\"ev")).unwrap(),
            [entry.clone(), entry]
        );
    }

    #[test]
    fn a_line_that_is_not_an_event_is_named() {
        assert_eq!(read_log("\n{}\n").unwrap_err().line, 2);
    }
}
