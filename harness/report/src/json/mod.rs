//! The JSON report: requirement by requirement, then scenario by scenario.

mod scenario;
mod shape;

use crate::{
    Note, Summary,
    text::{printable, printable_map},
};
use plumbline_model::{Fault, Shard, Status};
use scenario::{attachments, outcome, scenario};
use serde_json::Value;
use std::collections::BTreeMap;

/// Version of the report's shape; it changes only when a field changes its meaning.
pub const REPORT_VERSION: &str = "plumbline.report/v1";

/// Renders the report; keys and lists have a stable order.
#[must_use]
pub fn render_json(summary: &Summary) -> String {
    // Nothing in the shape can fail to serialise: all keys are text, and all numbers are whole.
    let mut json = serde_json::to_string_pretty(&report(summary)).unwrap_or_default();
    json.push('\n');
    json
}

/// The JSON Schema of the report.
#[must_use]
pub fn report_schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<shape::Report>()
        .to_value()
}

fn report(summary: &Summary) -> shape::Report {
    let unfinished = texts(summary.unfinished());
    shape::Report {
        version: REPORT_VERSION,
        run: run(summary),
        provider: printable(&summary.provider),
        counts: shape::Counts {
            passed: summary.count(Status::Passed),
            flaky: summary.count(Status::Flaky),
            failed: summary.count(Status::Failed),
            errored: summary.count(Status::Errored),
            skipped: summary.count(Status::Skipped),
            interrupted: summary.count(Status::Interrupted),
            not_run: unfinished.len(),
        },
        requirements: requirements(summary),
        scenarios: summary
            .sorted_scenarios()
            .into_iter()
            .map(|result| scenario(summary, result))
            .collect(),
        unfinished,
        troubles: summary
            .troubles()
            .into_iter()
            .map(|trouble| shape::Trouble {
                exit_code: trouble.code,
                subject: printable(&trouble.subject),
                message: printable(&trouble.message),
            })
            .collect(),
        facts: printable_map(&summary.facts),
        simulated: summary
            .simulations
            .iter()
            .map(|simulation| shape::Simulation {
                subject: printable(&simulation.subject),
                description: printable(&simulation.description),
            })
            .collect(),
        measurements: summary
            .measurements
            .iter()
            .map(|measurement| shape::Measurement {
                name: printable(&measurement.name),
                scenario: printable(&measurement.scenario),
                duration_ms: measurement.duration,
            })
            .collect(),
        egress: shape::Egress {
            allowed: connections(&summary.egress.allowed),
            refused: connections(&summary.egress.refused),
        },
        phases: phases(summary),
        notes: notes(&summary.notes),
        faults: summary.faults.iter().map(fault).collect(),
        left_behind: texts(&summary.left_behind),
        shards: shards(summary),
        missing: summary.missing.iter().map(ToString::to_string).collect(),
    }
}

fn run(summary: &Summary) -> shape::Run {
    let (suite, options) = (&summary.suite, &summary.options);
    shape::Run {
        id: printable(&summary.run),
        plumbline: printable(&summary.version),
        started: printable(&summary.started),
        duration_ms: summary.duration,
        exit_code: summary.exit_code().number(),
        verdict: summary.verdict(),
        interrupted_by: summary.interrupted.as_deref().map(printable),
        suite: shape::Suite {
            digest: printable(&suite.digest),
            scenarios: suite.scenarios,
            revision: suite.revision.as_deref().map(printable),
        },
        options: shape::Options {
            parallel: options.parallel,
            seed: options.seed,
            shard: shard(options.shard),
            fail_fast: options.fail_fast,
            flaky: options.flaky,
            selection: texts(&options.selection),
        },
    }
}

fn requirements(summary: &Summary) -> BTreeMap<String, shape::Requirement> {
    summary
        .requirements()
        .into_iter()
        .map(|result| {
            let requirement = shape::Requirement {
                status: result.status,
                level: result.level,
                statement: result.statement,
                scenarios: texts(&result.scenarios),
                simulated: texts(&result.simulated),
            };
            (result.id.to_string(), requirement)
        })
        .collect()
}

fn fault(fault: &Fault) -> shape::Fault {
    shape::Fault {
        class: fault.class,
        message: printable(&fault.message),
        attachments: attachments(&fault.attachments),
    }
}

fn phases(summary: &Summary) -> Vec<shape::Phase> {
    summary
        .phases
        .iter()
        .map(|phase| shape::Phase {
            phase: printable(&phase.phase),
            shard: shard(phase.shard),
            start_ms: phase.at,
            duration_ms: phase.duration,
            outcome: outcome(&phase.outcome),
        })
        .collect()
}

fn shards(summary: &Summary) -> Vec<shape::Shard> {
    summary
        .shards
        .iter()
        .map(|part| shape::Shard {
            shard: part.shard.to_string(),
            run: printable(&part.run),
            started: printable(&part.started),
            duration_ms: part.duration,
            scenarios: part.scenarios,
            exit_code: part.exit.number(),
            facts: printable_map(&part.facts),
        })
        .collect()
}

fn notes(notes: &[Note]) -> Vec<shape::Note> {
    notes
        .iter()
        .map(|note| shape::Note {
            at_ms: note.at,
            text: printable(&note.text),
        })
        .collect()
}

fn shard(shard: Option<Shard>) -> Option<String> {
    shard.map(|shard| shard.to_string())
}

fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<String> {
    texts.into_iter().map(|text| printable(text.as_ref())).collect()
}

fn connections(counts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    counts
        .iter()
        .map(|(peer, count)| (printable(peer), *count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{finished, log};
    use plumbline_model::Outcome;

    #[test]
    fn the_schema_describes_every_field() {
        let schema = report_schema();
        let described = |schema: &Value| {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties
                .filter(|(name, property)| *name != "status" && property["description"].is_null())
                .map(|(name, _)| name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(described(&schema), Vec::<String>::new());
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            assert_eq!(described(definition), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn the_report_has_the_fields_of_its_schema_and_no_others() {
        let summary = Summary::fold(&log(vec![finished("a", "GITOPS-05", Outcome::Passed)]));
        let report: Value = serde_json::from_str(&render_json(&summary)).unwrap();
        let schema = report_schema();
        let keys = |value: &Value| {
            let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&report), keys(&schema["properties"]));
        assert_eq!(keys(&report["run"]), keys(&schema["$defs"]["Run"]["properties"]));
        assert_eq!(
            keys(&report["scenarios"][0]),
            keys(&schema["$defs"]["Scenario"]["properties"])
        );
    }
}
