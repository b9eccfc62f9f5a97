//! Whatever a run was: exit code, terminal, JSON, JUnit, HTML and the conformance report say the same of it.

use crate::world::World;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// Every recorded run, by its file.
fn recorded() -> BTreeMap<String, String> {
    let logs = fs::read_dir(World::logs()).expect("the logs are there");
    logs.map(|log| {
        let path = log.expect("the folder can be read").path();
        let name = path
            .file_stem()
            .expect("a log has a name")
            .to_string_lossy()
            .into_owned();
        (name, fs::read_to_string(&path).expect("the log can be read"))
    })
    .collect()
}

/// One run in all its forms.
struct Views {
    name: String,
    code: i32,
    verdict: String,
    json: Value,
    junit: Report,
    page: String,
    conformance: Value,
}

impl Views {
    fn of(name: &str, log: &str) -> Self {
        let world = World::new();
        fs::write(world.path("run.ndjson"), log).expect("my own folder");
        let files = [
            "--json=report.json",
            "--junit=report.xml",
            "--html=report.html",
            "--conformance=conformance.json",
        ];
        let said = world.run(&[&["report"], &files[..]].concat());
        let read = |file| fs::read_to_string(world.path(file)).expect("the report is written");
        Self {
            name: name.to_owned(),
            code: said.code,
            verdict: said.output.lines().last().unwrap_or_default().to_owned(),
            json: serde_json::from_str(&read("report.json")).expect("the report is JSON"),
            junit: Report::deserialize_from_str(&read("report.xml")).expect("the report is JUnit"),
            page: read("report.html"),
            conformance: serde_json::from_str(&read("conformance.json")).expect("the report is JSON"),
        }
    }

    /// What the HTML page tells programs: the numbers at its main part.
    fn page_numbers(&self) -> BTreeMap<&str, u64> {
        let (_, main) = self.page.split_once("<main ").expect("the page has a main part");
        let (attributes, _) = main.split_once('>').expect("what begins ends");
        let attributes = attributes.split_whitespace();
        let numbers = attributes.filter_map(|attribute| {
            let (name, value) = attribute.strip_prefix("data-")?.split_once('=')?;
            Some((name, value.trim_matches('"').parse().ok()?))
        });
        numbers.collect()
    }

    /// How many scenarios the terminal says ended as `word`.
    fn told(&self, word: &str) -> u64 {
        let (_, counts) = self.verdict.split_once(": ").unwrap_or_default();
        let counts = counts.split_once(" in ").unwrap_or_default().0;
        let count = counts.split(", ").find_map(|part| part.strip_suffix(word));
        count.map_or(0, |count| count.trim().parse().expect("a count is a number"))
    }

    fn assert_codes(&self) {
        let Self {
            name,
            code,
            verdict,
            json,
            ..
        } = self;
        assert!(
            verdict.ends_with(&format!("(exit code {code})")),
            "{name}: {verdict}"
        );
        assert_eq!(verdict.starts_with("passed: "), *code == 0, "{name}: {verdict}");
        assert_eq!(json["run"]["exitCode"], *code, "{name}");
        assert_eq!(self.conformance["run"]["exitCode"], *code, "{name}");
        assert_eq!(
            self.page_numbers()["exit"],
            u64::from(code.unsigned_abs()),
            "{name}"
        );
        let is_green = self.page.contains("<title>passed: plumbline ");
        assert_eq!(is_green, *code == 0, "{name}: the title of the page");
    }

    fn assert_counts(&self) {
        let Self {
            name, json, verdict, ..
        } = self;
        let counts = json["counts"].as_object().expect("counts by status");
        assert_eq!(counts.len(), 7, "{name}");
        let shown = self.page_numbers();
        for (key, count) in counts {
            let word = if key == "notRun" { "not run" } else { key.as_str() };
            assert_eq!(*count, self.told(word), "{name}: {word} in {verdict}");
            let shown = shown.get(word.replace(' ', "-").as_str());
            assert_eq!(count.as_u64().as_ref(), shown, "{name}: {word} in the page");
        }
    }

    /// Red in JUnit is red at all: a pipeline that reads only the file sees no green run that was not.
    fn assert_colour(&self) {
        let suite = &self.junit.test_suites[0];
        let red = suite.failures + suite.errors;
        assert_eq!(
            red == 0,
            self.code == 0,
            "{}: {red} of {} are red",
            self.name,
            suite.tests
        );
        let flaky = if self.flaky_is_red() {
            self.told("flaky")
        } else {
            0
        };
        assert_eq!(
            suite.failures as u64,
            self.told("failed") + flaky,
            "{}",
            self.name
        );
    }

