//! A case: a scenario, or something beside the scenarios that keeps the run from being green.

use super::{
    finding::{Finding, block},
    seconds,
    xml::Xml,
};
use crate::{
    ScenarioResult, Summary, Trouble,
    terminal::{Limit, Palette, attachments, message, one_line},
    text::{duration, printable},
};
use plumbline_model::{ExitCode, Outcome, Section};
use std::fmt::Write as _;

/// What the totals count it as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Success,
    Failure,
    Error,
    Skipped,
}

impl Verdict {
    fn of(code: ExitCode) -> Self {
        match code {
            ExitCode::Passed => Self::Success,
            ExitCode::Failed => Self::Failure,
            _ => Self::Error,
        }
    }
}

/// One `testcase`.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    class: String,
    time: u64,
    pub(super) verdict: Verdict,
    findings: Vec<Finding>,
    output: String,
}

impl Case {
    pub(super) fn of_scenario(summary: &Summary, result: &ScenarioResult) -> Self {
        let verdict = match *result.outcome {
            Outcome::Skipped(_) => Verdict::Skipped,
            _ => Verdict::of(summary.code_of(result)),
        };
        let message = message(&result.outcome).unwrap_or_default();
        let text = result.attempts.last().map_or_else(String::new, block);
        let decided = match verdict {
            Verdict::Success => None,
            Verdict::Skipped => Some(Finding::new("skipped", &message, "")),
            Verdict::Failure => Some(Finding::new("failure", &message, &text)),
            Verdict::Error => Some(Finding::new("error", &message, &text)),
        };
        let passed = verdict == Verdict::Success;
        let earlier = result.earlier_attempts().iter();
        let mut findings: Vec<_> = decided
            .into_iter()
            .chain(earlier.filter_map(|attempt| Finding::of_attempt(attempt, passed)))
            .collect();
        findings.sort_by_key(Finding::rank);
        Self {
            name: printable(&result.scenario),
            class: class(&result.scenario),
            time: result.duration,
            verdict,
            findings,
            output: output(result),
        }
    }

    pub(super) fn of_trouble(trouble: &Trouble) -> Self {
        let mut evidence = String::new();
        attachments(&mut evidence, &trouble.attachments, Palette::Plain, Limit::NONE);
        Self {
            name: printable(&trouble.subject),
            class: "plumbline".to_owned(),
            time: 0,
            verdict: Verdict::Error,
            findings: vec![Finding::new("error", &trouble.message, &evidence)],
            output: String::new(),
        }
    }

    pub(super) fn write(&self, xml: &mut Xml) {
        let time = seconds(self.time);
        let attributes = [
            ("name", self.name.as_str()),
            ("classname", &self.class),
            ("time", &time),
        ];
        xml.open("testcase", &attributes);
        for finding in &self.findings {
            finding.write(xml);
        }
        if !self.output.is_empty() {
            xml.leaf("system-out", &[], &self.output);
        }
        xml.close();
    }
}

fn class(scenario: &str) -> String {
    match scenario.split_once('/') {
        Some((folder, _)) => printable(folder),
        None => "scenario".to_owned(),
    }
}

/// What a case proves, and its steps with their times.
fn output(result: &ScenarioResult) -> String {
    let mut out = format!("claim: {}\n", one_line(&result.claim));
    let requirements: Vec<_> = result.requirements.iter().map(|id| id.as_str()).collect();
    for (label, values) in [
        ("requirements", requirements.join(", ")),
        ("tags", result.tags.join(", ")),
        ("simulated", result.simulated.join(", ")),
    ] {
        if !values.is_empty() {
            let _ = writeln!(out, "{label}: {values}");
        }
    }
    for attempt in &result.attempts {
        if result.attempts.len() > 1 {
            let _ = writeln!(
                out,
                "attempt {}: {} after {}",
                attempt.attempt,
                attempt.outcome.status().word(),
                duration(attempt.duration)
            );
        }
        for step in &attempt.steps {
            let section = match step.section {
                Section::Steps => "",
                Section::Finally => "finally: ",
            };
            let _ = writeln!(
                out,
                "{:>11} {:>9}  {section}{} ({})",
                step.outcome.status().word(),
                duration(step.duration),
                one_line(&step.summary),
                step.position
            );
        }
    }
    for clean_up in &result.clean_ups {
        for left in &clean_up.left {
            let _ = writeln!(out, "left behind: {left}");
        }
    }
    for note in &result.notes {
        let _ = writeln!(out, "note: {}", note.text);
    }
    out
}
