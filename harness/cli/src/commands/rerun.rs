//! What did not pass in an earlier run.

use super::{CommandError, recorded::read};
use plumbline_model::{FlakyResult, Outcome, SkipCause};
use plumbline_report::Summary;
use std::path::Path;

/// The scenarios to run again: all that did not get a result that counts, in the run of this event log.
///
/// # Errors
/// The log cannot be used, or nothing is to be run again.
pub fn not_passed(path: &Path) -> Result<Vec<String>, CommandError> {
    let summary = read(path)?;
    let ids = again(&summary);
    match ids.is_empty() {
        true => Err(CommandError::NothingToRunAgain(path.to_owned())),
        false => Ok(ids),
    }
}

fn again(summary: &Summary) -> Vec<String> {
    let ended = summary.scenarios.iter().filter(|result| match &*result.outcome {
        Outcome::Passed => false,
        Outcome::Flaky { .. } => summary.options.flaky == FlakyResult::Fail,
        // What it stands on was not there, or the run was stopped before it began.
        Outcome::Skipped(skip) => matches!(skip.cause, SkipCause::Prerequisite | SkipCause::Stopped),
        _ => true,
    });
    let mut ids: Vec<String> = ended.map(|result| result.scenario.clone()).collect();
    ids.extend(summary.unfinished().into_iter().map(str::to_owned));
    ids
}
