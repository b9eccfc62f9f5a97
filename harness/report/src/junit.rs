//! JUnit XML: one suite per run, one case per scenario.

use crate::{
    ScenarioResult, Summary,
    text::{duration, printable},
};
use plumbline_model::{Attachment, Outcome};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::{fmt::Write as _, time::Duration};

/// Renders the report.
///
/// # Errors
/// The XML writer's own, which a string sink does not have in practice.
pub fn render_junit(summary: &Summary) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("plumbline");
    report.set_time(Duration::from_millis(summary.duration));
    let mut suite = TestSuite::new(format!("plumbline on {}", printable(&summary.provider)));
    suite.set_time(Duration::from_millis(summary.duration));
    for (name, value) in &summary.facts {
        suite.add_property(Property::new(printable(name), printable(value)));
    }
    for simulation in &summary.simulations {
        let name = format!("simulated: {}", printable(&simulation.subject));
        suite.add_property(Property::new(name, printable(&simulation.description)));
    }
    let mut scenarios: Vec<_> = summary.scenarios.iter().collect();
    scenarios.sort_by(|left, right| left.scenario.cmp(&right.scenario));
    suite.add_test_cases(scenarios.into_iter().map(case));
    // Whatever keeps the run from being green is a case of its own: who reads only this file must see it.
    for scenario in &summary.unfinished {
        suite.add_test_case(errored_case(
            scenario,
            "the run ended before this scenario did",
            "",
        ));
    }
    for phase in &summary.phases {
        if let Outcome::Errored(fault) = &phase.outcome {
            suite.add_test_case(errored_case(
                &format!("set-up: {}", phase.phase),
                &fault.message,
                &attachments(&fault.attachments),
            ));
        }
    }
    for fault in &summary.faults {
        suite.add_test_case(errored_case(
            "run",
            &fault.message,
            &attachments(&fault.attachments),
        ));
    }
    for what in &summary.left_behind {
        suite.add_test_case(errored_case("clean-up", &format!("left behind: {what}"), ""));
    }
    if let Some(signal) = &summary.interrupted {
        suite.add_test_case(errored_case("run", &format!("stopped by {signal}"), ""));
    }
    report.add_test_suite(suite);
    report.to_string()
}

fn case(result: &ScenarioResult) -> TestCase {
    let status = match &result.outcome {
        Outcome::Passed | Outcome::Flaky { .. } => TestCaseStatus::success(),
        Outcome::Skipped(skip) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(printable(&skip.reason));
            status
        }
        Outcome::Failed(failure) => {
            let mut text = step_line(result);
            for (label, value) in [("expected", &failure.expected), ("actual", &failure.actual)] {
                if let Some(value) = value {
                    let _ = writeln!(text, "{label}: {}", printable(value));
                }
            }
            text += &attachments(&failure.attachments);
            non_success(NonSuccessKind::Failure, &failure.message, &text)
        }
        Outcome::Errored(fault) => {
            let text = step_line(result) + &attachments(&fault.attachments);
            non_success(NonSuccessKind::Error, &fault.message, &text)
        }
        Outcome::Interrupted => non_success(NonSuccessKind::Error, "interrupted", &step_line(result)),
    };
    let mut case = TestCase::new(printable(&result.scenario), status);
    case.set_classname(printable(result.scenario.split('/').next().unwrap_or("scenario")));
    case.set_time(Duration::from_millis(result.duration));
    case.add_property(Property::new("claim", printable(&result.claim)));
    for requirement in &result.requirements {
        case.add_property(Property::new("requirement", requirement.as_str()));
    }
    for subject in &result.simulated {
        case.add_property(Property::new("simulated", printable(subject)));
    }
    case
}

fn step_line(result: &ScenarioResult) -> String {
    result.steps.last().map_or_else(String::new, |step| {
        format!(
            "{} ({}, after {})\n",
            printable(&step.position.to_string()),
            printable(&step.summary),
            duration(step.duration)
        )
    })
}

fn attachments(attachments: &[Attachment]) -> String {
    attachments.iter().fold(String::new(), |mut text, attachment| {
        let _ = writeln!(
            text,
            "\n{}\n{}",
            printable(&attachment.title),
            printable(&attachment.text)
        );
        text
    })
}

fn errored_case(name: &str, message: &str, text: &str) -> TestCase {
    TestCase::new(printable(name), non_success(NonSuccessKind::Error, message, text))
}

fn non_success(kind: NonSuccessKind, message: &str, text: &str) -> TestCaseStatus {
    let message = printable(message);
    // Readers of JUnit put an attribute on one line, so only the first goes there when there are more.
    let (first, text) = match message.split_once('\n') {
        Some((first, _)) => (first, format!("{message}\n{text}")),
        None => (message.as_str(), text.to_owned()),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(first);
    status.set_type(match kind {
        NonSuccessKind::Failure => "failed",
        NonSuccessKind::Error => "errored",
    });
    status.set_description(text);
    status
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
        let xml = render_junit(&summary).unwrap();
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
        let xml = render_junit(&summary).unwrap();
        assert!(
            xml.contains(r#"errors="1""#) && xml.contains("left behind: process 12"),
            "{xml}"
        );
    }
}
