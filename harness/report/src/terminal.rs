//! The text report: what failed and why, then requirement by requirement.

use crate::{
    RequirementStatus, ScenarioResult, Summary,
    text::{duration, printable},
};
use plumbline_model::{Attachment, Level, Outcome, Status};
use std::{collections::BTreeMap, fmt::Write as _};

/// Whether colours are used; the words alone always say everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// No escape sequences.
    Plain,
    /// ANSI colours.
    Ansi,
}

impl Palette {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    fn status(self, status: Status) -> String {
        let (code, word) = match status {
            Status::Passed => ("32", "PASS"),
            Status::Flaky => ("1;33", "FLAKY"),
            Status::Failed => ("1;31", "FAIL"),
            Status::Errored => ("1;35", "ERROR"),
            Status::Skipped => ("33", "SKIP"),
            Status::Interrupted => ("33", "STOP"),
        };
        self.paint(code, &format!("{word:>5}"))
    }
}

/// The line, and on failure the block, for one scenario that ended.
#[must_use]
pub fn render_scenario_end(result: &ScenarioResult, palette: Palette) -> String {
    let mut out = format!(
        "{} {:>8}  {}  {}\n",
        palette.status(result.outcome.status()),
        duration(result.duration),
        palette.paint("1", &printable(&result.scenario)),
        palette.paint("2", &printable(&result.claim)),
    );
    let (message, attachments) = match &result.outcome {
        Outcome::Passed => return out,
        Outcome::Interrupted => ("interrupted".to_owned(), &[][..]),
        Outcome::Flaky { attempts } => (format!("passed at attempt {attempts}"), &[][..]),
        Outcome::Skipped(skip) => (skip.reason.clone(), &[][..]),
        Outcome::Failed(failure) => (failure.message.clone(), &failure.attachments[..]),
        Outcome::Errored(fault) => (fault.message.clone(), &fault.attachments[..]),
    };
    indent(&mut out, 6, &palette.paint("1", &printable(&message)));
    if matches!(result.outcome, Outcome::Skipped(_)) {
        return out;
    }
    if let Some(step) = result.steps.last() {
        let _ = writeln!(
            out,
            "      --> {}",
            palette.paint("36", &printable(&step.position.to_string()))
        );
        let _ = writeln!(
            out,
            "      step: {} (after {})",
            printable(&step.summary),
            duration(step.duration)
        );
    }
    if let Outcome::Failed(failure) = &result.outcome {
        labelled(&mut out, "expected", failure.expected.as_deref());
        labelled(&mut out, "actual  ", failure.actual.as_deref());
    }
    render_attachments(&mut out, attachments, palette);
    out
}

/// The summary at the end of a run: set-up, requirement by requirement, what was simulated, the verdict.
#[must_use]
pub fn render_summary(summary: &Summary, palette: Palette) -> String {
    let mut out = String::new();
    render_requirements(&mut out, summary, palette);
    render_circumstances(&mut out, summary, palette);
    for phase in &summary.phases {
        if let Outcome::Errored(fault) = &phase.outcome {
            let _ = writeln!(
                out,
                "\n{} set-up: {}",
                palette.status(Status::Errored),
                printable(&phase.phase)
            );
            indent(&mut out, 6, &printable(&fault.message));
            render_attachments(&mut out, &fault.attachments, palette);
        }
    }
    for fault in &summary.faults {
        let _ = writeln!(
            out,
            "\n{} {}",
            palette.status(Status::Errored),
            printable(&fault.message)
        );
        render_attachments(&mut out, &fault.attachments, palette);
    }
    for what in &summary.left_behind {
        let _ = writeln!(
            out,
            "\n{} {}",
            palette.paint("1;31", "left behind:"),
            printable(what)
        );
    }
    let _ = writeln!(out, "\n{}", verdict(summary, palette));
    out
}

