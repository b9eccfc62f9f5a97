//! Whatever is changed in a report is found: by its own tests where it follows from them, and by the log of its run everywhere.

use crate::recorded::{fold, log};
use plumbline_report::{Difference, NotAReport, Summary, render_conformance, verify_conformance};
use serde_json::{Value, json};

/// Facts, which follow from nothing in the report. Only the log, or the signature, can tell that they were changed.
const FACTS: [&str; 9] = [
    "/subject/",
    "/suite/",
    "/run/durationMs",
    "/run/facts/",
    "/run/id",
    "/run/reproduce/",
    "/run/scenarios/",
    "/run/started",
    "/run/subjectChanges/",
];

fn written(value: &Value) -> String {
    format!("{value:#}\n")
}

fn is_refused(verified: &Result<plumbline_report::Verified, NotAReport>) -> bool {
    verified
        .as_ref()
        .map_or(true, |verified| !verified.differences.is_empty())
}

/// Every place in a value, as JSON pointers.
fn places(at: &str, value: &Value, out: &mut Vec<String>) {
    let mut below = |key: &str, value: &Value| {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        places(&at, value, out);
        out.push(at);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                below(&index.to_string(), item);
            }
        }
        _ => {}
    }
}

/// Something else of the same kind.
fn other(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(match text.as_str() {
            "success" => "partial",
            "partial" | "failure" => "success",
            "passed" => "failed",
            "not-run" | "failed" | "simulated" | "not-supported" => "passed",
            "core" => "extended",
            "extended" => "core",
            _ => return json!(format!("{text}x")),
        }),
        Value::Number(number) => json!(number.as_u64().map_or(0, |number| number + 1)),
        Value::Bool(flag) => json!(!flag),
        Value::Array(items) if items.is_empty() => json!(["x"]),
        Value::Array(items) => items[1..].into(),
        Value::Object(fields) => {
            let mut fields = fields.clone();
            fields.insert("zzz".into(), json!("x"));
            Value::Object(fields)
        }
        Value::Null => json!(0),
    }
}

#[test]
fn reports_hold_as_they_are_written() {
    for name in ["first", "second", "failed"] {
        let log = fold(&log(name));
        let text = render_conformance(&log);
        for by in [None, Some(&log)] {
            let verified = verify_conformance(&text, by).expect("a report");
            assert_eq!(verified.differences, [], "{name}");
            assert_eq!(
                json!(verified.verdict),
                serde_json::from_str::<Value>(&text).expect("JSON")["verdict"]
            );
        }
    }
}

#[test]
fn no_place_can_be_changed_without_being_found() {
    let log: Summary = fold(&log("first"));
    let report: Value = serde_json::from_str(&render_conformance(&log)).expect("JSON");
    let mut all = Vec::new();
    places("", &report, &mut all);
    assert!(all.len() > 800, "{}", all.len());
    let mut unseen = Vec::new();
    for (number, place) in all.iter().enumerate() {
        let mut changed = report.clone();
        let value = changed.pointer_mut(place).expect("the place is there");
        *value = other(value);
        let text = written(&changed);
        // So is on which of the simulations a scenario leans; that it is one of them is not.
        let is_fact =
            FACTS.iter().any(|fact| format!("{place}/").starts_with(fact)) || place.ends_with("/simulated");
        if !is_fact && !is_refused(&verify_conformance(&text, None)) {
            unseen.push(format!("{place} by itself"));
        }
        // By the log it is one comparison for all places; some of them show that.
        if number % 8 == 0 && !is_refused(&verify_conformance(&text, Some(&log))) {
            unseen.push(format!("{place} by the log"));
        }
    }
    assert_eq!(unseen, Vec::<String>::new());
}

#[test]
fn what_differs_is_named() {
    let text = render_conformance(&fold(&log("failed")));
    let mut report: Value = serde_json::from_str(&text).expect("JSON");
    report["verdict"] = json!("success");
    report["profiles"][0]["core"]["result"] = json!("success");
    report["profiles"][0]["core"]["statistics"]["failed"] = json!(0);
    let verified = verify_conformance(&written(&report), None).expect("a report");
    let said: Vec<_> = verified.differences.iter().map(Difference::to_string).collect();
    assert_eq!(
        said,
        [
            "$.profiles[0].core.result is \"success\"; what follows is \"failure\"",
            "$.profiles[0].core.statistics.failed is 0; what follows is 1",
            "$.verdict is \"success\"; what follows is \"failure\"",
        ]
    );
    assert_eq!(verified.verdict, "failure");
}

#[test]
fn a_forger_who_makes_everything_fit_is_found_by_the_log() {
    let run = log("failed");
    let failed = fold(&run);
    let forged = crate::recorded::changed(run, |event| {
        use plumbline_model::{Event, ExitCode, Outcome};
        match event {
            Event::ScenarioFinished { outcome, .. } => *outcome = Outcome::Passed,
            Event::RunFinished { exit, .. } => *exit = ExitCode::Passed,
            _ => {}
        }
    });
    let text = render_conformance(&fold(&forged));
    assert_eq!(verify_conformance(&text, None).expect("a report").differences, []);
    let found = verify_conformance(&text, Some(&failed))
        .expect("a report")
        .differences;
    assert!(found.iter().any(|found| found.path == "$.verdict"), "{found:?}");
}

#[test]
fn blanks_and_order_are_as_they_were_written() {
    let text = render_conformance(&fold(&log("first")));
    let value: Value = serde_json::from_str(&text).expect("JSON");
    for other in [
        value.to_string(),
        format!("{text}\n"),
        text.replacen("  ", "\t", 1),
    ] {
        let found = verify_conformance(&other, None).expect("a report").differences;
        assert_eq!(found.len(), 1);
        assert!(
            found[0].to_string().contains("not as plumbline wrote it"),
            "{}",
            found[0]
        );
    }
}

#[test]
fn what_is_no_report_is_refused_as_what_it_is() {
    let said = |text: &str| verify_conformance(text, None).expect_err("no report").to_string();
    assert_eq!(said("PASS"), "it is not JSON: expected value at line 1 column 1");
    assert!(said("{}").starts_with(
        "it is not a ConformanceReport of plumbline.conformance/v1alpha1: it says apiVersion null"
    ));
    let mut report: Value = serde_json::from_str(&render_conformance(&fold(&log("first")))).expect("JSON");
    report["surprise"] = json!(1);
    let found = said(&written(&report));
    assert!(
        found.contains("does not fit the schema") && found.contains("`surprise`"),
        "{found}"
    );
}
