//! The one fold from which every report is rendered.

use plumbline_model::{
    Event, ExitCode, Fault, Level, LogEntry, Outcome, RequirementId, Simulation, Status, StepPosition,
    requirements,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A part of the set-up.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseResult {
    /// Its name.
    pub phase: String,
    /// Milliseconds.
    pub duration: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// A step that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// The verb.
    pub verb: String,
    /// In one line.
    pub summary: String,
    /// Where it was written.
    pub position: StepPosition,
    /// Milliseconds.
    pub duration: u64,
    /// How it ended; a step that never ended was interrupted.
    pub outcome: Outcome,
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
    /// Milliseconds.
    pub duration: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Subjects of the simulations that it leans on.
    pub simulated: Vec<String>,
    /// The steps that were begun, in order.
    pub steps: Vec<StepResult>,
}

/// What a report says of one requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequirementStatus {
    /// Every scenario that proves it passed.
    Passed,
    /// Every scenario passed, and the requirement needs what was only simulated.
    Simulated,
    /// No scenario of this run proves it.
    NotRun,
    /// A scenario was skipped or interrupted, so it is not proven.
    Skipped,
    /// The environment or plumbline was at fault.
    Errored,
    /// A scenario failed.
    Failed,
}

impl RequirementStatus {
    /// The word that reports print.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Simulated => "simulated",
            Self::NotRun => "not run",
            Self::Skipped => "skipped",
            Self::Errored => "errored",
            Self::Failed => "failed",
        }
    }
}

/// One requirement and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementResult {
    /// Which.
    pub id: RequirementId,
    /// Core or extended.
    pub level: Level,
    /// What it says.
    pub statement: &'static str,
    /// What was found.
    pub status: RequirementStatus,
    /// The scenarios of the run that prove it.
    pub scenarios: Vec<String>,
    /// What was simulated in them.
    pub simulated: BTreeSet<String>,
}

/// Everything that a report needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Identifies the run.
    pub run: String,
    /// Version of plumbline.
    pub version: String,
    /// RFC 3339.
    pub started: String,
    /// Kind of cluster.
    pub provider: String,
    /// Facts by name.
    pub facts: BTreeMap<String, String>,
    /// What the environment simulates.
    pub simulations: BTreeSet<Simulation>,
    /// The set-up, in order.
    pub phases: Vec<PhaseResult>,
    /// The scenarios, in the order in which they ended.
    pub scenarios: Vec<ScenarioResult>,
    /// Planned scenarios that never ended.
    pub unfinished: Vec<String>,
    /// Name, scenario and milliseconds of each measurement.
    pub measurements: Vec<(String, String, u64)>,
    /// Egress attempts by `host:port`: allowed, refused.
    pub egress: (BTreeMap<String, u64>, BTreeMap<String, u64>),
    /// Faults outside any scenario.
    pub faults: Vec<Fault>,
    /// What could not be removed.
    pub left_behind: Vec<String>,
    /// The signal that ended the run early.
    pub interrupted: Option<String>,
    /// Milliseconds.
    pub duration: u64,
}

impl Summary {
    /// Folds a log. A log that breaks off is folded as far as it goes.
    #[must_use]
    pub fn fold(log: &[LogEntry]) -> Self {
        let mut summary = Self::default();
        let mut steps: BTreeMap<String, Vec<StepResult>> = BTreeMap::new();
        let mut planned: Vec<String> = Vec::new();
        for entry in log {
            summary.duration = summary.duration.max(entry.at);
            summary.apply(&entry.event, &mut steps, &mut planned);
        }
        let ended: BTreeSet<_> = summary
            .scenarios
            .iter()
            .map(|result| result.scenario.clone())
            .collect();
        summary.unfinished = planned
            .into_iter()
            .filter(|scenario| !ended.contains(scenario))
            .collect();
        summary
    }

