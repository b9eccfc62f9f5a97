//! The children of a case that say how it ended, and how the attempts before did.

use super::xml::Xml;
use crate::{
    AttemptResult,
    terminal::{Limit, Palette, attempt_block, message},
};
use plumbline_model::Outcome;

/// A child of a case that says how it ended, or how an attempt at it did.
#[derive(Debug)]
pub(super) struct Finding {
    element: &'static str,
    message: String,
    text: String,
}

impl Finding {
    pub(super) fn new(element: &'static str, message: &str, text: &str) -> Self {
        // Readers of JUnit put an attribute on one line, so only the first goes there when there are more.
        let (first, text) = match message.trim_end().split_once('\n') {
            Some((first, _)) => (first, format!("{message}\n{text}")),
            None => (message, text.to_owned()),
        };
        Self {
            element,
            message: first.to_owned(),
            text,
        }
    }

    /// How an attempt ended that did not decide.
    pub(super) fn of_attempt(attempt: &AttemptResult, passed_later: bool) -> Option<Self> {
        let element = match (&*attempt.outcome, passed_later) {
            (Outcome::Passed | Outcome::Flaky { .. } | Outcome::Skipped(_), _) => return None,
            (Outcome::Failed(_), true) => "flakyFailure",
            (_, true) => "flakyError",
            (Outcome::Failed(_), false) => "rerunFailure",
            (_, false) => "rerunError",
        };
        let message = message(&attempt.outcome).unwrap_or_default();
        Some(Self::new(element, &message, &block(attempt)))
    }

    /// Where Surefire's schema wants it.
    pub(super) fn rank(&self) -> usize {
        const ORDER: [&str; 7] = [
            "failure",
            "rerunFailure",
            "flakyFailure",
            "skipped",
            "error",
            "rerunError",
            "flakyError",
        ];
        ORDER
            .iter()
            .position(|element| *element == self.element)
            .unwrap_or(ORDER.len())
    }

    pub(super) fn write(&self, xml: &mut Xml) {
        let (element, message) = (self.element, self.message.as_str());
        match element {
            "skipped" => xml.leaf(element, &[("message", message)], &self.text),
            "failure" => xml.leaf(element, &[("message", message), ("type", "failed")], &self.text),
            "error" => xml.leaf(element, &[("message", message), ("type", "errored")], &self.text),
            _ => {
                let kind = if element.ends_with("Failure") {
                    "failed"
                } else {
                    "errored"
                };
                xml.open(element, &[("message", message), ("type", kind)]);
                // It takes the place of a stack trace: both say where it went wrong.
                xml.leaf("stackTrace", &[], &self.text);
                xml.close();
            }
        }
    }
}

/// The steps of an attempt, with what went wrong.
pub(super) fn block(attempt: &AttemptResult) -> String {
    attempt_block(attempt, Palette::Plain, Limit::NONE)
}
