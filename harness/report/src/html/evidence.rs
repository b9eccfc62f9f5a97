//! What went wrong, with what was expected, what was there and the evidence.

use crate::{
    AttemptResult, DifferenceLine, StepResult, Trouble, difference,
    terminal::{message, one_line},
    text::duration,
};
use plumbline_model::{Attachment, Outcome, Status};
use serde::Serialize;

/// A failure or a fault.
#[derive(Serialize)]
pub(super) struct TroubleView {
    status: &'static str,
    message: String,
    place: Option<PlaceView>,
    expected: Option<String>,
    actual: Option<String>,
    difference: Option<Vec<LineView>>,
    waits: Vec<WaitView>,
    /// How often the step looked, if that was oftener than is told.
    looks: Option<usize>,
    attachments: Vec<AttachmentView>,
    also: Vec<AlsoView>,
}

/// A step, and where it was written.
#[derive(Serialize)]
struct PlaceView {
    position: String,
    used_at: Vec<String>,
    step: String,
    cluster: Option<String>,
    finally: bool,
    duration: String,
}

#[derive(Serialize)]
struct LineView {
    element: &'static str,
    text: String,
}

#[derive(Serialize)]
struct WaitView {
    after: String,
    waiting_for: String,
    last_seen: String,
}

#[derive(Serialize)]
struct AttachmentView {
    title: String,
    text: String,
}

/// What else did not pass in the same attempt: a clean-up that failed too hides nothing, and is not hidden.
#[derive(Serialize)]
struct AlsoView {
    message: String,
    place: PlaceView,
}

impl TroubleView {
    /// What kept the run as a whole from being green.
    pub(super) fn of_run(trouble: &Trouble) -> Self {
        let message = format!("{}: {}", trouble.subject, trouble.message);
        Self::new(Status::Errored, message, &trouble.attachments)
    }

    /// The same, in words alone.
    pub(super) fn of_message(message: String) -> Self {
        Self::new(Status::Errored, message, &[])
    }

    /// What ended an attempt, if it did not pass.
    pub(super) fn of_attempt(attempt: &AttemptResult) -> Option<Self> {
        let decided = attempt.deciding_step();
        let mut view = Self::of(&attempt.outcome)?;
        if let Some(step) = decided {
            view.place = Some(PlaceView::of(step));
            view.waits = step.waits.iter().map(|wait| WaitView::of(wait, step)).collect();
            view.looks = (step.seen > step.waits.len()).then_some(step.seen);
        }
        view.also = attempt
            .steps
            .iter()
            .filter(|step| decided.is_none_or(|decided| !std::ptr::eq(decided, *step)))
            .filter(|step| step.outcome.status() > Status::Flaky)
            .map(|step| AlsoView {
                message: one_line(&message(&step.outcome).unwrap_or_default()),
                place: PlaceView::of(step),
            })
            .collect();
        Some(view)
    }

    fn of(outcome: &Outcome) -> Option<Self> {
        let (message, attachments) = match outcome {
            Outcome::Failed(failure) => (failure.message.clone(), failure.attachments.as_slice()),
            Outcome::Errored(fault) => (fault.message.clone(), fault.attachments.as_slice()),
            Outcome::Interrupted => ("interrupted".to_owned(), [].as_slice()),
            Outcome::Passed | Outcome::Flaky { .. } | Outcome::Skipped(_) => return None,
        };
        let mut view = Self::new(outcome.status(), message, attachments);
        if let Outcome::Failed(failure) = outcome {
            match (&failure.expected, &failure.actual) {
                (Some(expected), Some(actual)) if is_long(expected) && is_long(actual) => {
                    view.difference = Some(
                        difference(expected, actual)
                            .into_iter()
                            .map(LineView::of)
                            .collect(),
                    );
                }
                (expected, actual) => {
                    view.expected.clone_from(expected);
                    view.actual.clone_from(actual);
                }
            }
        }
        Some(view)
    }

    fn new(status: Status, message: String, attachments: &[Attachment]) -> Self {
        Self {
            status: status.word(),
            message,
            place: None,
            expected: None,
            actual: None,
            difference: None,
            waits: Vec::new(),
            looks: None,
            attachments: attachments
                .iter()
                .map(|attachment| AttachmentView {
                    title: attachment.title.clone(),
                    text: attachment.text.clone(),
                })
                .collect(),
            also: Vec::new(),
        }
    }
}

impl PlaceView {
    fn of(step: &StepResult) -> Self {
        Self {
            position: step.position.to_string(),
            used_at: step.used_at.iter().map(ToString::to_string).collect(),
            step: step.summary.clone(),
            cluster: step.cluster.clone(),
            finally: !step.section.is_steps(),
            duration: duration(step.duration),
        }
    }
}

impl WaitView {
    fn of(wait: &crate::Wait, step: &StepResult) -> Self {
        Self {
            after: duration(wait.at.saturating_sub(step.at)),
            waiting_for: wait.waiting_for.clone(),
            last_seen: wait.last_seen.clone(),
        }
    }
}

impl LineView {
    fn of(line: DifferenceLine<'_>) -> Self {
        let (element, text) = match line {
            DifferenceLine::Same(text) => ("span", text),
            DifferenceLine::Expected(text) => ("del", text),
            DifferenceLine::Actual(text) => ("ins", text),
        };
        Self {
            element,
            text: text.to_owned(),
        }
    }
}

fn is_long(text: &str) -> bool {
    text.trim_end().contains('\n')
}
