//! Scans images and compares what came out with what must.

use super::{ScenarioState, images::chosen};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use plumbline_flux::{ImageScan, VerbError};
use plumbline_images::{
    ImageName,
    scan::{Finding, Scanned, Severity, Verdict},
};
use plumbline_scenario::steps::{FindingCounts, Scan, ScanMode, Scanning};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

/// How many images are scanned at once.
const SIDE_BY_SIDE: usize = 2;

pub(super) async fn scan(scan: &Scan, state: &mut ScenarioState, within: Duration) -> Result<(), VerbError> {
    let images = chosen(&scan.images, state)?;
    state
        .waiting
        .saw(&format!("the scan of {} to end", scan.images), "under way");
    let database = scan.database.as_ref().map(|database| database.as_str());
    // Boxed before they are collected: rust-lang/rust#104382.
    let scans: Vec<_> = images
        .iter()
        .map(|image| state.platform.scan(image, mode(scan.mode), database).boxed())
        .collect();
    let scanning = stream::iter(scans).buffered(SIDE_BY_SIDE).try_collect::<Vec<_>>();
    let Ok(scanned) = tokio::time::timeout(within, scanning).await else {
        let message = format!(
            "the scan of {} was not over within {} s",
            scan.images,
            within.as_secs()
        );
        let actual = "still running; it was stopped, so nothing is known";
        return Err(VerbError::mismatch(message, words(scan.expect), actual));
    };
    let mut sum = Sum::default();
    for (image, scanned) in images.iter().zip(scanned?) {
        judge(image, &scanned.scanned, scan)?;
        sum.add(scanned);
    }
    if let Some(expected) = scan.findings
        && expected != sum.counts
    {
        return Err(VerbError::mismatch(
            format!("the scan of {} found something else than expected", scan.images),
            expected.to_string(),
            sum.text(),
        ));
    }
    let Sum { counts, .. } = sum;
    let ids: BTreeSet<_> = sum.findings.iter().map(|finding| &finding.id).collect();
    let output = json!({
        "images": images.len(),
        "packages": sum.packages,
        "critical": counts.critical,
        "high": counts.high,
        "medium": counts.medium,
        "low": counts.low,
        "unknown": counts.unknown,
        "ids": ids,
        "exit": sum.exit,
        "reason": sum.reasons.join("; "),
        "reached": sum.reached,
        "refused": sum.refused,
    });
    state.leave(scan.output.as_ref(), output);
    Ok(())
}

/// What the scans of a step come to together.
#[derive(Default)]
struct Sum {
    counts: FindingCounts,
    findings: Vec<Finding>,
    packages: usize,
    exit: Option<i32>,
    /// Why nothing can be told of an image.
    reasons: Vec<String>,
    reached: BTreeSet<String>,
    refused: BTreeSet<String>,
}

impl Sum {
    fn add(&mut self, scan: ImageScan) {
        for finding in &scan.scanned.findings {
            *self.of(finding.severity) += 1;
        }
        self.packages += scan.scanned.packages;
        self.exit = scan.exit.max(self.exit);
        self.findings.extend(scan.scanned.findings);
        self.reasons.extend(scan.scanned.reason);
        self.reached.extend(scan.reached);
        self.refused.extend(scan.refused);
    }

    const fn of(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Critical => &mut self.counts.critical,
            Severity::High => &mut self.counts.high,
            Severity::Medium => &mut self.counts.medium,
            Severity::Low => &mut self.counts.low,
            Severity::Unknown => &mut self.counts.unknown,
        }
    }

    fn text(&self) -> String {
        let lines =
            std::iter::once(self.counts.to_string()).chain(self.findings.iter().map(ToString::to_string));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn judge(image: &ImageName, scanned: &Scanned, scan: &Scan) -> Result<(), VerbError> {
    let found = match scanned.verdict {
        Verdict::Clean | Verdict::Allowed => Scanning::Passed,
        Verdict::Refused => Scanning::Refused,
        Verdict::NothingToScan => Scanning::NothingToScan,
        Verdict::CannotTell => Scanning::CannotTell,
    };
    if found == scan.expect {
        return Ok(());
    }
    let message = format!("the scan of {image} did not come out as expected");
    Err(VerbError::mismatch(message, words(scan.expect), scanned.text()))
}

const fn mode(mode: ScanMode) -> plumbline_images::scan::ScanMode {
    match mode {
        ScanMode::Audit => plumbline_images::scan::ScanMode::Audit,
        ScanMode::Enforce => plumbline_images::scan::ScanMode::Enforce,
    }
}

const fn words(expected: Scanning) -> &'static str {
    match expected {
        Scanning::Passed => "passed: packages were looked at, and nothing was found that the mode refuses",
        Scanning::Refused => "refused: something high or critical that can be fixed",
        Scanning::NothingToScan => "nothing to scan: no OS packages",
        Scanning::CannotTell => "cannot tell: the scan itself fails",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_scenario::steps::ImageSelection;

    fn scanned(verdict: Verdict) -> Scanned {
        Scanned {
            verdict,
            reason: None,
            system: None,
            packages: 1,
            findings: vec![Finding {
                severity: Severity::High,
                id: "CVE-0000-0003".to_owned(),
                package: "quillpress".to_owned(),
                installed: "1".to_owned(),
                fixed: None,
                title: String::new(),
            }],
        }
    }

    fn step(expect: Scanning) -> Scan {
        Scan {
            images: ImageSelection::default(),
            mode: ScanMode::Enforce,
            expect,
            findings: None,
            database: None,
            within: None,
            output: None,
        }
    }

    #[test]
    fn each_verdict_meets_one_expectation_and_no_other() {
        let image = "ghcr.io/a/b:1".parse().unwrap();
        for (verdict, meets) in [
            (Verdict::Clean, Scanning::Passed),
            (Verdict::Allowed, Scanning::Passed),
            (Verdict::Refused, Scanning::Refused),
            (Verdict::NothingToScan, Scanning::NothingToScan),
            (Verdict::CannotTell, Scanning::CannotTell),
        ] {
            for expect in [
                Scanning::Passed,
                Scanning::Refused,
                Scanning::NothingToScan,
                Scanning::CannotTell,
            ] {
                let judged = judge(&image, &scanned(verdict), &step(expect));
                assert_eq!(judged.is_ok(), expect == meets, "{verdict:?} {expect:?}");
            }
        }
    }

    #[test]
    fn a_sum_counts_by_severity_and_says_what_was_found() {
        let mut sum = Sum::default();
        for exit in [0, 1] {
            sum.add(ImageScan {
                scanned: scanned(Verdict::Refused),
                exit: Some(exit),
                reached: BTreeSet::new(),
                refused: BTreeSet::new(),
            });
        }
        assert_eq!((sum.counts.high, sum.packages, sum.exit), (2, 2, Some(1)));
        let text = sum.text();
        assert!(
            text.starts_with("0 critical, 2 high, 0 medium, 0 low, 0 unknown\nHIGH CVE-0000-0003"),
            "{text}"
        );
    }
}