    fn apply(
        &mut self,
        event: &Event,
        steps: &mut BTreeMap<String, Vec<StepResult>>,
        planned: &mut Vec<String>,
    ) {
        match event.clone() {
            Event::RunStarted {
                run,
                version,
                started,
                provider,
                scenarios,
                ..
            } => {
                (self.run, self.version, self.started, self.provider) = (run, version, started, provider);
                *planned = scenarios;
            }
            Event::Fact { name, value } => {
                self.facts.insert(name, value);
            }
            Event::Simulated { simulation } => {
                self.simulations.insert(simulation);
            }
            Event::PhaseFinished {
                phase,
                duration,
                outcome,
            } => {
                self.phases.push(PhaseResult {
                    phase,
                    duration,
                    outcome,
                });
            }
            Event::StepStarted {
                scenario,
                verb,
                summary,
                position,
                ..
            } => {
                steps.entry(scenario).or_default().push(StepResult {
                    verb,
                    summary,
                    position,
                    duration: 0,
                    outcome: Outcome::Interrupted,
                });
            }
            Event::StepFinished {
                scenario,
                duration,
                outcome,
                ..
            } => {
                if let Some(step) = steps.get_mut(&scenario).and_then(|steps| steps.last_mut()) {
                    (step.duration, step.outcome) = (duration, outcome);
                }
            }
            Event::Measured {
                scenario,
                name,
                duration,
            } => {
                self.measurements.push((name, scenario, duration));
            }
            Event::ScenarioFinished {
                scenario,
                claim,
                file,
                requirements,
                duration,
                outcome,
                simulated,
                ..
            } => {
                let steps = steps.remove(&scenario).unwrap_or_default();
                self.scenarios.push(ScenarioResult {
                    scenario,
                    claim,
                    file,
                    requirements,
                    duration,
                    outcome,
                    simulated,
                    steps,
                });
            }
            Event::Egress { allowed, refused } => self.egress = (allowed, refused),
            Event::RunErrored { fault } => self.faults.push(fault),
            Event::LeftBehind { what } => self.left_behind.push(what),
            Event::Interrupted { signal } => self.interrupted = Some(signal),
            Event::RunFinished { duration, .. } => self.duration = duration,
            _ => {}
        }
    }

