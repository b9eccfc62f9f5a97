//! The JSON report is what its schema says.

use crate::recorded;
use plumbline_report::{render_json, report_schema};
use serde_json::Value;

#[test]
fn every_recorded_run_is_as_the_schema_says() {
    let schema = jsonschema::validator_for(&report_schema()).expect("a schema");
    for (name, summary) in recorded::summaries() {
        let json: Value = serde_json::from_str(&render_json(&summary)).expect("JSON");
        let errors: Vec<_> = schema
            .iter_errors(&json)
            .map(|error| format!("{name}{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let schema = jsonschema::validator_for(&report_schema()).expect("a schema");
    let json: Value = serde_json::from_str(&render_json(&recorded::summaries()["failed"])).expect("JSON");
    let changes: [(&str, Value); 5] = [
        ("/run/exitCode", "1".into()),
        ("/run/options/flaky", "perhaps".into()),
        ("/counts/passed", (-1).into()),
        ("/scenarios/0/outcome/status", "green".into()),
        ("/requirements/GITOPS-05/level", Value::Null),
    ];
    for (pointer, value) in changes {
        let mut json = json.clone();
        *json.pointer_mut(pointer).expect("a field") = value;
        assert!(!schema.is_valid(&json), "{pointer}");
    }
}