fn render_requirements(out: &mut String, summary: &Summary, palette: Palette) {
    let results = summary.requirements();
    let run: Vec<_> = results
        .iter()
        .filter(|result| result.status != RequirementStatus::NotRun)
        .collect();
    if run.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", palette.paint("1", "Requirements"));
    for result in &run {
        let code = match result.status {
            RequirementStatus::Passed => "32",
            RequirementStatus::Failed | RequirementStatus::Errored => "1;31",
            _ => "33",
        };
        let level = if result.level == Level::Core {
            "core"
        } else {
            "ext "
        };
        let _ = writeln!(
            out,
            "  {}  {level}  {:<13} {}",
            palette.paint(code, &format!("{:<9}", result.status.word())),
            result.id,
            result.statement
        );
        if result.status != RequirementStatus::Passed {
            let scenarios = printable(&result.scenarios.join(", "));
            let _ = writeln!(out, "                   see {scenarios}");
        }
    }
    let not_run = |level| {
        results
            .iter()
            .filter(|result| result.status == RequirementStatus::NotRun && result.level == level)
            .count()
    };
    let (core, extended) = (not_run(Level::Core), not_run(Level::Extended));
    if core + extended > 0 {
        let _ = writeln!(
            out,
            "  not run: {core} core and {extended} extended requirements have no scenario in this run"
        );
    }
}

fn render_circumstances(out: &mut String, summary: &Summary, palette: Palette) {
    if !summary.facts.is_empty() {
        let _ = writeln!(out, "\n{}", palette.paint("1", "Tested"));
        for (name, value) in &summary.facts {
            let _ = writeln!(out, "  {:<27} {}", printable(name), printable(value));
        }
    }
    if !summary.simulations.is_empty() {
        let _ = writeln!(out, "\n{}", palette.paint("1", "Simulated"));
        for simulation in &summary.simulations {
            let _ = writeln!(
                out,
                "  {:<14} {}",
                printable(&simulation.subject),
                printable(&simulation.description)
            );
        }
    }
    render_measurements(out, summary, palette);
    let (allowed, refused) = &summary.egress;
    if !allowed.is_empty() || !refused.is_empty() {
        let _ = writeln!(out, "\n{}", palette.paint("1", "Egress of the cluster"));
        for (target, count) in allowed {
            let _ = writeln!(out, "  allowed  {count:>5}  {}", printable(target));
        }
        for (target, count) in refused {
            let _ = writeln!(
                out,
                "  {}  {count:>5}  {}",
                palette.paint("33", "refused"),
                printable(target)
            );
        }
    }
}

/// Each thing that was measured, once: how often, the median, and the extremes.
fn render_measurements(out: &mut String, summary: &Summary, palette: Palette) {
    let mut measured: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (name, _, milliseconds) in &summary.measurements {
        measured.entry(name).or_default().push(*milliseconds);
    }
    if measured.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", palette.paint("1", "Measured"));
    for (name, mut times) in measured {
        times.sort_unstable();
        let median = duration(times[times.len() / 2]);
        let _ = match times[..] {
            [_] => writeln!(out, "  {median:>8}  {}", printable(name)),
            [fastest, .., slowest] => writeln!(
                out,
                "  {median:>8}  {} ({} times, {} to {})",
                printable(name),
                times.len(),
                duration(fastest),
                duration(slowest)
            ),
            [] => Ok(()),
        };
    }
}

fn verdict(summary: &Summary, palette: Palette) -> String {
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
    if !summary.unfinished.is_empty() {
        parts.push(format!("{} not run", summary.unfinished.len()));
    }
    let scenarios = if parts.is_empty() {
        "no scenario ran".to_owned()
    } else {
        parts.join(", ")
    };
    let code = summary.exit_code().number();
    let (paint, word) = if code == 0 {
        ("1;32", "passed")
    } else {
        ("1;31", "not passed")
    };
    let signal = summary
        .interrupted
        .as_deref()
        .map_or_else(String::new, |signal| format!(", stopped by {signal}"));
    format!(
        "{}: {scenarios}{signal} in {} (exit code {code})",
        palette.paint(paint, word),
        duration(summary.duration)
    )
}

fn labelled(out: &mut String, label: &str, value: Option<&str>) {
    if let Some(value) = value {
        let value = printable(value);
        let mut lines = value.lines();
        let _ = writeln!(out, "      {label}  {}", lines.next().unwrap_or(""));
        for line in lines {
            let _ = writeln!(out, "                {line}");
        }
    }
}

fn render_attachments(out: &mut String, attachments: &[Attachment], palette: Palette) {
    for attachment in attachments {
        let _ = writeln!(out, "      {}", palette.paint("1", &printable(&attachment.title)));
        indent(out, 8, &printable(&attachment.text));
    }
}

fn indent(out: &mut String, width: usize, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{:width$}{line}", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{finished, log};
    use plumbline_model::{Event, Failure, Simulation, StepPosition};

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
                Outcome::Skipped(plumbline_model::Skip {
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
}
