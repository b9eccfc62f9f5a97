//! JUnit XML: one suite per run, one case per scenario.
//!
//! The elements, their order and their attributes are those that both of the common schemas allow: the one that Jenkins checks by
//! (`junit-10.xsd`) and, inside of a suite, that of Surefire 3. `flakyFailure` and `flakyError` tell the earlier attempts of a case
//! that passed in the end, `rerunFailure` and `rerunError` those of one that did not. Neither schema knows properties of a case,
//! so its claim and requirements stand in its `system-out`.

mod xml;

use crate::{
    AttemptResult, ScenarioResult, Summary, Trouble,
    terminal::{Limit, Palette, attachments, attempt_block, message, one_line},
    text::{duration, printable},
};
use plumbline_model::{ExitCode, Outcome, Section};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};
use xml::Xml;

/// Renders the report.
#[must_use]
pub fn render_junit(summary: &Summary) -> String {
    let mut cases: Vec<Case> = summary
        .sorted_scenarios()
        .into_iter()
        .map(|result| Case::of_scenario(summary, result))
        .collect();
    // Whatever keeps the run from being green is a case of its own: who reads only this file must see it.
    cases.extend(summary.troubles().iter().map(Case::of_trouble));
    tell_apart(&mut cases);
    let suite = format!("plumbline on {}", printable(&summary.provider));
    let count = |verdict| {
        let counted = cases.iter().filter(|case| case.verdict == verdict);
        counted.count().to_string()
    };
    let (tests, time) = (cases.len().to_string(), seconds(summary.duration));
    let (failures, errors, skipped) = (
        count(Verdict::Failure),
        count(Verdict::Error),
        count(Verdict::Skipped),
    );
    let mut xml = Xml::new();
    let totals = [
        ("name", "plumbline"),
        ("time", &time),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
    ];
    xml.open("testsuites", &totals);
    let attributes = [
        ("name", suite.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
        ("skipped", &skipped),
        ("time", &time),
        ("timestamp", &summary.started),
    ];
    xml.open("testsuite", &attributes);
    let properties = properties(summary);
    if !properties.is_empty() {
        xml.open("properties", &[]);
        for (name, value) in &properties {
            xml.leaf("property", &[("name", name), ("value", value)], "");
        }
        xml.close();
    }
    for case in &cases {
        case.write(&mut xml);
    }
    xml.finish()
}

/// What the run was about, by name.
fn properties(summary: &Summary) -> BTreeMap<String, String> {
    let mut properties = summary.facts.clone();
    for part in &summary.shards {
        for (name, value) in &part.facts {
            properties.insert(format!("{name}, shard {}", part.shard), value.clone());
        }
    }
    for simulation in &summary.simulations {
        properties.insert(
            format!("simulated: {}", simulation.subject),
            simulation.description.clone(),
        );
    }
    let (suite, options) = (&summary.suite, &summary.options);
    let told = [
        ("suite digest", Some(suite.digest.clone())),
        ("suite revision", suite.revision.clone()),
        ("seed", options.seed.map(|seed| seed.to_string())),
        ("shard", options.shard.map(|shard| shard.to_string())),
    ];
    for (name, value) in told {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            properties.insert(name.to_owned(), value);
        }
    }
    properties
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
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

/// A child of a case that says how it ended, or how an attempt at it did.
#[derive(Debug)]
struct Finding {
    element: &'static str,
    message: String,
    text: String,
}

impl Finding {
    fn new(element: &'static str, message: &str, text: &str) -> Self {
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
    fn of_attempt(attempt: &AttemptResult, passed_later: bool) -> Option<Self> {
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
    fn rank(&self) -> usize {
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

    fn write(&self, xml: &mut Xml) {
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

#[derive(Debug)]
struct Case {
    name: String,
    class: String,
    time: u64,
    verdict: Verdict,
    findings: Vec<Finding>,
    output: String,
}

impl Case {
    fn of_scenario(summary: &Summary, result: &ScenarioResult) -> Self {
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

    fn of_trouble(trouble: &Trouble) -> Self {
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

    fn write(&self, xml: &mut Xml) {
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

/// Readers take two cases of one name for one.
fn tell_apart(cases: &mut [Case]) {
    let mut names = BTreeSet::new();
    for case in cases {
        let name = case.name.clone();
        let mut number = 1;
        while !names.insert(case.name.clone()) {
            number += 1;
            case.name = format!("{name} ({number})");
        }
    }
}

fn class(scenario: &str) -> String {
    match scenario.split_once('/') {
        Some((folder, _)) => printable(folder),
        None => "scenario".to_owned(),
    }
}

fn block(attempt: &AttemptResult) -> String {
    attempt_block(attempt, Palette::Plain, Limit::NONE)
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

/// Seconds with three digits after the point.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{finished, log};
    use plumbline_model::{Event, Failure};

    #[test]
    fn hostile_text_stays_text() {
        let failure = Failure {
            message: "]]><script>\u{1b}[2J".into(),
            ..Failure::default()
        };
        let summary = Summary::fold(&log(vec![finished("a/b", "GITOPS-05", failure.into())]));
        let xml = render_junit(&summary);
        assert!(!xml.contains("<script>"), "{xml}");
        assert!(!xml.contains('\u{1b}'), "{xml}");
        assert!(xml.contains(r#"failures="1""#), "{xml}");
    }

    #[test]
    fn what_is_not_green_is_not_green_here_either() {
        let summary = Summary::fold(&log(vec![
            finished("a", "GITOPS-05", Outcome::Passed),
            Event::LeftBehind {
                what: "process 12".into(),
            },
        ]));
        let xml = render_junit(&summary);
        assert!(
            xml.contains(r#"errors="1""#) && xml.contains("left behind: process 12"),
            "{xml}"
        );
    }
}
