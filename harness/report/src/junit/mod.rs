//! JUnit XML: one suite per run, one case per scenario.
//!
//! The elements, their order and their attributes are those that both of the common schemas allow: the one that Jenkins checks by
//! (`junit-10.xsd`) and, inside of a suite, that of Surefire 3. `flakyFailure` and `flakyError` tell the earlier attempts of a case
//! that passed in the end, `rerunFailure` and `rerunError` those of one that did not. Neither schema knows properties of a case,
//! so its claim and requirements stand in its `system-out`.

mod case;
mod finding;
mod xml;

use crate::{Summary, text::printable};
use case::{Case, Verdict};
use std::collections::{BTreeMap, BTreeSet};
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

/// Seconds with three digits after the point.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{finished, log};
    use plumbline_model::{Event, Failure, Outcome};

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
