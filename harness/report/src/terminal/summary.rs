//! The summary at the end of a run.

use super::{
    Limit, Palette, attachments,
    block::{indent, one_line, skip_reason},
    circumstances::{counted, render_circumstances, render_options},
    requirements::render_requirements,
};
use crate::{
    Summary,
    text::{duration, printable},
};
use plumbline_model::{ExitCode, Outcome, SkipCause, Status};
use std::{collections::BTreeMap, fmt::Write as _};

/// How many scenarios are named behind one reason for skipping them.
const NAMED: usize = 5;

/// The summary at the end of a run: how it was run, requirement by requirement, what was simulated, what kept it from being green,
/// and the verdict.
#[must_use]
pub fn render_summary(summary: &Summary, palette: Palette) -> String {
    let mut out = String::new();
    render_options(&mut out, summary, palette);
    render_requirements(&mut out, summary, palette);
    render_circumstances(&mut out, summary, palette);
    render_skipped(&mut out, summary, palette);
    render_troubles(&mut out, summary, palette);
    render_again(&mut out, summary, palette);
    let _ = writeln!(out, "\n{}", verdict(summary, palette));
    out
}

/// What was skipped, by whose decision and why.
fn render_skipped(out: &mut String, summary: &Summary, palette: Palette) {
    let mut skipped: BTreeMap<(SkipCause, String), Vec<&str>> = BTreeMap::new();
    for result in summary.sorted_scenarios() {
        if let Outcome::Skipped(skip) = &*result.outcome {
            let reason = (skip.cause, skip_reason(skip));
            skipped.entry(reason).or_default().push(&result.scenario);
        }
    }
    if skipped.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", palette.bold("Skipped"));
    let mut heading = None;
    for ((cause, reason), scenarios) in skipped {
        if heading != Some(cause) {
            heading = Some(cause);
            let _ = writeln!(out, "  {}", cause_in_words(cause));
        }
        let more = scenarios.len().saturating_sub(NAMED);
        let names = match (cause, more) {
            // They were not chosen one by one.
            (SkipCause::LookOnly, 1..) => format!(
                "{}, by name in the event log and in each report that is a file",
                counted(scenarios.len(), "scenario")
            ),
            (_, 0) => scenarios.join(", "),
            (_, more) => format!("{} and {more} more", scenarios[..NAMED].join(", ")),
        };
        indent(out, 4, &printable(&format!("{names}: {reason}")));
    }
}

/// Whose decision a skip was, as a heading.
pub(crate) fn cause_in_words(cause: SkipCause) -> &'static str {
    match cause {
        SkipCause::Author => "by their authors",
        SkipCause::Unsupported => "not supported by this cluster",
        SkipCause::LookOnly => "not done on a cluster that was there before",
        SkipCause::Prerequisite => "what they stand on was not there",
        SkipCause::Stopped => "not started, the run stopped early",
    }
}

fn render_troubles(out: &mut String, summary: &Summary, palette: Palette) {
    // One line says it of all scenarios that never ended.
    let unfinished = summary.unfinished();
    if !unfinished.is_empty() {
        let _ = writeln!(
            out,
            "\n{} {}",
            palette.status(Status::Interrupted),
            counted(unfinished.len(), "scenario") + " did not run to the end"
        );
        for scenario in &unfinished {
            let _ = writeln!(out, "      {}", printable(scenario));
        }
    }
    for trouble in summary.troubles() {
        let subject = trouble.subject.as_str();
        // A signal is told in the verdict.
        if unfinished.contains(&subject)
            || matches!(trouble.code, ExitCode::Interrupted | ExitCode::Terminated)
        {
            continue;
        }
        let head = match trouble.code {
            ExitCode::LeftBehind => palette.paint("1;31", &printable(subject)),
            _ => format!("{} {}", palette.status(Status::Errored), printable(subject)),
        };
        let _ = writeln!(out, "\n{head}");
        indent(out, 6, &printable(&trouble.message));
        let mut evidence = String::new();
        attachments(&mut evidence, &trouble.attachments, palette, Limit::TERMINAL);
        indent(out, 6, &evidence);
    }
}

/// What did not pass at once, where to look, and how to see it again.
fn render_again(out: &mut String, summary: &Summary, palette: Palette) {
    let red: Vec<_> = summary
        .sorted_scenarios()
        .into_iter()
        .filter(|result| {
            !matches!(
                *result.outcome,
                Outcome::Passed | Outcome::Skipped(_) | Outcome::Interrupted
            )
        })
        .collect();
    if red.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", palette.bold("Run again"));
    for result in red {
        let _ = writeln!(
            out,
            "{}  {}",
            palette.status(result.outcome.status()),
            palette.paint("36", &printable(&summary.reproduction(result)))
        );
    }
}

