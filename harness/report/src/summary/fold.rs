//! Event by event: what a log says so far.

use super::{
    AttemptResult, CleanUp, Egress, Measurement, Note, PhaseResult, ScenarioResult, StepResult, Summary,
    Wait,
    told::{attempt, end, end_attempt, step, unknown},
};
use plumbline_model::{Event, Fault, FaultClass, LogEntry, Subject};
use std::sync::Arc;

/// A log that is not that of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the event log of a run")]
pub struct NotARun;

impl Summary {
    /// Folds a log as far as it goes.
    #[must_use]
    pub fn fold(log: &[LogEntry]) -> Self {
        let mut summary = Self::default();
        for entry in log {
            summary.push(entry);
        }
        summary
    }

    /// Folds the log of a run that is over. One that breaks off is that of a run that was killed: it is never green.
    ///
    /// # Errors
    /// If the log does not begin as the log of a run does.
    pub fn recorded(log: &[LogEntry]) -> Result<Self, NotARun> {
        match log.first() {
            Some(LogEntry {
                event: Event::RunStarted { .. },
                ..
            }) => {}
            _ => return Err(NotARun),
        }
        let mut summary = Self::fold(log);
        if summary.told_exit.is_none() {
            summary.faults.push(Fault {
                class: FaultClass::Environment,
                message: "the log breaks off: the run was killed before its end".to_owned(),
                attachments: Vec::new(),
            });
        }
        Ok(summary)
    }

    /// Takes in the next event.
    pub fn push(&mut self, entry: &LogEntry) {
        let at = entry.at;
        self.duration = self.duration.max(at);
        match &entry.event {
            Event::RunStarted { .. } => self.begin(&entry.event),
            Event::Fact { name, value } => {
                self.facts.insert(name.clone(), value.clone());
            }
            Event::Simulated { simulation } => {
                self.simulations.insert(simulation.clone());
            }
            Event::SuiteLocated { revision } => self.suite.revision = Some(revision.clone()),
            Event::SubjectObserved { subject } => self.observe((**subject).clone()),
            Event::PhaseStarted { phase } => {
                self.phases_begun.insert(phase.clone(), at);
            }
            Event::PhaseFinished {
                phase,
                duration,
                outcome,
            } => {
                let began = self.phases_begun.remove(phase);
                self.phases.push(PhaseResult {
                    phase: phase.clone(),
                    at: began.unwrap_or(at.saturating_sub(*duration)),
                    duration: *duration,
                    outcome: outcome.clone(),
                    shard: None,
                });
            }
            Event::Measured {
                scenario,
                name,
                duration,
            } => self.measurements.push(Measurement {
                name: name.clone(),
                scenario: scenario.clone(),
                at,
                duration: *duration,
            }),
            Event::Noted { scenario, text } => {
                let note = Note {
                    at,
                    text: text.clone(),
                };
                match self.known(scenario) {
                    Some(result) => result.notes.push(note),
                    None => self.notes.push(note),
                }
            }
            Event::CleanedUp {
                scenario,
                duration,
                removed,
                left,
            } => {
                let result = match self.known(scenario) {
                    Some(result) => result,
                    None => self.begun(scenario, at),
                };
                result.clean_ups.push(CleanUp {
                    at,
                    duration: *duration,
                    removed: removed.clone(),
                    left: left.clone(),
                });
            }
            Event::Egress { allowed, refused } => {
                self.egress = Egress {
                    allowed: allowed.clone(),
                    refused: refused.clone(),
                };
            }
            Event::RunErrored { fault } => self.faults.push(fault.clone()),
            Event::LeftBehind { what } => self.left_behind.push(what.clone()),
            Event::Interrupted { signal } => self.interrupted = Some(signal.clone()),
            Event::RunFinished { duration, exit } => {
                self.duration = *duration;
                self.told_exit = Some(*exit);
            }
            Event::ScenarioStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepWaiting { .. }
            | Event::StepFinished { .. }
            | Event::AttemptFinished { .. }
            | Event::ScenarioFinished { .. } => self.push_scenario(at, &entry.event),
        }
    }

    /// What is seen first is what was tested; whatever it becomes after that is a change.
    pub(super) fn observe(&mut self, subject: Subject) {
        match &self.subject {
            None => self.subject = Some(subject),
            Some(first) => self.subject_changes.extend(first.changes(&subject)),
        }
    }

    fn begin(&mut self, event: &Event) {
        if let Event::RunStarted {
            run,
            version,
            started,
            provider,
            scenarios,
            suite,
            options,
        } = event
        {
            self.run.clone_from(run);
            self.version.clone_from(version);
            self.started.clone_from(started);
            self.provider.clone_from(provider);
            self.planned.clone_from(scenarios);
            self.suite = suite.clone();
            self.options = options.clone();
        }
    }

