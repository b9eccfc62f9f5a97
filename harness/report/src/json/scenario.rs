//! One scenario of the report: its attempts, their steps, and how each ended.

use super::{notes, shape, shard, texts};
use crate::{
    AttemptResult, CleanUp, ScenarioResult, StepResult, Summary, terminal::one_line, text::printable,
};
use plumbline_model::{Attachment, Outcome, RequirementId, StepPosition};

/// A scenario that ended.
pub(super) fn scenario(summary: &Summary, result: &ScenarioResult) -> shape::Scenario {
    shape::Scenario {
        id: printable(&result.scenario),
        claim: printable(&result.claim),
        file: printable(&result.file),
        requirements: result.requirements.iter().map(RequirementId::to_string).collect(),
        tags: texts(&result.tags),
        start_ms: result.at,
        duration_ms: result.duration,
        outcome: outcome(&result.outcome),
        simulated: texts(&result.simulated),
        steps: result.steps().iter().map(step).collect(),
        earlier_attempts: result.earlier_attempts().iter().map(attempt).collect(),
        clean_ups: result.clean_ups.iter().map(clean_up).collect(),
        notes: notes(&result.notes),
        reproduce: printable(&one_line(&summary.reproduction(result))),
    }
}

fn attempt(attempt: &AttemptResult) -> shape::Attempt {
    shape::Attempt {
        attempt: attempt.attempt,
        shard: shard(attempt.shard),
        start_ms: attempt.at,
        duration_ms: attempt.duration,
        outcome: outcome(&attempt.outcome),
        steps: attempt.steps.iter().map(step).collect(),
    }
}

fn step(step: &StepResult) -> shape::Step {
    shape::Step {
        verb: printable(&step.verb),
        summary: printable(&step.summary),
        position: position(&step.position),
        used_at: step.used_at.iter().map(position).collect(),
        section: step.section,
        cluster: step.cluster.as_deref().map(printable),
        start_ms: step.at,
        duration_ms: step.duration,
        outcome: outcome(&step.outcome),
        waits: step
            .waits
            .iter()
            .map(|wait| shape::Wait {
                at_ms: wait.at,
                waiting_for: printable(&wait.waiting_for),
                last_seen: printable(&wait.last_seen),
            })
            .collect(),
        waits_seen: step.seen,
    }
}

fn position(position: &StepPosition) -> shape::Position {
    shape::Position {
        file: printable(&position.file),
        line: position.line,
        column: position.column,
    }
}

/// How something ended.
pub(super) fn outcome(outcome: &Outcome) -> shape::Outcome {
    match outcome {
        Outcome::Passed => shape::Outcome::Passed,
        Outcome::Interrupted => shape::Outcome::Interrupted,
        Outcome::Flaky { attempts } => shape::Outcome::Flaky { attempts: *attempts },
        Outcome::Skipped(skip) => shape::Outcome::Skipped {
            reason: printable(&skip.reason),
            cause: skip.cause,
            issue: skip.issue.as_deref().map(printable),
            until: skip.until.as_deref().map(printable),
        },
        Outcome::Failed(failure) => shape::Outcome::Failed {
            message: printable(&failure.message),
            expected: failure.expected.as_deref().map(printable),
            actual: failure.actual.as_deref().map(printable),
            attachments: attachments(&failure.attachments),
        },
        Outcome::Errored(fault) => shape::Outcome::Errored {
            class: fault.class,
            message: printable(&fault.message),
            attachments: attachments(&fault.attachments),
        },
    }
}

/// Pieces of evidence.
pub(super) fn attachments(attachments: &[Attachment]) -> Vec<shape::Attachment> {
    attachments
        .iter()
        .map(|attachment| shape::Attachment {
            title: printable(&attachment.title),
            text: printable(&attachment.text),
        })
        .collect()
}

fn clean_up(clean_up: &CleanUp) -> shape::CleanUp {
    shape::CleanUp {
        duration_ms: clean_up.duration,
        removed: texts(&clean_up.removed),
        left: texts(&clean_up.left),
    }
}