/// The verdict with its counts, in one line.
pub(crate) fn verdict(summary: &Summary, palette: Palette) -> String {
    let mut parts = Vec::new();
    for status in [
        Status::Passed,
        Status::Flaky,
        Status::Failed,
        Status::Errored,
        Status::Skipped,
        Status::Interrupted,
    ] {
        let count = summary.count(status);
        if count > 0 {
            parts.push(format!("{count} {}", status.word()));
        }
    }
    let unfinished = summary.unfinished().len();
    if unfinished > 0 {
        parts.push(format!("{unfinished} not run"));
    }
    let scenarios = if parts.is_empty() {
        "no scenario ran".to_owned()
    } else {
        parts.join(", ")
    };
    let code = summary.exit_code().number();
    let paint = if code == 0 { "1;32" } else { "1;31" };
    let signal = summary.interrupted.as_deref().map_or_else(String::new, |signal| {
        format!(", stopped by {}", printable(&one_line(signal)))
    });
    format!(
        "{}: {scenarios}{signal} in {} (exit code {code})",
        palette.paint(paint, summary.verdict()),
        duration(summary.duration)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render_scenario_end;
    use crate::summary::tests::{finished, log, started};
    use plumbline_model::{Attachment, Event, Failure, Simulation, Skip, StepPosition};

    fn measured(name: &str, duration: u64) -> Event {
        Event::Measured {
            scenario: "gitops/drift".into(),
            name: name.into(),
            duration,
        }
    }

    fn example() -> Summary {
        let failure = Failure {
            message: "ConfigMap drift/settings still exists 30 s after it left Git".into(),
            expected: Some("absent".into()),
            actual: Some("present, resourceVersion 812".into()),
            attachments: vec![Attachment {
                title: "conditions of Kustomization flux-system/drift".into(),
                text: "Ready=True ReconciliationSucceeded\n\u{1b}[31mApplied".into(),
            }],
        };
        Summary::fold(&log(vec![
            Event::RunStarted {
                run: "r1".into(),
                version: "0.1.0".into(),
                started: "2026-01-01T00:00:00Z".into(),
                provider: "embedded".into(),
                scenarios: vec![
                    "gitops/drift".into(),
                    "gitops/prune".into(),
                    "supply/mirror".into(),
                ],
                suite: Default::default(),
                options: Default::default(),
            },
            Event::Fact {
                name: "flux".into(),
                value: "2.9.2".into(),
            },
            Event::Simulated {
                simulation: Simulation {
                    subject: "workload pods".into(),
                    description: "their images resolve, nothing runs".into(),
                },
            },
            finished("gitops/drift", "GITOPS-05", Outcome::Passed),
            measured("system Ready", 1_500),
            measured("system Ready", 900),
            measured("system Ready", 4_000),
            measured("instance Ready", 12_000),
            Event::StepStarted {
                scenario: "gitops/prune".into(),
                step: 0,
                verb: "expect".into(),
                summary: "expect v1/ConfigMap drift/settings absent within 30s".into(),
                position: StepPosition {
                    file: "scenarios/gitops/prune.yaml".into(),
                    line: 9,
                    column: 5,
                },
                used_at: vec![],
                section: plumbline_model::Section::Steps,
                cluster: None,
                deadline: None,
            },
            Event::StepFinished {
                scenario: "gitops/prune".into(),
                step: 0,
                duration: 30_000,
                outcome: failure.clone().into(),
            },
            finished("gitops/prune", "GITOPS-06", failure.into()),
            finished(
                "supply/mirror",
                "SUPPLY-01",
                Outcome::Skipped(Skip {
                    reason: "platform is not up".into(),
                    ..Default::default()
                }),
            ),
        ]))
    }

    #[test]
    fn the_summary_reads_well() {
        let summary = example();
        let text: String = summary
            .scenarios
            .iter()
            .map(|result| render_scenario_end(result, Palette::Plain))
            .chain([render_summary(&summary, Palette::Plain)])
            .collect();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let summary = example();
        let coloured = render_summary(&summary, Palette::Ansi);
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some(start) = rest.find('\u{1b}') {
            plain += &rest[..start];
            rest = &rest[start..][rest[start..].find('m').unwrap() + 1..];
        }
        assert_eq!(plain + rest, render_summary(&summary, Palette::Plain));
    }

    #[test]
    fn what_is_not_done_on_an_existing_cluster_is_one_line_with_its_number() {
        let ids: Vec<String> = (0..=NAMED).map(|number| format!("more/{number}")).collect();
        let names: Vec<&str> = ids.iter().map(String::as_str).chain(["live/a"]).collect();
        let forborne = |id: &&str| {
            let outcome = Outcome::Skipped(Skip {
                reason: "it does more than look".into(),
                cause: SkipCause::LookOnly,
                ..Skip::default()
            });
            finished(id, "GITOPS-06", outcome)
        };
        let mut events = vec![started(&names)];
        events.extend(names[..=NAMED].iter().map(forborne));
        events.push(finished("live/a", "GITOPS-05", Outcome::Passed));
        let told = render_summary(&Summary::fold(&log(events)), Palette::Plain);
        let line =
            "6 scenarios, by name in the event log and in each report that is a file: it does more than look";
        assert!(told.contains(line), "{told}");
        assert!(
            !told.contains("more/0") && !told.contains("core  GITOPS-06"),
            "{told}"
        );
        assert!(
            told.contains("skipped: 1 core and 0 extended requirements"),
            "{told}"
        );
        assert!(told.contains("passed     core  GITOPS-05"), "{told}");
    }
}
