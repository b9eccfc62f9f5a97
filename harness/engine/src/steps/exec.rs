//! Runs one of the platform's programs and looks at what it printed.

use super::ScenarioState;
use crate::judge;
use plumbline_cluster::conditions::Verdict;
use plumbline_flux::{VerbError, last_lines};
use plumbline_scenario::steps::{Condition, Exec, ExecExpectation};
use serde_json::json;
use std::time::Duration;

pub(super) async fn exec(exec: &Exec, state: &mut ScenarioState, within: Duration) -> Result<(), VerbError> {
    let program = &exec.program.value;
    state.waiting.saw(&format!("{program} to end"), "started");
    let running = state.platform.execute(program, &exec.arguments);
    let Ok(finished) = tokio::time::timeout(within, running).await else {
        let message = format!("{program} did not end within {} s", within.as_secs());
        return Err(VerbError::mismatch(
            message,
            "an end",
            "still running; it was stopped",
        ));
    };
    let finished = finished?;
    let (stdout, stderr) = (finished.stdout.text(), finished.stderr.text());
    let expected = exec.expect.as_ref().map_or(Some(0), ExecExpectation::exit);
    let exit = finished.status.code();
    if let Some(expected) = expected
        && exit != Some(i32::from(expected))
    {
        let message = format!(
            "{program} {} ended otherwise than expected",
            exec.arguments.join(" ")
        );
        let said = [last_lines(&stdout), last_lines(&stderr)].join("\n");
        let actual = format!("{}: {}", finished.status, said.trim());
        return Err(VerbError::mismatch(
            message,
            format!("exit code {expected}"),
            actual,
        ));
    }
    if let Some(expect) = &exec.expect {
        for (name, text, condition) in [
            ("standard output", &stdout, &expect.stdout),
            ("standard error", &stderr, &expect.stderr),
        ] {
            if let Some(condition) = condition
                && !condition.value.holds(text).map_err(VerbError::unmet)?
            {
                let message = format!("the {name} of {program} is not as expected");
                return Err(VerbError::mismatch(
                    message,
                    condition.value.to_string(),
                    last_lines(text),
                ));
            }
        }
        if let Some(predicate) = &expect.that {
            let mut variables = state.readable.clone();
            variables.extend([
                ("exit".to_owned(), json!(exit)),
                ("stdout".to_owned(), stdout.trim_end().into()),
                ("stderr".to_owned(), stderr.trim_end().into()),
            ]);
            let condition = Condition::That(predicate.clone());
            if let Verdict::NotYet(reason) | Verdict::Never(reason) = judge::set(&condition, &variables, 0) {
                let message = format!("{program} did not end as expected: {reason}");
                let said = [last_lines(&stdout), last_lines(&stderr)].join("\n");
                let actual = format!("{}: {}", finished.status, said.trim());
                return Err(VerbError::mismatch(message, predicate.value.source(), actual));
            }
        }
    }
    let output = json!({"exit": exit, "stdout": stdout.trim_end(), "stderr": stderr.trim_end()});
    state.leave(exec.output.as_ref(), output);
    Ok(())
}
