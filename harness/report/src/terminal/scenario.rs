//! What is said of a scenario when it has ended.

use super::{
    Limit, Palette, attempt_block,
    block::{indent, one_line},
    message,
};
use crate::{
    AttemptResult, ScenarioResult,
    text::{duration, printable},
};
use plumbline_model::{Outcome, Status};

/// The line, and on anything but a pass the block, for one scenario that ended.
#[must_use]
pub fn render_scenario_end(result: &ScenarioResult, palette: Palette) -> String {
    let status = result.outcome.status();
    let mut out = format!(
        "{} {:>8}  {}  {}\n",
        palette.status(status),
        duration(result.duration),
        palette.bold(&printable(&result.scenario)),
        palette.paint("2", &printable(&result.claim)),
    );
    if let Some(message) = message(&result.outcome) {
        indent(&mut out, 6, &palette.bold(&printable(&message)));
    }
    match &*result.outcome {
        Outcome::Passed | Outcome::Skipped(_) => return out,
        // The attempt that decided has nothing to show; those before it have.
        Outcome::Flaky { .. } => {
            for attempt in result.earlier_attempts() {
                indent(&mut out, 6, &attempt_line(attempt, palette));
                indent(&mut out, 8, &attempt_block(attempt, palette, Limit::TERMINAL));
            }
        }
        _ => {
            for attempt in result.earlier_attempts() {
                indent(&mut out, 6, &attempt_line(attempt, palette));
            }
            if let Some(attempt) = result.attempts.last() {
                indent(&mut out, 6, &attempt_block(attempt, palette, Limit::TERMINAL));
            }
        }
    }
    out
}

/// `attempt 1 failed after 3.2 s: …`
fn attempt_line(attempt: &AttemptResult, palette: Palette) -> String {
    let code = match attempt.outcome.status() {
        Status::Passed => "32",
        _ => "33",
    };
    let shard = attempt
        .shard
        .map_or_else(String::new, |shard| format!(" in shard {shard}"));
    let head = format!(
        "attempt {}{shard} {} after {}",
        attempt.attempt,
        attempt.outcome.status().word(),
        duration(attempt.duration)
    );
    let message = message(&attempt.outcome).map_or_else(String::new, |message| {
        format!(": {}", printable(&one_line(&message)))
    });
    format!("{}{message}", palette.paint(code, &head))
}
