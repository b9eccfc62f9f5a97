//! One attempt at a scenario: its steps until one does not pass, then its `finally` steps, however it went.

use crate::{EventLog, load::Load, pause::Pause, waiting::Waiting};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_flux::VerbError;
use plumbline_model::{Event, Fault, FaultClass, Outcome, Section};
use plumbline_scenario::{Scenario, ScenarioStep};
use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long the `finally` steps of a scenario may take together, also after an interruption.
const FINALLY_WITHIN: Duration = Duration::from_secs(30);

/// A scenario under way, on whatever kind of cluster.
pub(crate) trait UnderWay: Send + Sync {
    /// Which.
    fn scenario(&self) -> &Arc<Scenario>;

    /// Where it is told.
    fn log(&self) -> &EventLog;

    /// When its time is over.
    fn deadline(&mut self) -> &mut Instant;

    /// The steps that are done before its own.
    fn given<'scenario>(&self, scenario: &'scenario Scenario) -> &'scenario [ScenarioStep];

    /// A fresh account of what is waited for.
    fn begin_step(&mut self, index: usize, step: &ScenarioStep) -> Waiting;

    /// Performs a step.
    fn perform(&mut self, step: &ScenarioStep) -> impl Future<Output = Result<(), VerbError>> + Send;

    /// Ends when the scenario cannot go on, for a cluster of it has died.
    fn failed(&self) -> BoxFuture<'static, Fault>;

    /// Adds to a failure what the cluster says about the objects of the step.
    fn with_evidence(&self, error: VerbError, step: &ScenarioStep) -> impl Future<Output = VerbError> + Send;

    /// How people get at the cluster, for those who look around.
    fn way(&self) -> String;
}

/// Runs the steps, then `finally`. A failure of the steps is never hidden by one of `finally`.
pub(crate) async fn run(
    state: &mut impl UnderWay,
    cancel: &CancellationToken,
    pause: Option<&Pause>,
) -> Outcome {
    let scenario = state.scenario().clone();
    let seconds = scenario.timeout.as_secs();
    let part = Part {
        section: Section::Steps,
        time: format!("the scenario's time of {seconds} s"),
        cancel: cancel.clone(),
    };
    let hold = Hold { pause, cancel };
    let steps = state.given(&scenario).iter().chain(&scenario.steps);
    for (index, step) in steps.enumerate() {
        let outcome = run_step(state, index, step, &part).await;
        if outcome != Outcome::Passed {
            hold.at(&outcome, step, state).await;
            finally(state, None).await;
            return outcome;
        }
    }
    finally(state, Some(&hold)).await
}

/// Where a failure holds the run still, if people asked for that.
struct Hold<'a> {
    pause: Option<&'a Pause>,
    cancel: &'a CancellationToken,
}

impl Hold<'_> {
    async fn at(&self, outcome: &Outcome, step: &ScenarioStep, state: &impl UnderWay) {
        if let Some(pause) = self.pause
            && matches!(outcome, Outcome::Failed(_) | Outcome::Errored(_))
        {
            let text = words_of_pause(state, step);
            pause
                .hold(&state.scenario().id, text, state.log(), self.cancel)
                .await;
        }
    }
}

/// Runs every `finally` step, each also when another has failed, and gives the first outcome that is not a pass. The
/// first failure of the attempt may hold the run; what follows it is no news.
async fn finally(state: &mut impl UnderWay, hold: Option<&Hold<'_>>) -> Outcome {
    let scenario = state.scenario().clone();
    if scenario.finally.is_empty() {
        return Outcome::Passed;
    }
    *state.deadline() = Instant::now() + FINALLY_WITHIN;
    let part = Part {
        section: Section::Finally,
        time: format!("the time of {} s for `finally`", FINALLY_WITHIN.as_secs()),
        cancel: CancellationToken::new(),
    };
    let mut result = Outcome::Passed;
    let first = state.given(&scenario).len() + scenario.steps.len();
    for (index, step) in (first..).zip(&scenario.finally) {
        let outcome = run_step(state, index, step, &part).await;
        if result == Outcome::Passed {
            if let Some(hold) = hold {
                let held = Instant::now();
                hold.at(&outcome, step, state).await;
                // People's time is not the scenario's.
                *state.deadline() += held.elapsed();
            }
            result = outcome;
        }
    }
    result
}