    /// The conformance report has every scenario of the run at each requirement that it is about, and says the same of it as JSON; and a
    /// requirement is there what it is in JSON, but for what the cluster does not support.
    fn assert_conformance(&self) {
        let Self {
            name,
            json,
            conformance,
            ..
        } = self;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut proofs = BTreeSet::new();
        for test in list(&conformance["profiles"])
            .iter()
            .flat_map(|profile| list(&profile["tests"]))
        {
            let requirement = text(&test["requirement"]);
            for scenario in list(&test["scenarios"]) {
                proofs.insert((
                    requirement.clone(),
                    text(&scenario["id"]),
                    text(&scenario["status"]),
                ));
            }
            let status = text(&test["status"]);
            let expected = text(&json["requirements"][&requirement]["status"]);
            let unsupported =
                status == "not-supported" && ["skipped", "not-run"].contains(&expected.as_str());
            assert!(
                status == expected || unsupported,
                "{name}: {requirement} is {status}, in JSON {expected}"
            );
        }
        let expected: BTreeSet<_> = list(&json["scenarios"])
            .iter()
            .flat_map(|scenario| {
                let of = |requirement: &Value| {
                    (
                        text(requirement),
                        text(&scenario["id"]),
                        text(&scenario["outcome"]["status"]),
                    )
                };
                list(&scenario["requirements"]).iter().map(of).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(proofs, expected, "{name}");
        if conformance["verdict"] == "success" {
            assert_eq!(self.code, 0, "{name}");
        }
        if self.told("failed") + self.told("errored") > 0 {
            assert_eq!(conformance["verdict"], "failure", "{name}");
        }
    }

    fn flaky_is_red(&self) -> bool {
        self.json["run"]["options"]["flaky"] == "fail"
    }

    fn assert_scenarios(&self) {
        let cases: BTreeMap<_, _> = self.junit.test_suites[0]
            .test_cases
            .iter()
            .map(|case| (case.name.as_str(), status(&case.status)))
            .collect();
        for scenario in self.json["scenarios"].as_array().expect("a list") {
            let id = scenario["id"].as_str().expect("a scenario has an id");
            let said = match scenario["outcome"]["status"]
                .as_str()
                .expect("an outcome has a status")
            {
                "interrupted" => "errored",
                "flaky" if self.flaky_is_red() => "failed",
                "flaky" => "passed",
                other => other,
            };
            assert_eq!(cases.get(id), Some(&said), "{}: {id}", self.name);
        }
        for scenario in self.json["unfinished"].as_array().expect("a list") {
            let id = scenario.as_str().expect("an id");
            assert_eq!(cases.get(id), Some(&"errored"), "{}: {id}", self.name);
        }
    }
}

fn status(status: &TestCaseStatus) -> &'static str {
    match status {
        TestCaseStatus::Success { .. } => "passed",
        TestCaseStatus::Skipped { .. } => "skipped",
        TestCaseStatus::NonSuccess {
            kind: NonSuccessKind::Failure,
            ..
        } => "failed",
        TestCaseStatus::NonSuccess {
            kind: NonSuccessKind::Error,
            ..
        } => "errored",
    }
}

#[test]
fn every_view_of_a_run_agrees() {
    let recorded = recorded();
    assert!(recorded.len() > 10, "{:?}", recorded.keys());
    for (name, log) in recorded {
        let views = Views::of(&name, &log);
        views.assert_codes();
        views.assert_counts();
        views.assert_colour();
        views.assert_scenarios();
        views.assert_conformance();
    }
}

/// The last event holds the exit code that the run had.
#[test]
fn a_report_ends_as_the_run_did() {
    let numbers = BTreeMap::from([
        ("passed", 0),
        ("failed", 1),
        ("environment", 3),
        ("nothing-selected", 4),
        ("left-behind", 5),
        ("interrupted", 130),
        ("terminated", 143),
    ]);
    for (name, log) in recorded() {
        let last: Option<Value> = log
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok());
        let exit = last.as_ref().and_then(|entry| entry["event"]["exit"].as_str());
        // A run that did not tell its end was killed.
        let number = exit.map_or(3, |exit| numbers[exit]);
        assert_eq!(Views::of(&name, &log).code, number, "{name}");
    }
}

/// Wherever a run is killed, what is left of its log still gives a report, and never a green one.
#[test]
fn no_part_of_a_log_is_green() {
    let log = fs::read_to_string(World::recorded("passed")).expect("the log is there");
    let ends: Vec<_> = log.match_indices('\n').map(|(end, _)| end + 1).collect();
    let (_, parts) = ends.split_last().expect("the log has lines");
    for &end in parts {
        let views = Views::of(&format!("the first {end} bytes"), &log[..end]);
        assert_eq!(views.code, 3, "{}", views.name);
        views.assert_codes();
        views.assert_counts();
        views.assert_colour();
        views.assert_scenarios();
        views.assert_conformance();
    }
}
