//! One scenario: its result, its attempts and their steps.

use super::evidence::TroubleView;
use crate::{AttemptResult, ScenarioResult, StepResult, Summary, terminal::message, text::duration};
use plumbline_model::{Outcome, Status};
use serde::Serialize;

/// A scenario.
#[derive(Serialize)]
pub(super) struct ScenarioView {
    anchor: String,
    id: String,
    status: &'static str,
    word: &'static str,
    duration: String,
    claim: String,
    file: String,
    tags: Vec<String>,
    requirements: Vec<&'static str>,
    /// What the search looks through, in lower case.
    words: String,
    /// Whether it is open from the start.
    pub(super) open: bool,
    reason: Option<String>,
    attempts: Vec<AttemptView>,
    simulated: Option<String>,
    removed: Option<String>,
    left: Option<String>,
    notes: Vec<String>,
    again: String,
    #[serde(skip)]
    pub(super) urgency: Urgency,
}

#[derive(Serialize)]
struct AttemptView {
    number: u32,
    status: &'static str,
    duration: String,
    shard: Option<String>,
    trouble: Option<TroubleView>,
    steps: Vec<StepView>,
}

#[derive(Serialize)]
struct StepView {
    summary: String,
    position: String,
    used_at: Vec<String>,
    cluster: Option<String>,
    finally: bool,
    status: &'static str,
    begins: String,
    takes: String,
    /// What it saw last, if it waited and did not pass.
    waited: Option<String>,
    /// In hundredths of the attempt.
    x: f64,
    width: f64,
}

/// What a reader should look at first, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    Passed,
    Skipped,
    Flaky,
    NotEnded,
    Errored,
    Failed,
}

/// The link to a scenario.
pub(super) fn anchor(id: &str) -> String {
    format!("scenario-{id}")
}

impl ScenarioView {
    /// A scenario that ended.
    pub(super) fn ended(summary: &Summary, result: &ScenarioResult) -> Self {
        let outcome = &*result.outcome;
        let reason = match outcome {
            Outcome::Skipped(_) | Outcome::Flaky { .. } => message(outcome),
            _ => None,
        };
        Self {
            urgency: Urgency::of(outcome.status()),
            reason,
            ..Self::new(summary, result, outcome.status().word())
        }
    }

    /// A scenario that never ended, as far as it came.
    pub(super) fn unfinished(summary: &Summary, id: &str) -> Self {
        let begun = summary.running().find(|result| result.scenario == id);
        let mut view = begun.map_or_else(
            || Self::of_id(summary, id),
            |result| Self::new(summary, result, "not-run"),
        );
        view.word = if begun.is_some() { "not ended" } else { "not run" };
        view.reason = Some("the run ended before this scenario did".to_owned());
        view.urgency = Urgency::NotEnded;
        view
    }

    fn of_id(summary: &Summary, id: &str) -> Self {
        Self {
            anchor: anchor(id),
            id: id.to_owned(),
            status: "not-run",
            word: "not run",
            duration: String::new(),
            claim: String::new(),
            file: String::new(),
            tags: Vec::new(),
            requirements: Vec::new(),
            words: id.to_lowercase(),
            open: false,
            reason: None,
            attempts: Vec::new(),
            simulated: None,
            removed: None,
            left: None,
            notes: Vec::new(),
            again: summary.run_again(id),
            urgency: Urgency::NotEnded,
        }
    }

    fn new(summary: &Summary, result: &ScenarioResult, status: &'static str) -> Self {
        let requirements: Vec<&'static str> = result
            .requirements
            .iter()
            .map(|requirement| requirement.as_str())
            .collect();
        let words = [&result.scenario, &result.claim, &result.file]
            .into_iter()
            .map(String::as_str)
            .chain(requirements.iter().copied())
            .chain(result.tags.iter().map(String::as_str));
        let clean_ups = || result.clean_ups.iter();
        Self {
            status,
            word: status,
            duration: duration(result.duration),
            claim: result.claim.clone(),
            file: result.file.clone(),
            tags: result.tags.clone(),
            words: words.collect::<Vec<_>>().join(" ").to_lowercase(),
            requirements,
            attempts: result.attempts.iter().map(AttemptView::of).collect(),
            simulated: listed(result.simulated.iter()),
            removed: listed(clean_ups().flat_map(|clean_up| &clean_up.removed)),
            left: listed(clean_ups().flat_map(|clean_up| &clean_up.left)),
            notes: result.notes.iter().map(|note| note.text.clone()).collect(),
            ..Self::of_id(summary, &result.scenario)
        }
    }
}

impl Urgency {
    const fn of(status: Status) -> Self {
        match status {
            Status::Failed => Self::Failed,
            Status::Errored => Self::Errored,
            Status::Interrupted => Self::NotEnded,
            Status::Flaky => Self::Flaky,
            Status::Skipped => Self::Skipped,
            Status::Passed => Self::Passed,
        }
    }
}

impl AttemptView {
    fn of(attempt: &AttemptResult) -> Self {
        Self {
            number: attempt.attempt,
            status: attempt.outcome.status().word(),
            duration: duration(attempt.duration),
            shard: attempt.shard.map(|shard| shard.to_string()),
            trouble: TroubleView::of_attempt(attempt),
            steps: steps(attempt),
        }
    }
}

fn steps(attempt: &AttemptResult) -> Vec<StepView> {
    let end = attempt
        .steps
        .iter()
        .map(|step| step.at.saturating_add(step.duration))
        .max();
    let whole = end
        .unwrap_or(attempt.at)
        .saturating_sub(attempt.at)
        .max(attempt.duration)
        .max(1);
    attempt
        .steps
        .iter()
        .map(|step| StepView::of(step, attempt.at, whole))
        .collect()
}

impl StepView {
    fn of(step: &StepResult, began: u64, whole: u64) -> Self {
        let status = step.outcome.status();
        let after = step.at.saturating_sub(began);
        let waited = step
            .waits
            .last()
            .filter(|_| status != Status::Passed)
            .map(|wait| format!("{}; last seen: {}", wait.waiting_for, wait.last_seen));
        Self {
            summary: step.summary.clone(),
            position: step.position.to_string(),
            cluster: step.cluster.clone(),
            finally: !step.section.is_steps(),
            used_at: step.used_at.iter().map(ToString::to_string).collect(),
            status: status.word(),
            begins: duration(after),
            takes: duration(step.duration),
            waited,
            x: share(after, whole),
            width: share(step.duration, whole).max(0.6),
        }
    }
}

/// `part` in hundredths of `whole`, with one decimal place.
#[expect(clippy::cast_precision_loss, reason = "a drawing needs three digits")]
fn share(part: u64, whole: u64) -> f64 {
    (part as f64 * 1_000.0 / whole as f64).round() / 10.0
}

fn listed<'text>(texts: impl Iterator<Item = &'text String>) -> Option<String> {
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
