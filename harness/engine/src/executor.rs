//! One scenario from its first step to its result.

use crate::{
    EventLog,
    steps::{self, ScenarioState},
    world::World,
};
use futures::FutureExt as _;
use plumbline_flux::VerbError;
use plumbline_model::{Event, Fault, FaultClass, Outcome, RequirementId, Section, Status};
use plumbline_scenario::{Scenario, ScenarioStep};
use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs a scenario and gives its status; everything else is in the log.
pub(crate) async fn run(
    scenario: Arc<Scenario>,
    world: Arc<World>,
    log: EventLog,
    cancel: CancellationToken,
) -> Status {
    let began = Instant::now();
    log.emit(Event::ScenarioStarted {
        scenario: scenario.id.clone(),
        claim: scenario.claim.value.clone(),
        file: scenario.source.name().to_owned(),
        requirements: requirements(&scenario),
        tags: tags(&scenario),
    });
    let deadline = began + scenario.timeout;
    let mut state = ScenarioState::new(world.clone(), log.clone(), scenario.clone(), deadline);
    let mut outcome = Outcome::Passed;
    for (index, step) in scenario.steps.iter().enumerate() {
        outcome = run_step(&mut state, index, step, &cancel).await;
        if outcome != Outcome::Passed {
            break;
        }
    }
    let status = outcome.status();
    log.emit(Event::ScenarioFinished {
        scenario: scenario.id.clone(),
        claim: scenario.claim.value.clone(),
        file: scenario.source.name().to_owned(),
        requirements: requirements(&scenario),
        tags: tags(&scenario),
        duration: milliseconds(began.elapsed()),
        outcome,
        simulated: world.simulated_subjects(),
    });
    status
}

async fn run_step(
    state: &mut ScenarioState,
    index: usize,
    step: &ScenarioStep,
    cancel: &CancellationToken,
) -> Outcome {
    let (log, world, scenario) = (state.log.clone(), state.world.clone(), state.scenario.clone());
    log.emit(Event::StepStarted {
        scenario: scenario.id.clone(),
        step: index,
        verb: step.verb().to_owned(),
        summary: step.summary(),
        position: step.position(),
        used_at: step.used_at.clone(),
        section: Section::Steps,
        cluster: step.cluster.as_ref().map(|cluster| cluster.value.clone()),
        deadline: None,
    });
    let began = Instant::now();
    let waiting = state.begin_step(index);
    let deadline = state.deadline;
    let performed = AssertUnwindSafe(steps::perform(step, state)).catch_unwind();
    let error = tokio::select! {
        // A step that has ended counts, even if its deadline came at the same moment.
        biased;
        ended = performed => match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(panic) => Some(VerbError::Fault(bug(panic.as_ref()))),
        },
        () = cancel.cancelled() => return interrupted(&log, &scenario, index, began),
        fault = world.failed() => Some(VerbError::Fault(fault)),
        () = tokio::time::sleep_until(deadline) => {
            let (waiting_for, last_seen) = waiting.last();
            let message = format!(
                "the scenario's time of {} s was over while it waited for {waiting_for}",
                scenario.timeout.as_secs()
            );
            Some(VerbError::mismatch(message, waiting_for, last_seen))
        }
    };
    let outcome = match error {
        None => Outcome::Passed,
        // Evidence is gathered at once: nothing has been cleaned up, and later steps do not run.
        Some(error) => world.with_evidence(error, &step.step, state).await.into(),
    };
    log.emit(Event::StepFinished {
        scenario: scenario.id.clone(),
        step: index,
        duration: milliseconds(began.elapsed()),
        outcome: outcome.clone(),
    });
    outcome
}

fn interrupted(log: &EventLog, scenario: &Scenario, step: usize, began: Instant) -> Outcome {
    log.emit(Event::StepFinished {
        scenario: scenario.id.clone(),
        step,
        duration: milliseconds(began.elapsed()),
        outcome: Outcome::Interrupted,
    });
    Outcome::Interrupted
}

pub(crate) fn requirements(scenario: &Scenario) -> Vec<RequirementId> {
    scenario
        .requirements
        .iter()
        .map(|requirement| requirement.value)
        .collect()
}

pub(crate) fn tags(scenario: &Scenario) -> Vec<String> {
    scenario.tags.iter().map(|tag| tag.value.clone()).collect()
}

fn bug(panic: &(dyn Any + Send)) -> Fault {
    let words = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Fault {
        class: FaultClass::Bug,
        message: format!("plumbline has a bug: a step panicked: {words}; the platform is not judged by this"),
        attachments: Vec::new(),
    }
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
