//! Whatever a run was: exit code, terminal, JSON, JUnit and the build services are told the same of it.

use crate::{
    junit::{self, Element},
    made_up,
    page::Page,
    recorded,
};
use plumbline_model::{ExitCode, Status};
use plumbline_report::{
    Palette, Repository, Summary, merge, render_azure, render_github, render_json, render_step_summary,
    render_summary,
};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// The counts that JSON has, by the words of the terminal.
const COUNTS: [(&str, &str); 7] = [
    ("passed", "passed"),
    ("flaky", "flaky"),
    ("failed", "failed"),
    ("errored", "errored"),
    ("skipped", "skipped"),
    ("interrupted", "interrupted"),
    ("notRun", "not run"),
];

fn agree(summary: &Summary) {
    let code = summary.exit_code();
    let json: Value = serde_json::from_str(&render_json(summary)).expect("JSON");
    assert_eq!(json["run"]["exitCode"], code.number());
    assert_terminal(summary, &json, code);
    assert_junit(summary, &json, code);
    assert_services(summary, code);
    assert_page(summary, &json, code);
}

/// The page tells the counts to programs too, and has each scenario once.
fn assert_page(summary: &Summary, json: &Value, code: ExitCode) {
    let page = Page::of(summary);
    assert_eq!(page.number("main", "data-exit"), u64::from(code.number()));
    let passed = page
        .text
        .contains("<h1>plumbline: <span class=\"passed\">passed</span></h1>");
    assert_eq!(passed, code == ExitCode::Passed);
    for (key, word) in COUNTS {
        let status = word.replace(' ', "-");
        let count = json["counts"][key].as_u64().expect("a count");
        assert_eq!(page.number("main", &format!("data-{status}")), count, "{word}");
        let shown = page.scenarios.iter().filter(|shown| **shown == status).count();
        assert_eq!(shown as u64, count, "{word}");
    }
    for (id, requirement) in json["requirements"].as_object().expect("requirements") {
        let status = requirement["status"].as_str().expect("a status");
        let row = format!("<tr id=\"requirement-{id}\" data-status=\"{status}\">");
        assert!(page.text.contains(&row), "{row}");
    }
}

fn assert_terminal(summary: &Summary, json: &Value, code: ExitCode) {
    let terminal = render_summary(summary, Palette::Plain);
    let verdict = terminal.lines().last().expect("a verdict");
    assert!(
        verdict.ends_with(&format!("(exit code {})", code.number())),
        "{verdict}"
    );
    assert_eq!(
        verdict.starts_with("passed: "),
        code == ExitCode::Passed,
        "{verdict}"
    );
    let (_, told) = verdict.split_once(": ").expect("counts");
    let told = told.split_once(" in ").expect("a duration").0;
    let told: Vec<_> = told.split(", ").collect();
    for (key, word) in COUNTS {
        let count = json["counts"][key].as_u64().expect("a count");
        let part = format!("{count} {word}");
        assert_eq!(told.contains(&part.as_str()), count > 0, "{part}: {verdict}");
    }
}

/// Red in JUnit is red at all: a pipeline that reads only the file sees no green run that was not.
fn assert_junit(summary: &Summary, json: &Value, code: ExitCode) {
    let root = junit::valid(summary);
    let suite = &root.children[0];
    let cases: Vec<&Element> = suite
        .children
        .iter()
        .filter(|child| child.name == "testcase")
        .collect();
    let with = |name: &str| {
        let has = |case: &&&Element| case.children.iter().any(|child| child.name == name);
        cases.iter().filter(has).count()
    };
    assert_eq!(suite.number("tests"), cases.len());
    assert_eq!(suite.number("failures"), with("failure"));
    assert_eq!(suite.number("errors"), with("error"));
    assert_eq!(suite.number("skipped"), with("skipped"));
    assert_eq!(with("failure") + with("error") == 0, code == ExitCode::Passed);
    assert_eq!(suite.number("skipped"), summary.count(Status::Skipped));
    let by_name: BTreeMap<_, _> = cases
        .iter()
        .map(|case| (case.attributes["name"].as_str(), *case))
        .collect();
    assert_eq!(by_name.len(), cases.len(), "each case has a name of its own");
    for scenario in json["scenarios"].as_array().expect("scenarios") {
        let case = by_name[scenario["id"].as_str().expect("an id")];
        let has = |name: &str| case.children.iter().any(|child| child.name == name);
        let red = match scenario["outcome"]["status"].as_str().expect("a status") {
            "failed" => has("failure"),
            "errored" | "interrupted" => has("error"),
            "skipped" => has("skipped"),
            // Passed, unless what is flaky counts as failed.
            _ => !has("error") && !has("skipped"),
        };
        assert!(red, "{scenario} is {case:?}");
    }
    for scenario in json["unfinished"].as_array().expect("unfinished") {
        assert!(
            by_name.contains_key(scenario.as_str().expect("an id")),
            "{scenario}"
        );
    }
}

