//! Rules for `scan`: what must come out must be able to come out.

use super::Findings;
use crate::{
    ScenarioStep,
    steps::{FindingCounts, Scan, ScanMode, Scanning},
    template,
};

pub(super) fn check(scan: &Scan, step: &ScenarioStep, findings: &mut Findings<'_>) {
    if scan.mode == ScanMode::Audit && scan.expect == Scanning::Refused {
        let help = "leave the mode out: `enforce` is what refuses";
        findings.note(step.span, "an audit refuses nothing", help);
    }
    if let Some(counts) = scan.findings
        && let Some(message) = contradiction(scan, counts)
    {
        findings.note(
            step.span,
            message,
            "leave `findings` out, or expect something else",
        );
    }
    if let Some(database) = &scan.database
        && !template::has_placeholder(database)
        && !database
            .split_once('/')
            .is_some_and(|(registry, _)| registry.contains(['.', ':']))
    {
        let message = format!("`{database}` does not say in which registry the database is");
        findings.note(
            database.span,
            message,
            "write registry, repository and tag: `${registry}/trivy/trivy-db:2`",
        );
    }
}

/// Counts that cannot be together with what the scan must say.
fn contradiction(scan: &Scan, counts: FindingCounts) -> Option<String> {
    let grave = counts.critical + counts.high;
    let some = counts != FindingCounts::default();
    match scan.expect {
        Scanning::Passed if scan.mode == ScanMode::Enforce && grave > 0 => {
            Some("what is high or critical is not passed by `enforce`".to_owned())
        }
        Scanning::Refused if grave == 0 => {
            Some("a scan that refuses has found something high or critical".to_owned())
        }
        Scanning::NothingToScan | Scanning::CannotTell if some => {
            Some("a scan that looked at nothing has found nothing".to_owned())
        }
        _ => None,
    }
}
