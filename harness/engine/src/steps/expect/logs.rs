//! Lines that a controller of the platform logged since the scenario began.

use crate::{judge, steps::ScenarioState};
use plumbline_flux::{LogMarks, VerbError};
use plumbline_scenario::steps::Expect;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use tokio::time::Instant;

/// How many of the last lines a failure shows.
const SHOWN: usize = 5;

/// One line that satisfies the condition is enough.
pub(super) async fn written(
    expect: &Expect,
    controller: &str,
    state: &ScenarioState,
) -> Result<(), VerbError> {
    let what = format!(
        "a line in the log of {controller} that {}",
        judge::words(&expect.condition)
    );
    let deadline = state.deadline.min(Instant::now() + expect.deadline());
    // A further cluster is no older than the scenario.
    let marks = match state.platform.name() {
        None => state.before.logs(),
        Some(_) => LogMarks::default(),
    };
    let mut log = state
        .platform
        .follow_log(controller, &marks)
        .map_err(|error| VerbError::environment(&error))?;
    let (mut count, mut last) = (0_usize, VecDeque::new());
    loop {
        let Ok(lines) = tokio::time::timeout_at(deadline, log.next()).await else {
            let seen = match last.is_empty() {
                true => "it has logged nothing since the scenario began".to_owned(),
                false => format!(
                    "{count} lines since the scenario began, the last ones:\n{}",
                    Vec::from(last).join("\n")
                ),
            };
            let message = format!("{what}: not so within {} s", expect.deadline().as_secs_f64());
            return Err(VerbError::mismatch(message, what, seen));
        };
        for line in lines.map_err(|error| VerbError::environment(&error))? {
            let value = Some(Value::from(line.as_str()));
            let verdict = judge::one(&expect.condition, "line", value, Map::new());
            if verdict.is_met() {
                return Ok(());
            }
            count += 1;
            last.push_back(line);
            if last.len() > SHOWN {
                last.pop_front();
            }
        }
        state.waiting.saw(&what, &format!("{count} other lines so far"));
    }
}
