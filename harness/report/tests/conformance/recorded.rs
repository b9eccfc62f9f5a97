//! Logs of real runs, less their steps: `first` and `second` are two runs of the same scenarios, and in `failed` one failed.

use plumbline_model::{Event, LogEntry, read_log};
use plumbline_report::{Summary, render_conformance};
use serde_json::Value;
use std::{fs, path::Path};

/// The path of a file beside these tests.
pub fn beside(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    folder.join(name).to_string_lossy().into_owned()
}

/// A recorded run.
pub fn log(name: &str) -> Vec<LogEntry> {
    let text = fs::read_to_string(beside(&format!("logs/{name}.ndjson"))).expect("the log is there");
    read_log(&text).expect("the log can be read")
}

/// What a log says in all.
pub fn fold(log: &[LogEntry]) -> Summary {
    Summary::recorded(log).expect("the log of a run")
}

/// The report of a run.
pub fn report(log: &[LogEntry]) -> Value {
    serde_json::from_str(&render_conformance(&fold(log))).expect("the report is JSON")
}

/// The log with each event as `change` leaves it.
pub fn changed(mut log: Vec<LogEntry>, mut change: impl FnMut(&mut Event)) -> Vec<LogEntry> {
    log.iter_mut().for_each(|entry| change(&mut entry.event));
    log
}

/// A profile of a report.
pub fn profile<'a>(report: &'a Value, name: &str) -> &'a Value {
    let profiles = report["profiles"].as_array().expect("profiles");
    let found = profiles.iter().find(|profile| profile["name"] == name);
    found.expect("the profile is there")
}

/// What a report says of a requirement.
pub fn test<'a>(report: &'a Value, requirement: &str) -> &'a Value {
    let profiles = report["profiles"].as_array().expect("profiles");
    let mut tests = profiles
        .iter()
        .flat_map(|profile| profile["tests"].as_array().expect("tests"));
    tests
        .find(|test| test["requirement"] == requirement)
        .expect("the requirement is there")
}