fn assert_services(summary: &Summary, code: ExitCode) {
    let repository = Repository {
        root: "/build".into(),
        project: "/build".into(),
    };
    let github = render_github(summary, &repository);
    assert_eq!(
        github.lines().any(|line| line.starts_with("::error ")),
        code != ExitCode::Passed
    );
    for line in github.lines() {
        assert!(
            line.starts_with("::error ") || line.starts_with("::warning "),
            "{line}"
        );
    }
    let azure = render_azure(summary, &repository);
    for line in azure.lines() {
        assert_eq!(line.matches("##vso[").count(), 1, "{line}");
        assert!(line.starts_with("##vso[task."), "{line}");
    }
    let complete = |result| azure.contains(&format!("##vso[task.complete result={result};]"));
    assert_eq!(complete("Failed"), code != ExitCode::Passed);
    let flaky = summary.count(Status::Flaky) > 0;
    assert_eq!(complete("SucceededWithIssues"), flaky && code == ExitCode::Passed);
    let page = render_step_summary(summary);
    assert_eq!(
        page.starts_with("## plumbline: passed\n"),
        code == ExitCode::Passed
    );
}

#[test]
fn every_report_of_a_recorded_run_agrees() {
    let summaries = recorded::summaries();
    assert!(summaries.len() > 20, "{:?}", summaries.keys());
    for (name, summary) in summaries {
        println!("{name}");
        agree(&summary);
    }
}

/// A recorded run has the exit code that its last event tells.
#[test]
fn a_recorded_run_earns_the_code_that_it_had() {
    for (name, summary) in recorded::summaries() {
        let told = match name.as_str() {
            "shards" => ExitCode::Failed,
            "shards-incomplete" => ExitCode::Environment,
            // A run that did not tell its end was killed.
            _ => summary.told_exit.unwrap_or(ExitCode::Environment),
        };
        assert_eq!(summary.exit_code(), told, "{name}");
        let mut alone = summary;
        alone.told_exit = None;
        assert_eq!(alone.exit_code(), told, "{name}: without being told");
    }
}

/// What is shown of the platform's text is never a sequence or a direction that a terminal obeys.
#[test]
fn hostile_text_is_text_everywhere() {
    let summary = &recorded::summaries()["hostile"];
    let repository = Repository::default();
    for report in [
        render_summary(summary, Palette::Plain),
        render_json(summary),
        plumbline_report::render_junit(summary),
        render_github(summary, &repository),
        render_azure(summary, &repository),
        render_step_summary(summary),
        Page::of(summary).text,
    ] {
        assert_eq!(report, plumbline_report::printable(&report));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn every_report_of_any_log_agrees(log in made_up::log()) {
        agree(&Summary::fold(&log));
    }

    #[test]
    fn a_merged_run_is_never_better_than_its_shards(left in made_up::log(), right in made_up::log()) {
        let shard = |log: &[_], shard: &str| {
            let mut summary = Summary::fold(log);
            summary.provider = "embedded".to_owned();
            summary.options.shard = shard.parse().ok();
            summary.options.selection = Vec::new();
            summary.options.flaky = Default::default();
            (shard.to_owned(), summary)
        };
        let parts = vec![shard(&left, "1/2"), shard(&right, "2/2")];
        let codes: Vec<_> = parts.iter().map(|(_, part)| part.exit_code()).collect();
        let merged = merge(parts).expect("they belong together");
        agree(&merged);
        let code = merged.exit_code();
        for part in codes {
            prop_assert_eq!(code.and(part), code);
        }
    }
}