/// What steps run under.
struct Part {
    section: Section,
    /// What is over when the deadline comes, in words.
    time: String,
    cancel: CancellationToken,
}

async fn run_step(state: &mut impl UnderWay, index: usize, step: &ScenarioStep, part: &Part) -> Outcome {
    let (log, scenario) = (state.log().clone(), state.scenario().clone());
    let waiting = state.begin_step(index, step);
    let (began, load) = (Instant::now(), Load::from_now());
    let deadline = *state.deadline();
    log.emit(Event::StepStarted {
        scenario: scenario.id.clone(),
        step: index,
        verb: step.verb().to_owned(),
        summary: step.summary(),
        position: step.position(),
        used_at: step.used_at.clone(),
        section: part.section,
        cluster: step.cluster.as_ref().map(|cluster| cluster.value.clone()),
        deadline: Some(latest_end(&log, began, step, deadline)),
    });
    let failed = state.failed();
    let performed = AssertUnwindSafe(state.perform(step)).catch_unwind();
    let error = tokio::select! {
        // A step that has ended counts, even if its deadline came at the same moment.
        biased;
        ended = performed => match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(panic) => Some(VerbError::Fault(bug(panic.as_ref()))),
        },
        () = part.cancel.cancelled() => {
            finished(&log, &scenario.id, index, began, Outcome::Interrupted);
            return Outcome::Interrupted;
        }
        fault = failed => Some(VerbError::Fault(fault)),
        () = tokio::time::sleep_until(deadline) => {
            let (waiting_for, last_seen) = waiting.last();
            let message = format!("{} was over while it waited for {waiting_for}", part.time);
            Some(VerbError::mismatch(message, waiting_for, last_seen))
        }
    };
    let outcome = match error {
        None => Outcome::Passed,
        // Evidence is gathered at once: nothing has been cleaned up, and later steps do not run.
        Some(error) => {
            let of_machine = load.evidence();
            let mut error = state.with_evidence(error, step).await;
            if let VerbError::Unmet(failure) = &mut error {
                failure.attachments.extend(of_machine);
            }
            error.into()
        }
    };
    finished(&log, &scenario.id, index, began, outcome.clone());
    outcome
}

fn finished(log: &EventLog, scenario: &str, step: usize, began: Instant, outcome: Outcome) {
    log.emit(Event::StepFinished {
        scenario: scenario.to_owned(),
        step,
        duration: milliseconds(began.elapsed()),
        outcome,
    });
}

/// When the step gives up at the latest, on the clock of the log.
fn latest_end(log: &EventLog, began: Instant, step: &ScenarioStep, deadline: Instant) -> u64 {
    let until = match step.step.deadline() {
        Some(within) if within > Duration::ZERO => deadline.min(began + within),
        _ => deadline,
    };
    log.now() + milliseconds(until.saturating_duration_since(began))
}

fn words_of_pause(state: &impl UnderWay, step: &ScenarioStep) -> String {
    format!(
        "paused: `{}` at {} did not pass; look around with {}, press Enter to go on",
        step.summary(),
        step.position(),
        state.way()
    )
}

/// Whether another attempt may end differently.
pub(crate) fn is_worth_another(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(_) => true,
        Outcome::Errored(fault) => fault.class != FaultClass::Bug,
        _ => false,
    }
}

/// What a panic was, as the fault of plumbline that it is.
pub(crate) fn bug(panic: &(dyn Any + Send)) -> Fault {
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
