//! What a run is doing at a moment: what each scenario waits for, and what it saw last.

use crate::{
    Palette, ScenarioResult, Summary,
    text::{duration, printable},
};
use std::fmt::Write as _;

/// Renders what has begun and not ended, `now` milliseconds after the run began.
#[must_use]
pub fn render_running(summary: &Summary, now: u64, palette: Palette) -> String {
    let mut out = String::new();
    let scenarios: Vec<&ScenarioResult> = summary.running().collect();
    // Writing to a String cannot fail.
    let _ = match scenarios.len() {
        0 => writeln!(
            out,
            "no scenario is running, {} after the run began",
            duration(now)
        ),
        1 => writeln!(
            out,
            "1 scenario is running, {} after the run began",
            duration(now)
        ),
        count => writeln!(
            out,
            "{count} scenarios are running, {} after the run began",
            duration(now)
        ),
    };
    for result in scenarios {
        let since = duration(now.saturating_sub(result.at));
        let _ = writeln!(
            out,
            "  {}  for {since}",
            palette.paint("1", &printable(&result.scenario))
        );
        let attempt = result.attempts.last();
        if let Some(attempt) = attempt.filter(|attempt| attempt.attempt > 1) {
            let _ = writeln!(out, "      attempt {}", attempt.attempt);
        }
        let Some(step) = attempt.and_then(|attempt| attempt.steps.last()) else {
            continue;
        };
        let _ = writeln!(
            out,
            "      --> {}",
            palette.paint("36", &printable(&step.position.to_string()))
        );
        let left = step.deadline.map(|deadline| {
            let left = duration(deadline.saturating_sub(now));
            format!(", gives up in {left}")
        });
        let _ = writeln!(
            out,
            "      step: {} (for {}{})",
            printable(&step.summary),
            duration(now.saturating_sub(step.at)),
            left.unwrap_or_default()
        );
        if let Some(wait) = step.waits.last() {
            let seen = duration(now.saturating_sub(wait.at));
            let _ = writeln!(out, "      waits for  {}", printable(&wait.waiting_for));
            let _ = writeln!(
                out,
                "      last seen  {} ({seen} ago)",
                printable(&wait.last_seen)
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::{Event, LogEntry, Section, StepPosition};

    fn at(at: u64, event: Event) -> LogEntry {
        LogEntry { at, event }
    }

    #[test]
    fn what_is_waited_for_reads_well() {
        let mut summary = Summary::default();
        for entry in [
            at(
                1_000,
                Event::ScenarioStarted {
                    scenario: "gitops/drift".into(),
                    claim: "drift is corrected".into(),
                    file: "scenarios/gitops/drift.yaml".into(),
                    requirements: vec![],
                    tags: vec![],
                },
            ),
            at(
                2_000,
                Event::StepStarted {
                    scenario: "gitops/drift".into(),
                    step: 0,
                    verb: "expect".into(),
                    summary: "expect ConfigMap drift/settings: absent".into(),
                    position: StepPosition {
                        file: "scenarios/gitops/drift.yaml".into(),
                        line: 9,
                        column: 5,
                    },
                    used_at: vec![],
                    section: Section::Steps,
                    cluster: None,
                    deadline: Some(31_000),
                },
            ),
            at(
                2_500,
                Event::StepWaiting {
                    scenario: "gitops/drift".into(),
                    step: 0,
                    waiting_for: "ConfigMap drift/settings: absent".into(),
                    last_seen: "present\u{1b}[2J".into(),
                },
            ),
        ] {
            summary.push(&entry);
        }
        insta::assert_snapshot!(render_running(&summary, 14_500, Palette::Plain), @r"
        1 scenario is running, 14.5 s after the run began
          gitops/drift  for 13.5 s
              --> scenarios/gitops/drift.yaml:9:5
              step: expect ConfigMap drift/settings: absent (for 12.5 s, gives up in 16.5 s)
              waits for  ConfigMap drift/settings: absent
              last seen  present\u{1b}[2J (12.0 s ago)
        ");
    }

    #[test]
    fn a_run_that_does_nothing_says_so() {
        let text = render_running(&Summary::default(), 300, Palette::Plain);
        assert_eq!(text, "no scenario is running, 300 ms after the run began\n");
    }
}
