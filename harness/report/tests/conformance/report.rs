//! What a report says, and that it says the same again.

use crate::recorded::{changed, fold, log, profile, report};
use plumbline_model::Event;
use plumbline_report::render_conformance;
use serde_json::{Value, json};

fn snapshot(name: &str, value: &Value) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, format!("{value:#}")));
}

#[test]
fn a_report_reads_as_it_did() {
    snapshot("first", &report(&log("first")));
}

#[test]
fn a_run_that_failed_says_what_failed_and_no_more_than_it_proved() {
    let report = report(&log("failed"));
    let mut gitops = profile(&report, "GITOPS").clone();
    let tests = gitops["tests"].as_array_mut().expect("tests");
    tests.retain(|test| test["status"] != "passed");
    let short = json!({
        "verdict": report["verdict"],
        "limits": report["limits"],
        "GITOPS": gitops,
        "run": {
            "scenarios": {"gitops/broken-commit": report["run"]["scenarios"]["gitops/broken-commit"]},
            "subjectChanges": report["run"]["subjectChanges"],
            "reproduce": report["run"]["reproduce"],
        },
    });
    snapshot("failed", &short);
}

#[test]
fn two_runs_that_end_alike_give_the_same_bytes_but_for_the_part_about_the_run() {
    let [first, second] = ["first", "second"].map(|name| render_conformance(&fold(&log(name))));
    assert_ne!(first, second, "two runs, not one");
    let without_run = |text: &str| {
        // Cut from the text, not from what it says: the very bytes are compared.
        let (before, rest) = text.split_once("\n  \"run\": {\n").expect("a part about the run");
        let (run, after) = rest.split_once("\n  },\n").expect("the end of that part");
        assert!(run.contains("\"started\""));
        format!("{before}\n{after}")
    };
    assert_eq!(without_run(&first), without_run(&second));
}

#[test]
fn the_order_in_which_scenarios_end_makes_no_difference() {
    let ordered = log("first");
    let mut reversed = ordered.clone();
    let is_end = |event: &Event| matches!(event, Event::ScenarioFinished { .. });
    let places: Vec<_> = (0..ordered.len())
        .filter(|at| is_end(&ordered[*at].event))
        .collect();
    for (at, from) in places.iter().zip(places.iter().rev()) {
        reversed[*at].event = ordered[*from].event.clone();
    }
    assert_ne!(ordered, reversed);
    assert_eq!(report(&ordered), report(&reversed));
}

#[test]
fn text_of_the_platform_cannot_draw_on_a_terminal() {
    let hostile = changed(log("first"), |event| {
        if let Event::SubjectObserved { subject } = event {
            subject.kubernetes.version = "v1\u{1b}[2J\u{202e}".into();
            subject.components[0].arguments = vec!["--a=\u{7}".into()];
        }
    });
    let text = render_conformance(&fold(&hostile));
    assert!(text.contains(r"v1\\u{1b}[2J\\u{202e}"), "{}", &text[..200]);
    assert!(
        text.chars()
            .all(|character| character == '\n' || !character.is_control())
    );
    assert!(!text.contains("\\u001b") && !text.contains("\\u0007"));
}
