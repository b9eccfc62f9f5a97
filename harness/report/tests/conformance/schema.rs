//! The schema that is published is the schema of the reports that are written.

use crate::recorded::{beside, changed, log, report};
use plumbline_model::{Event, Outcome, Skip};
use plumbline_report::conformance_schema;
use serde_json::Value;
use std::{env, fs};

/// The committed copy, which people and editors use.
const COPY: &str = "../../conformance.schema.json";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "as other golden files, it is written anew on request"
)]
fn the_committed_schema_is_that_of_the_reports() {
    let schema = format!("{:#}\n", conformance_schema());
    let path = beside(COPY);
    if env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(&path, &schema).expect("the copy can be written");
    }
    let copy = fs::read_to_string(&path).expect("the copy is there");
    assert_eq!(
        copy, schema,
        "conformance.schema.json is out of date: run this test with INSTA_UPDATE=always, and read what changed"
    );
}

#[test]
fn the_schema_describes_every_field() {
    let schema = conformance_schema();
    let undescribed = |schema: &Value| -> Vec<String> {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let undescribed = properties.filter(|(_, property)| !property["description"].is_string());
        undescribed.map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(undescribed(&schema), Vec::<String>::new());
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        assert_eq!(undescribed(definition), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_report_fits_the_schema_and_nothing_more_does() {
    let validator = jsonschema::validator_for(&conformance_schema()).expect("a schema");
    let skipped = changed(log("first"), |event| {
        if let Event::ScenarioFinished { outcome, .. } = event {
            *outcome = Outcome::Skipped(Skip {
                issue: Some("https://example.com/7".into()),
                until: Some("2027-01-31".into()),
                ..Skip::default()
            });
        }
    });
    let bare: Vec<_> = log("first")
        .into_iter()
        .filter(|entry| !matches!(entry.event, Event::SubjectObserved { .. }))
        .collect();
    for log in [log("first"), log("failed"), skipped, bare] {
        let mut report = report(&log);
        let problems: Vec<_> = validator
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(problems, Vec::<String>::new());
        report["profiles"][0]["surprise"] = Value::Bool(true);
        assert!(!validator.is_valid(&report));
    }
}
