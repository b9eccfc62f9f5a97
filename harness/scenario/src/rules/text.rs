//! Rules for conditions on texts: each can be met, and is not met by every text.

use super::Findings;
use crate::{Located, TextCondition, truth};

pub(super) fn check(condition: &Located<TextCondition>, findings: &mut Findings<'_>) {
    match &condition.value {
        TextCondition::Matches(pattern) if truth::matches_everything(pattern) => {
            findings.note(
                condition.span,
                format!("every text matches `{pattern}`"),
                "name what it must contain",
            );
        }
        TextCondition::Contains(part) if part.is_empty() => {
            findings.note(
                condition.span,
                "every text contains the empty text",
                "name what it must contain",
            );
        }
        TextCondition::Matches(pattern) => {
            if let Err(error) = condition.holds("") {
                let reason = error
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned();
                findings.note(
                    condition.span,
                    format!("`{pattern}` is not a regular expression"),
                    reason,
                );
            }
        }
        TextCondition::Contains(_) | TextCondition::Equals(_) => {}
    }
}
