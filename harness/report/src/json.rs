//! The JSON report: requirement by requirement, then scenario by scenario.

use crate::{Summary, text::printable};
use plumbline_model::{Attachment, Outcome, Status};
use serde_json::{Map, Value, json};

/// Version of the report's shape; it changes only when a field changes its meaning.
pub const REPORT_VERSION: &str = "plumbline.report/v1";

/// Renders the report; keys and lists have a stable order.
#[must_use]
pub fn render_json(summary: &Summary) -> String {
    let requirements: Map<String, Value> = summary
        .requirements()
        .into_iter()
        .map(|result| {
            let value = json!({
                "status": result.status,
                "level": result.level,
                "statement": result.statement,
                "scenarios": result.scenarios,
                "simulated": result.simulated,
            });
            (result.id.to_string(), value)
        })
        .collect();
    let mut scenarios: Vec<_> = summary.scenarios.iter().collect();
    scenarios.sort_by(|left, right| left.scenario.cmp(&right.scenario));
    let scenarios: Vec<Value> = scenarios
        .into_iter()
        .map(|result| {
            let steps: Vec<Value> = result
                .steps
                .iter()
                .map(|step| {
                    json!({
                        "verb": step.verb,
                        "summary": step.summary,
                        "position": step.position,
                        "durationMs": step.duration,
                        "outcome": outcome(&step.outcome),
                    })
                })
                .collect();
            json!({
                "id": result.scenario,
                "claim": result.claim,
                "file": result.file,
                "requirements": result.requirements,
                "durationMs": result.duration,
                "outcome": outcome(&result.outcome),
                "simulated": result.simulated,
                "steps": steps,
            })
        })
        .collect();
    let report = json!({
        "version": REPORT_VERSION,
        "run": {
            "id": summary.run,
            "plumbline": summary.version,
            "started": summary.started,
            "durationMs": summary.duration,
            "exitCode": summary.exit_code().number(),
            "interruptedBy": summary.interrupted,
        },
        "provider": summary.provider,
        "facts": summary.facts,
        "simulated": summary.simulations,
        "counts": {
            "passed": summary.count(Status::Passed),
            "failed": summary.count(Status::Failed),
            "errored": summary.count(Status::Errored),
            "skipped": summary.count(Status::Skipped),
            "interrupted": summary.count(Status::Interrupted),
            "notRun": summary.unfinished.len(),
        },
        "requirements": requirements,
        "scenarios": scenarios,
        "unfinished": summary.unfinished,
        "phases": summary.phases.iter().map(|phase| json!({
            "phase": phase.phase,
            "durationMs": phase.duration,
            "outcome": outcome(&phase.outcome),
        })).collect::<Vec<_>>(),
        "measurements": summary.measurements.iter().map(|(name, scenario, duration)| json!({
            "name": name, "scenario": scenario, "durationMs": duration,
        })).collect::<Vec<_>>(),
        "egress": {"allowed": summary.egress.0, "refused": summary.egress.1},
        "faults": summary.faults,
        "leftBehind": summary.left_behind,
    });
    // A Value always serialises.
    format!("{report:#}\n")
}

fn outcome(outcome: &Outcome) -> Value {
    let attachments = |attachments: &[Attachment]| {
        attachments
            .iter()
            .map(|attachment| {
                json!({"title": printable(&attachment.title), "text": printable(&attachment.text)})
            })
            .collect::<Vec<_>>()
    };
    let status = outcome.status();
    match outcome {
        Outcome::Passed | Outcome::Interrupted => json!({"status": status}),
        Outcome::Flaky { attempts } => json!({"status": status, "attempts": attempts}),
        Outcome::Skipped(skip) => {
            json!({"status": status, "reason": skip.reason, "cause": skip.cause, "issue": skip.issue, "until": skip.until})
        }
        Outcome::Failed(failure) => json!({
            "status": status,
            "message": printable(&failure.message),
            "expected": failure.expected.as_deref().map(printable),
            "actual": failure.actual.as_deref().map(printable),
            "attachments": attachments(&failure.attachments),
        }),
        Outcome::Errored(fault) => json!({
            "status": status,
            "class": fault.class,
            "message": printable(&fault.message),
            "attachments": attachments(&fault.attachments),
        }),
    }
}
