//! What a log makes of a summary, and the events that other tests are made of.

use super::*;
use plumbline_model::{Event, Failure, FaultClass, LogEntry, Skip, SkipCause};

pub(crate) fn finished(scenario: &str, requirement: &str, outcome: Outcome) -> Event {
    Event::ScenarioFinished {
        scenario: scenario.into(),
        claim: format!("{scenario} holds"),
        file: format!("scenarios/{scenario}.yaml"),
        requirements: vec![requirement.parse().unwrap()],
        tags: vec![],
        duration: 1_200,
        outcome,
        simulated: vec!["workload pods".into()],
    }
}

pub(crate) fn log(events: Vec<Event>) -> Vec<LogEntry> {
    events
        .into_iter()
        .enumerate()
        .map(|(at, event)| LogEntry { at: at as u64, event })
        .collect()
}

pub(crate) fn started(scenarios: &[&str]) -> Event {
    Event::RunStarted {
        run: "r1".into(),
        version: "0.1.0".into(),
        started: "2026-01-01T00:00:00Z".into(),
        provider: "embedded".into(),
        scenarios: scenarios.iter().map(ToString::to_string).collect(),
        suite: Default::default(),
        options: Default::default(),
    }
}

fn errored() -> Outcome {
    Outcome::Errored(Fault {
        class: FaultClass::Environment,
        message: "disk full".into(),
        attachments: vec![],
    })
}

#[test]
fn a_requirement_has_the_worst_status_of_its_scenarios() {
    let summary = Summary::fold(&log(vec![
        started(&["a", "b"]),
        finished("a", "GITOPS-05", Outcome::Passed),
        finished("b", "GITOPS-05", Failure::default().into()),
    ]));
    let requirement = summary
        .requirements()
        .into_iter()
        .find(|found| found.id.as_str() == "GITOPS-05")
        .unwrap();
    assert_eq!(requirement.status, RequirementStatus::Failed);
    assert_eq!(requirement.scenarios, ["a", "b"]);
    assert_eq!(requirement.deciding, ["b"]);
    assert_eq!(summary.exit_code(), ExitCode::Failed);
}

#[test]
fn what_a_cluster_cannot_run_takes_nothing_from_what_is_proven_on_it() {
    let skipped = |cause| {
        Outcome::Skipped(Skip {
            reason: "needs real pods".into(),
            cause,
            ..Skip::default()
        })
    };
    let status = |events: Vec<Event>| {
        let summary = Summary::fold(&log([vec![started(&["a", "b"])], events].concat()));
        let found = summary.requirements().into_iter();
        let mut found = found.filter(|found| found.id.as_str() == "GITOPS-05");
        found.next().unwrap().status
    };
    let passed = finished("a", "GITOPS-05", Outcome::Passed);
    let unsupported = |scenario| finished(scenario, "GITOPS-05", skipped(SkipCause::Unsupported));
    let left_out = finished("b", "GITOPS-05", skipped(SkipCause::Author));
    assert_eq!(
        status(vec![passed.clone(), unsupported("b")]),
        RequirementStatus::Passed
    );
    assert_eq!(
        status(vec![unsupported("a"), unsupported("b")]),
        RequirementStatus::Skipped
    );
    assert_eq!(status(vec![passed.clone(), left_out]), RequirementStatus::Skipped);
    let forborne = finished("b", "GITOPS-05", skipped(SkipCause::LookOnly));
    assert_eq!(status(vec![passed, forborne]), RequirementStatus::Skipped);
}

#[test]
fn what_needs_pods_is_simulated_on_the_embedded_cluster() {
    let summary = Summary::fold(&log(vec![
        started(&["a"]),
        finished("a", "TENANT-04", Outcome::Passed),
    ]));
    let requirement = summary
        .requirements()
        .into_iter()
        .find(|found| found.id.as_str() == "TENANT-04")
        .unwrap();
    assert_eq!(requirement.status, RequirementStatus::Simulated);
}

#[test]
fn a_log_that_breaks_off_is_never_green() {
    let summary = Summary::fold(&log(vec![
        started(&["a", "b"]),
        finished("a", "GITOPS-05", Outcome::Passed),
    ]));
    assert_eq!(summary.unfinished(), ["b"]);
    assert_eq!(summary.exit_code(), ExitCode::Environment);
}

#[test]
fn an_environment_fault_outranks_a_failure_and_an_interruption_outranks_both() {
    let mut events = vec![
        started(&["a", "b"]),
        finished("a", "GITOPS-05", errored()),
        finished("b", "GITOPS-06", Failure::default().into()),
    ];
    assert_eq!(
        Summary::fold(&log(events.clone())).exit_code(),
        ExitCode::Environment
    );
    events.push(Event::Interrupted {
        signal: "SIGINT".into(),
    });
    assert_eq!(Summary::fold(&log(events)).exit_code(), ExitCode::Interrupted);
}
