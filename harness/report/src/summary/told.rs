//! What single events tell of a scenario, an attempt and a step.

use super::{AttemptResult, ScenarioResult, StepResult};
use plumbline_model::{Event, Outcome};
use std::sync::Arc;

/// A scenario of which nothing is known but its id.
pub(super) fn unknown(scenario: &str, at: u64) -> ScenarioResult {
    ScenarioResult {
        scenario: scenario.to_owned(),
        claim: String::new(),
        file: String::new(),
        requirements: Vec::new(),
        tags: Vec::new(),
        at,
        duration: 0,
        outcome: Arc::new(Outcome::Interrupted),
        simulated: Vec::new(),
        attempts: Vec::new(),
        clean_ups: Vec::new(),
        notes: Vec::new(),
    }
}

/// An attempt that has begun.
pub(super) fn attempt(number: u32, at: u64) -> AttemptResult {
    AttemptResult {
        attempt: number,
        at,
        duration: 0,
        outcome: Arc::new(Outcome::Interrupted),
        steps: Vec::new(),
        shard: None,
    }
}

/// A step that has begun.
pub(super) fn step(at: u64, event: &Event) -> Option<StepResult> {
    let Event::StepStarted {
        step,
        verb,
        summary,
        position,
        used_at,
        section,
        cluster,
        deadline,
        ..
    } = event
    else {
        return None;
    };
    Some(StepResult {
        index: *step,
        verb: verb.clone(),
        summary: summary.clone(),
        position: position.clone(),
        used_at: used_at.clone(),
        section: *section,
        cluster: cluster.clone(),
        at,
        deadline: *deadline,
        duration: 0,
        outcome: Arc::new(Outcome::Interrupted),
        waits: Vec::new(),
        seen: 0,
    })
}

/// Ends an attempt. The evidence of its failure is held once, although the log tells it of the step and of the attempt.
pub(super) fn end_attempt(attempt: &mut AttemptResult, outcome: &Outcome, duration: u64) {
    attempt.duration = duration;
    let told = attempt.steps.iter().find(|step| *step.outcome == *outcome);
    attempt.outcome = match told {
        Some(step) => step.outcome.clone(),
        None => Arc::new(outcome.clone()),
    };
}

/// Ends a scenario, and its last attempt with it.
pub(super) fn end(mut result: ScenarioResult, at: u64, event: &Event) -> ScenarioResult {
    let Event::ScenarioFinished {
        claim,
        file,
        requirements,
        tags,
        duration,
        outcome,
        simulated,
        ..
    } = event
    else {
        return result;
    };
    result.claim.clone_from(claim);
    result.file.clone_from(file);
    result.requirements.clone_from(requirements);
    result.tags.clone_from(tags);
    result.duration = *duration;
    result.simulated.clone_from(simulated);
    let skipped = matches!(outcome, Outcome::Skipped(_));
    if result.attempts.is_empty() && !skipped {
        result.attempts.push(attempt(1, at.saturating_sub(*duration)));
    }
    let only = result.attempts.len() == 1;
    result.outcome = match result.attempts.last_mut() {
        None => Arc::new(outcome.clone()),
        Some(last) => {
            let took = if only {
                *duration
            } else {
                at.saturating_sub(last.at)
            };
            if matches!(outcome, Outcome::Flaky { .. }) {
                end_attempt(last, &Outcome::Passed, took);
                Arc::new(outcome.clone())
            } else {
                end_attempt(last, outcome, took);
                last.outcome.clone()
            }
        }
    };
    result
}
