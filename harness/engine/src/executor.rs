//! One scenario: whether it is for this cluster, its attempts, its result, and then, while others run, its clean-up.

use crate::{
    EventLog, Keep, admission,
    attempt::{self, is_worth_another, milliseconds},
    clean_up::{self, Extent, Undone},
    dispatcher::Reporter,
    further_clusters, namespace,
    pause::Pause,
    secrets,
    steps::ScenarioState,
    subject,
    world::{Kept, World},
};
use plumbline_model::{Event, Fault, Outcome, RequirementId, Skip, Status};
use plumbline_scenario::{Scenario, Stage};
use std::{collections::BTreeMap, mem, sync::Arc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs scenarios; cheap to clone.
#[derive(Clone)]
pub(crate) struct Executor {
    pub(crate) world: Arc<World>,
    pub(crate) log: EventLog,
    pub(crate) cancel: CancellationToken,
    pub(crate) pause: Option<Arc<Pause>>,
    pub(crate) keep: Keep,
    /// Where secrets may come from.
    pub(crate) environment: Arc<BTreeMap<String, String>>,
}

impl Executor {
    /// Runs a scenario. Its result is reported as soon as it is there; what follows is the clean-up.
    pub(crate) async fn run(self, scenario: Arc<Scenario>, reporter: Reporter) {
        match admission::reason_to_skip(&scenario, &self.world.main).await {
            Ok(None) => {}
            Ok(Some(skip)) => {
                report_skipped(&self.log, &scenario, skip);
                reporter.ended(Status::Skipped);
                return;
            }
            Err(fault) => {
                self.started(&scenario);
                self.finished(&scenario, Instant::now(), Outcome::Errored(fault));
                reporter.ended(Status::Errored);
                return;
            }
        }
        self.started(&scenario);
        let began = Instant::now();
        let (outcome, state) = self.attempts(&scenario).await;
        let status = outcome.status();
        let is_failure = matches!(outcome, Outcome::Failed(_) | Outcome::Errored(_));
        let is_interrupted = outcome == Outcome::Interrupted;
        self.finished(&scenario, began, outcome);
        let provided = scenario.provides.as_ref().map(|stage| stage.value);
        if provided == Some(Stage::Platform) && matches!(status, Status::Passed | Status::Flaky) {
            // Before any other scenario can change what is under test.
            subject::observe(&self.world.main, &self.log).await;
        }
        reporter.ended(status);
        if is_interrupted {
            // The cluster goes with the run, and everything on it.
            return;
        }
        if is_failure && self.keep != Keep::Never {
            self.keep(state);
            return;
        }
        let extent = match self.keep {
            Keep::Never => Extent::Brief,
            Keep::OnFailure | Keep::Always => Extent::Whole,
        };
        self.clean_up(state, extent).await;
    }

    /// Attempts it as often as its author allows. The state is that of the last attempt, not cleaned up.
    async fn attempts(&self, scenario: &Arc<Scenario>) -> (Outcome, ScenarioState) {
        let mut number = 1;
        loop {
            let began = Instant::now();
            let mut state = ScenarioState::new(self.world.clone(), self.log.clone(), scenario.clone());
            let outcome = match self.prepare(&mut state).await {
                Ok(()) => attempt::run(&mut state, &self.cancel, self.pause.as_deref()).await,
                Err(outcome) => outcome,
            };
            if outcome == Outcome::Passed && number > 1 {
                return (Outcome::Flaky { attempts: number }, state);
            }
            let is_over = self.cancel.is_cancelled() || self.world.is_dead();
            if number > scenario.retries || is_over || !is_worth_another(&outcome) {
                return (outcome, state);
            }
            let duration = milliseconds(began.elapsed());
            let cleaning = Instant::now();
            let undone = self.undo(&mut state, Extent::Attempt).await;
            if !undone.left.is_empty() {
                // Another attempt on what this one left would judge something else.
                report_undone(&self.log, scenario, cleaning, undone);
                self.note(
                    scenario,
                    "not tried again: what the attempt made could not be removed",
                );
                return (outcome, state);
            }
            self.log.emit(Event::AttemptFinished {
                scenario: scenario.id.clone(),
                attempt: number,
                duration,
                outcome,
            });
            number += 1;
        }
    }

    /// What must be there before the first step.
    async fn prepare(&self, state: &mut ScenarioState) -> Result<(), Outcome> {
        let prepared = async {
            secrets::prepare(state, &self.environment)?;
            namespace::prepare(state).await?;
            further_clusters::start(state).await
        };
        tokio::select! {
            prepared = prepared => prepared.map_err(Outcome::from),
            () = self.cancel.cancelled() => Err(Outcome::Interrupted),
        }
    }

    async fn undo(&self, state: &mut ScenarioState, extent: Extent) -> Undone {
        let footprint = mem::take(&mut state.footprint);
        let clusters = state.take_clusters();
        clean_up::undo(footprint, &self.world.main, clusters, extent).await
    }

    async fn clean_up(&self, mut state: ScenarioState, extent: Extent) {
        if self.world.is_dead() || (state.footprint.is_empty() && state.clusters.is_empty()) {
            return;
        }
        let began = Instant::now();
        let scenario = state.scenario.clone();
        let undone = self.undo(&mut state, extent).await;
        report_undone(&self.log, &scenario, began, undone);
    }

    /// Leaves what a failed scenario made to those who want to look at it.
    fn keep(&self, mut state: ScenarioState) {
        let footprint = mem::take(&mut state.footprint);
        // Those that run beside it and after it need whole servers.
        if footprint.faults {
            self.world.main.mend();
        }
        let kept = Kept {
            footprint,
            clusters: state.take_clusters(),
        };
        if let Some(words) = kept.words() {
            self.note(&state.scenario, &format!("kept to be looked at: {words}"));
            self.world.keep(kept);
        }
    }

    fn note(&self, scenario: &Scenario, text: &str) {
        self.log.emit(Event::Noted {
            scenario: scenario.id.clone(),
            text: text.to_owned(),
        });
    }

    fn started(&self, scenario: &Scenario) {
        report_started(&self.log, scenario);
    }

    fn finished(&self, scenario: &Scenario, began: Instant, outcome: Outcome) {
        report_finished(
            &self.log,
            scenario,
            milliseconds(began.elapsed()),
            outcome,
            self.world.simulated_subjects(),
        );
    }
}

/// What a scenario made is removed, as far as it could be.
pub(crate) fn report_undone(log: &EventLog, scenario: &Scenario, began: Instant, undone: Undone) {
    let Undone { removed, left } = undone;
    if removed.is_empty() && left.is_empty() {
        return;
    }
    for what in &left {
        log.emit(Event::LeftBehind {
            what: format!("{}: {what}", scenario.id),
        });
    }
    log.emit(Event::CleanedUp {
        scenario: scenario.id.clone(),
        duration: milliseconds(began.elapsed()),
        removed,
        left,
    });
}

/// A scenario begins.
pub(crate) fn report_started(log: &EventLog, scenario: &Scenario) {
    log.emit(Event::ScenarioStarted {
        scenario: scenario.id.clone(),
        claim: scenario.claim.value.clone(),
        file: scenario.source.name().to_owned(),
        requirements: requirements(scenario),
        tags: tags(scenario),
    });
}

/// The result of a scenario that was never started.
pub(crate) fn report_skipped(log: &EventLog, scenario: &Scenario, skip: Skip) {
    report_finished(log, scenario, 0, Outcome::Skipped(skip), Vec::new());
}

/// The result of a scenario whose own task did not live to report it.
pub(crate) fn report_lost(log: &EventLog, scenario: &Scenario, fault: Fault) {
    report_finished(log, scenario, 0, Outcome::Errored(fault), Vec::new());
}

/// The result of a scenario.
pub(crate) fn report_finished(
    log: &EventLog,
    scenario: &Scenario,
    duration: u64,
    outcome: Outcome,
    simulated: Vec<String>,
) {
    log.emit(Event::ScenarioFinished {
        scenario: scenario.id.clone(),
        claim: scenario.claim.value.clone(),
        file: scenario.source.name().to_owned(),
        requirements: requirements(scenario),
        tags: tags(scenario),
        duration,
        outcome,
        simulated,
    });
}

fn requirements(scenario: &Scenario) -> Vec<RequirementId> {
    let all = scenario.requirements.iter();
    all.map(|requirement| requirement.value).collect()
}

fn tags(scenario: &Scenario) -> Vec<String> {
    scenario.tags.iter().map(|tag| tag.value.clone()).collect()
}
