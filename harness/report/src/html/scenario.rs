//! One scenario: its result, its attempts and their steps.

use super::evidence::TroubleView;
use crate::{AttemptResult, ScenarioResult, StepResult, text::duration};
use plumbline_model::{Outcome, Skip, Status};
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
    open: bool,
    reason: Option<String>,
    trouble: Option<TroubleView>,
    steps: Vec<StepView>,
    /// The attempts before the one that decided.
    attempts: Vec<AttemptView>,
    simulated: Option<String>,
    clean_up: Option<String>,
    notes: Vec<String>,
    again: String,
    #[serde(skip)]
    pub(super) urgency: u8,
}

#[derive(Serialize)]
struct AttemptView {
    number: u32,
    status: &'static str,
    word: &'static str,
    duration: String,
    trouble: Option<TroubleView>,
    steps: Vec<StepView>,
}

#[derive(Serialize)]
struct StepView {
    summary: String,
    position: String,
    cluster: Option<String>,
    finally: bool,
    status: &'static str,
    word: &'static str,
    duration: String,
    /// What it saw last, if it waited and did not pass at once.
    waited: Option<String>,
    when: String,
    /// In hundredths of the attempt.
    x: f64,
    width: f64,
}

/// The link to a scenario.
pub(super) fn anchor(id: &str) -> String {
    format!("scenario-{id}")
}

impl ScenarioView {
    pub(super) fn of(result: &ScenarioResult) -> Self {
        let status = result.outcome.status();
        let reason = match &*result.outcome {
            Outcome::Skipped(skip) => Some(reason(skip)),
            Outcome::Flaky { attempts } => Some(format!("passed at attempt {attempts}")),
            _ => None,
        };
        Self {
            urgency: urgency(status),
            reason,
            ..Self::new(result, status.word(), status.word())
        }
    }

    /// A scenario that never ended, as far as it came.
    pub(super) fn unfinished(id: &str, begun: Option<&ScenarioResult>) -> Self {
        let mut view = match begun {
            Some(result) => Self::new(result, "not-run", "not ended"),
            None => Self {
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
                trouble: None,
                steps: Vec::new(),
                attempts: Vec::new(),
                simulated: None,
                clean_up: None,
                notes: Vec::new(),
                again: again(id),
                urgency: 0,
            },
        };
        view.reason = Some("the run ended before this scenario did".to_owned());
        view.urgency = urgency(Status::Interrupted);
        view
    }

    fn new(result: &ScenarioResult, status: &'static str, word: &'static str) -> Self {
        let requirements: Vec<&'static str> = result
            .requirements
            .iter()
            .map(|requirement| requirement.as_str())
            .collect();
        let trouble = result.attempts.last().and_then(TroubleView::of_attempt);
        let words = [&result.scenario, &result.claim, &result.file]
            .into_iter()
            .map(String::as_str)
            .chain(requirements.iter().copied())
            .chain(result.tags.iter().map(String::as_str));
        Self {
            anchor: anchor(&result.scenario),
            id: result.scenario.clone(),
            status,
            word,
            duration: duration(result.duration),
            claim: result.claim.clone(),
            file: result.file.clone(),
            tags: result.tags.clone(),
            words: words.collect::<Vec<_>>().join(" ").to_lowercase(),
            requirements,
            open: matches!(result.outcome.status(), Status::Failed | Status::Errored),
            reason: None,
            trouble,
            steps: result.attempts.last().map(steps).unwrap_or_default(),
            attempts: result.earlier_attempts().iter().map(AttemptView::of).collect(),
            simulated: (!result.simulated.is_empty()).then(|| result.simulated.join(", ")),
            clean_up: clean_up(result),
            notes: result.notes.iter().map(|note| note.text.clone()).collect(),
            again: again(&result.scenario),
            urgency: 0,
        }
    }
}

impl AttemptView {
    fn of(attempt: &AttemptResult) -> Self {
        let status = attempt.outcome.status();
        Self {
            number: attempt.attempt,
            status: status.word(),
            word: status.word(),
            duration: duration(attempt.duration),
            trouble: TroubleView::of_attempt(attempt),
            steps: steps(attempt),
        }
    }
}

fn steps(attempt: &AttemptResult) -> Vec<StepView> {
    let end = attempt.steps.iter().map(|step| step.at + step.duration).max();
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
            status: status.word(),
            word: status.word(),
            duration: duration(step.duration),
            waited,
            when: format!(
                "{} after the beginning, for {}",
                duration(after),
                duration(step.duration)
            ),
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

/// Worst first.
const fn urgency(status: Status) -> u8 {
    match status {
        Status::Failed => 5,
        Status::Errored => 4,
        Status::Interrupted => 3,
        Status::Flaky => 2,
        Status::Skipped => 1,
        Status::Passed => 0,
    }
}

fn reason(skip: &Skip) -> String {
    let mut text = skip.reason.clone();
    for (word, value) in [("issue", &skip.issue), ("until", &skip.until)] {
        if let Some(value) = value {
            text += &format!("; {word} {value}");
        }
    }
    text
}

fn clean_up(result: &ScenarioResult) -> Option<String> {
    let removed: Vec<&str> = result
        .clean_ups
        .iter()
        .flat_map(|clean_up| clean_up.removed.iter().map(String::as_str))
        .collect();
    let left: Vec<&str> = result
        .clean_ups
        .iter()
        .flat_map(|clean_up| clean_up.left.iter().map(String::as_str))
        .collect();
    match (removed.is_empty(), left.is_empty()) {
        (true, true) => None,
        (false, true) => Some(removed.join(", ")),
        (_, false) => Some(format!(
            "{}; still there: {}",
            removed.join(", "),
            left.join(", ")
        )),
    }
}

/// The command that runs it again. Ids are words, `/` and the brackets of a matrix, which a shell would read.
fn again(id: &str) -> String {
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    if plain {
        format!("plumbline run --name {id}")
    } else {
        format!("plumbline run --name '{}'", id.replace('\'', r"'\''"))
    }
}