    fn push_scenario(&mut self, at: u64, event: &Event) {
        match event {
            Event::ScenarioStarted {
                scenario,
                claim,
                file,
                requirements,
                tags,
            } => {
                let result = self.begun(scenario, at);
                result.claim.clone_from(claim);
                result.file.clone_from(file);
                result.requirements.clone_from(requirements);
                result.tags.clone_from(tags);
                if result.attempts.is_empty() {
                    result.attempts.push(attempt(1, at));
                }
            }
            Event::StepStarted { scenario, .. } => {
                if let Some(step) = step(at, event) {
                    self.attempt(scenario, at).steps.push(step);
                }
            }
            Event::StepWaiting {
                scenario,
                step,
                waiting_for,
                last_seen,
            } => {
                if let Some(step) = self.step(scenario, *step) {
                    step.seen += 1;
                    if step.waits.len() == StepResult::KEPT_WAITS {
                        step.waits.remove(0);
                    }
                    step.waits.push(Wait {
                        at,
                        waiting_for: waiting_for.clone(),
                        last_seen: last_seen.clone(),
                    });
                }
            }
            Event::StepFinished {
                scenario,
                step,
                duration,
                outcome,
            } => {
                if let Some(step) = self.step(scenario, *step) {
                    step.duration = *duration;
                    step.outcome = Arc::new(outcome.clone());
                }
            }
            Event::AttemptFinished {
                scenario,
                attempt: number,
                duration,
                outcome,
            } => {
                let result = self.begun(scenario, at);
                if result.attempts.is_empty() {
                    result
                        .attempts
                        .push(attempt(*number, at.saturating_sub(*duration)));
                }
                if let Some(ended) = result.attempts.last_mut() {
                    ended.attempt = *number;
                    end_attempt(ended, outcome, *duration);
                }
                result.attempts.push(attempt(number.saturating_add(1), at));
            }
            Event::ScenarioFinished { scenario, .. } => {
                let begun = self.running.remove(scenario);
                let result = end(begun.unwrap_or_else(|| unknown(scenario, at)), at, event);
                self.take(result);
            }
            _ => {}
        }
    }

    /// Takes a result in. A scenario that ended twice, as providers do in every shard, ends as badly as it ever did.
    pub(super) fn take(&mut self, result: ScenarioResult) {
        let known = self
            .ended
            .get(&result.scenario)
            .and_then(|&index| self.scenarios.get_mut(index));
        match known {
            None => {
                self.ended.insert(result.scenario.clone(), self.scenarios.len());
                self.scenarios.push(result);
            }
            Some(known) => {
                let earlier = std::mem::replace(known, result);
                known.absorb(earlier);
            }
        }
    }

    /// The scenario that runs, else the one that ended.
    fn known(&mut self, scenario: &str) -> Option<&mut ScenarioResult> {
        if self.running.contains_key(scenario) {
            return self.running.get_mut(scenario);
        }
        let index = self.ended.get(scenario)?;
        self.scenarios.get_mut(*index)
    }

    /// The scenario that runs; it begins now if the log has not told its beginning.
    fn begun(&mut self, scenario: &str, at: u64) -> &mut ScenarioResult {
        self.running
            .entry(scenario.to_owned())
            .or_insert_with(|| unknown(scenario, at))
    }

    fn attempt(&mut self, scenario: &str, at: u64) -> &mut AttemptResult {
        let attempts = &mut self.begun(scenario, at).attempts;
        if attempts.is_empty() {
            attempts.push(attempt(1, at));
        }
        let last = attempts.len() - 1;
        &mut attempts[last]
    }

    fn step(&mut self, scenario: &str, index: usize) -> Option<&mut StepResult> {
        let attempt = self.running.get_mut(scenario)?.attempts.last_mut()?;
        attempt.steps.iter_mut().rfind(|step| step.index == index)
    }
}

impl ScenarioResult {
    /// Joins two results of one scenario: the worse one stands, and every attempt is kept.
    fn absorb(&mut self, mut other: Self) {
        if other.outcome.status() > self.outcome.status() {
            std::mem::swap(self, &mut other);
        }
        other.attempts.append(&mut self.attempts);
        self.attempts = other.attempts;
        self.clean_ups.append(&mut other.clean_ups);
        self.notes.append(&mut other.notes);
        for subject in other.simulated {
            if !self.simulated.contains(&subject) {
                self.simulated.push(subject);
            }
        }
    }
}