    /// How many scenarios ended with `status`.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.scenarios
            .iter()
            .filter(|result| result.outcome.status() == status)
            .count()
    }

    /// What was found for every known requirement, in the order of the specification.
    #[must_use]
    pub fn requirements(&self) -> Vec<RequirementResult> {
        requirements()
            .iter()
            .map(|requirement| {
                let proving: Vec<_> = self
                    .scenarios
                    .iter()
                    .filter(|result| result.requirements.contains(&requirement.id))
                    .collect();
                let worst = proving.iter().map(|result| result.outcome.status()).max();
                let status = match worst {
                    None => RequirementStatus::NotRun,
                    Some(Status::Passed | Status::Flaky)
                        if requirement.needs_pods && self.provider == "embedded" =>
                    {
                        RequirementStatus::Simulated
                    }
                    Some(Status::Passed | Status::Flaky) => RequirementStatus::Passed,
                    Some(Status::Skipped | Status::Interrupted) => RequirementStatus::Skipped,
                    Some(Status::Errored) => RequirementStatus::Errored,
                    Some(Status::Failed) => RequirementStatus::Failed,
                };
                let mut scenarios: Vec<_> = proving.iter().map(|result| result.scenario.clone()).collect();
                scenarios.sort();
                RequirementResult {
                    id: requirement.id,
                    level: requirement.level,
                    statement: requirement.statement,
                    status,
                    scenarios,
                    simulated: proving
                        .iter()
                        .flat_map(|result| result.simulated.iter().cloned())
                        .collect(),
                }
            })
            .collect()
    }

    /// The exit code that the log earns.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        let mut code = match self.interrupted.as_deref() {
            None => ExitCode::Passed,
            Some("SIGTERM" | "SIGHUP") => ExitCode::Terminated,
            Some(_) => ExitCode::Interrupted,
        };
        let errored_phase = self
            .phases
            .iter()
            .any(|phase| matches!(phase.outcome, Outcome::Errored(_) | Outcome::Failed(_)));
        if errored_phase || !self.faults.is_empty() || self.count(Status::Errored) > 0 {
            code = code.and(ExitCode::Environment);
        }
        // A scenario that was planned and never ended proves nothing: that is never a green run.
        if self.interrupted.is_none() && (!self.unfinished.is_empty() || self.count(Status::Interrupted) > 0)
        {
            code = code.and(ExitCode::Environment);
        }
        if self.count(Status::Failed) > 0 {
            code = code.and(ExitCode::Failed);
        }
        if !self.left_behind.is_empty() {
            code = code.and(ExitCode::LeftBehind);
        }
        code
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use plumbline_model::{Failure, FaultClass};

    pub(crate) fn finished(scenario: &str, requirement: &str, outcome: Outcome) -> Event {
        Event::ScenarioFinished {
            scenario: scenario.into(),
            claim: format!("{scenario} holds"),
            file: format!("scenarios/{scenario}.yaml"),
            requirements: vec![requirement.parse().unwrap()],
            tags: vec![],
            duration: 1_200,
            outcome,
            simulated: vec!["workload pods".into()],
        }
    }

    pub(crate) fn log(events: Vec<Event>) -> Vec<LogEntry> {
        events
            .into_iter()
            .enumerate()
            .map(|(at, event)| LogEntry { at: at as u64, event })
            .collect()
    }

    fn started(scenarios: &[&str]) -> Event {
        Event::RunStarted {
            run: "r1".into(),
            version: "0.1.0".into(),
            started: "2026-01-01T00:00:00Z".into(),
            provider: "embedded".into(),
            scenarios: scenarios.iter().map(ToString::to_string).collect(),
            suite: Default::default(),
            options: Default::default(),
        }
    }

    fn errored() -> Outcome {
        Outcome::Errored(Fault {
            class: FaultClass::Environment,
            message: "disk full".into(),
            attachments: vec![],
        })
    }

    #[test]
    fn a_requirement_has_the_worst_status_of_its_scenarios() {
        let summary = Summary::fold(&log(vec![
            started(&["a", "b"]),
            finished("a", "GITOPS-05", Outcome::Passed),
            finished("b", "GITOPS-05", Failure::default().into()),
        ]));
        let requirement = summary
            .requirements()
            .into_iter()
            .find(|found| found.id.as_str() == "GITOPS-05")
            .unwrap();
        assert_eq!(requirement.status, RequirementStatus::Failed);
        assert_eq!(requirement.scenarios, ["a", "b"]);
        assert_eq!(summary.exit_code(), ExitCode::Failed);
    }

    #[test]
    fn what_needs_pods_is_simulated_on_the_embedded_cluster() {
        let summary = Summary::fold(&log(vec![
            started(&["a"]),
            finished("a", "TENANT-04", Outcome::Passed),
        ]));
        let requirement = summary
            .requirements()
            .into_iter()
            .find(|found| found.id.as_str() == "TENANT-04")
            .unwrap();
        assert_eq!(requirement.status, RequirementStatus::Simulated);
    }

    #[test]
    fn a_log_that_breaks_off_is_never_green() {
        let summary = Summary::fold(&log(vec![
            started(&["a", "b"]),
            finished("a", "GITOPS-05", Outcome::Passed),
        ]));
        assert_eq!(summary.unfinished, ["b"]);
        assert_eq!(summary.exit_code(), ExitCode::Environment);
    }

    #[test]
    fn an_environment_fault_outranks_a_failure_and_an_interruption_outranks_both() {
        let mut events = vec![
            started(&["a", "b"]),
            finished("a", "GITOPS-05", errored()),
            finished("b", "GITOPS-06", Failure::default().into()),
        ];
        assert_eq!(
            Summary::fold(&log(events.clone())).exit_code(),
            ExitCode::Environment
        );
        events.push(Event::Interrupted {
            signal: "SIGINT".into(),
        });
        assert_eq!(Summary::fold(&log(events)).exit_code(), ExitCode::Interrupted);
    }
}
