//! Verifying a report: everything that follows is derived again, from its own tests or from the log of its run, and compared.

use super::{
    CONFORMANCE_VERSION, KIND, assemble, canonical,
    derive::{Proofs, derive},
    shape::{Report, Scenario, ScenarioStatus, Skip, Subject},
};
use crate::{Summary, text::printable};
use plumbline_model::SkipCause;
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, fmt};

/// Something that a report says and that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: a JSON path from `$`.
    pub path: String,
    /// What the report says there, as JSON; nothing when it says nothing there.
    pub found: Option<String>,
    /// What would hold, as JSON; nothing when there should be nothing.
    pub holds: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, found, holds } = self;
        match (found, holds) {
            (Some(found), Some(holds)) => write!(formatter, "{path} is {found}; what follows is {holds}"),
            (Some(found), None) => write!(formatter, "{path} is {found}; nothing follows there"),
            (None, Some(holds)) => write!(formatter, "{path} is not there; what follows is {holds}"),
            (None, None) => write!(
                formatter,
                "{path} is not as plumbline wrote it: its fields, their order or its blanks were changed"
            ),
        }
    }
}

/// A file that is not a conformance report, so there is nothing to verify.
#[derive(Debug, thiserror::Error)]
pub enum NotAReport {
    /// Not JSON at all.
    #[error("it is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// JSON of something else.
    #[error(
        "it is not a {KIND} of {CONFORMANCE_VERSION}: it says apiVersion {version} and kind {kind}; `run --conformance FILE` writes one"
    )]
    Other {
        /// What it says that it is.
        version: String,
        /// What it says that it is.
        kind: String,
    },
    /// A report that does not fit the schema.
    #[error("it does not fit the schema of {CONFORMANCE_VERSION}: {0}")]
    Shape(#[source] serde_json::Error),
}

/// What came of verifying a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The verdict that follows: `success`, `partial` or `failure`.
    pub verdict: String,
    /// Where the report says something else than what follows; empty for a report that holds.
    pub differences: Vec<Difference>,
}

/// Derives every statistic, result and verdict again from the report's own tests; with the log of its run, the whole report is made
/// again.
///
/// # Errors
/// The text is not such a report.
pub fn verify_conformance(text: &str, log: Option<&Summary>) -> Result<Verified, NotAReport> {
    let report = parse(text)?;
    let derived = match log {
        Some(log) => assemble::report(log),
        None => {
            let mut derived = report.clone();
            derive(&mut derived, &proofs(&report));
            derived
        }
    };
    Ok(Verified {
        verdict: derived.verdict.word().to_owned(),
        differences: differences(text, &report, &derived),
    })
}

fn parse(text: &str) -> Result<Report, NotAReport> {
    let value: Value = serde_json::from_str(text).map_err(NotAReport::NotJson)?;
    let (version, kind) = (&value["apiVersion"], &value["kind"]);
    if version != CONFORMANCE_VERSION || kind != KIND {
        return Err(NotAReport::Other {
            version: shown(version),
            kind: shown(kind),
        });
    }
    // Read from the text, so that an error tells its line.
    serde_json::from_str(text).map_err(NotAReport::Shape)
}

/// How the scenarios ended, by the report's own tests. One that is told in several ways ended as it is told first.
fn proofs(report: &Report) -> Proofs {
    let mut told = Vec::<Scenario>::new();
    let mut proofs = Proofs::new();
    for test in report.profiles.iter().flat_map(|profile| &profile.tests) {
        for scenario in &test.scenarios {
            let known = told.iter().find(|known| known.id == scenario.id).cloned();
            let scenario = known.unwrap_or_else(|| {
                let scenario = consistent(scenario.clone(), &report.subject);
                told.push(scenario.clone());
                scenario
            });
            proofs
                .entry(test.requirement)
                .or_default()
                .insert(scenario.id.clone(), scenario);
        }
    }
    proofs
}

/// The scenario as it can have been: what ended in one way has attempts, and a reason, that go with it, and leans on nothing but what
/// the subject simulates.
fn consistent(mut scenario: Scenario, subject: &Subject) -> Scenario {
    scenario
        .simulated
        .retain(|simulated| subject.simulations.contains_key(simulated));
    let (least, most) = match scenario.status {
        ScenarioStatus::Skipped => (0, 0),
        ScenarioStatus::Interrupted => (0, u32::MAX),
        ScenarioStatus::Passed => (1, 1),
        ScenarioStatus::Flaky => (2, u32::MAX),
        ScenarioStatus::Errored | ScenarioStatus::Failed => (1, u32::MAX),
    };
    scenario.attempts = scenario.attempts.clamp(least, most);
    if scenario.status == ScenarioStatus::Skipped {
        scenario.skip.get_or_insert(Skip {
            reason: String::new(),
            cause: SkipCause::Author,
            issue: None,
            until: None,
        });
    } else {
        scenario.skip = None;
    }
    scenario
}

fn differences(text: &str, report: &Report, derived: &Report) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("$", Some(&value(report)), Some(&value(derived)), &mut found);
    if found.is_empty() && text != canonical(report) {
        found.push(Difference {
            path: "$".to_owned(),
            found: None,
            holds: None,
        });
    }
    found
}

fn compare(path: &str, found: Option<&Value>, holds: Option<&Value>, out: &mut Vec<Difference>) {
    match (found, holds) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for key in keys {
                compare(&below(path, key), left.get(key), right.get(key), out);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            for index in 0..left.len().max(right.len()) {
                compare(
                    &format!("{path}[{index}]"),
                    left.get(index),
                    right.get(index),
                    out,
                );
            }
        }
        (found, holds) if found == holds => {}
        (found, holds) => out.push(Difference {
            path: path.to_owned(),
            found: found.map(shown),
            holds: holds.map(shown),
        }),
    }
}

fn below(path: &str, key: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if key.chars().all(plain) && !key.is_empty() {
        format!("{path}.{key}")
    } else {
        // As in RFC 9535; the key is a stranger's text.
        let key = printable(key).replace('\\', r"\\").replace('\'', r"\'");
        format!("{path}['{key}']")
    }
}

/// How much of a value is shown.
const SHOWN: usize = 120;

fn shown(value: &Value) -> String {
    let text = printable(&value.to_string());
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn value(report: &impl Serialize) -> Value {
    // As in `canonical`: nothing in the shape can fail to serialise.
    serde_json::to_value(report).unwrap_or_default()
}
