//! What follows from the ends of all passes of a scan.

use super::report::{Finding, Report, Severity, sorted};
use serde::Serialize;

/// How one call of trivy ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassEnd {
    /// Its exit code; absent where a signal or a deadline ended it.
    pub exit: Option<i32>,
    /// The report that it wrote, if it wrote one.
    pub report: Option<Vec<u8>>,
    /// What it said beside it.
    pub said: String,
}

/// What a scan says about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Packages were looked at and nothing was found.
    Clean,
    /// Something was found, nothing that the scan refuses.
    Allowed,
    /// There are no packages that trivy knows, so nothing was looked at. It is not the same as clean.
    NothingToScan,
    /// Something was found that the scan refuses.
    Refused,
    /// The scan did not come to an end, or its report cannot be read: nothing is known about the image.
    CannotTell,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Allowed => "findings that are allowed",
            Self::NothingToScan => "nothing to scan: no OS packages",
            Self::Refused => "refused",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// The result of a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scanned {
    /// What it says about the image.
    pub verdict: Verdict,
    /// Why nothing can be told; present with that verdict alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The operating system of the image, if it has one.
    pub system: Option<String>,
    /// How many packages were looked at.
    pub packages: usize,
    /// What was found by all passes, the gravest first.
    pub findings: Vec<Finding>,
}

impl Scanned {
    /// Judges the passes of a scan. One that failed makes the whole scan worthless, whatever the others say.
    #[must_use]
    pub fn judge(passes: &[PassEnd]) -> Self {
        let mut scanned = Self {
            verdict: Verdict::Clean,
            reason: None,
            system: None,
            packages: 0,
            findings: Vec::new(),
        };
        if passes.is_empty() {
            scanned.fail("trivy was not run".to_owned());
        }
        let mut refused = false;
        for pass in passes {
            let report = match readable(pass) {
                Ok(report) => report,
                Err(reason) => {
                    scanned.fail(reason);
                    continue;
                }
            };
            refused |= pass.exit != Some(0);
            scanned.system = scanned.system.or(report.system);
            scanned.packages = scanned.packages.max(report.packages);
            scanned.findings.extend(report.findings);
        }
        scanned.findings = sorted(std::mem::take(&mut scanned.findings));
        let verdict = match (refused, scanned.findings.is_empty(), scanned.packages) {
            (true, ..) => Verdict::Refused,
            (_, false, _) => Verdict::Allowed,
            (_, true, 0) => Verdict::NothingToScan,
            (_, true, _) => Verdict::Clean,
        };
        scanned.verdict = scanned.verdict.max(verdict);
        scanned
    }

    fn fail(&mut self, reason: String) {
        self.verdict = Verdict::CannotTell;
        self.reason.get_or_insert(reason);
    }

    /// How many findings there are of `severity`.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let of_severity = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(of_severity).count()
    }

    /// The verdict, and below it, line by line, what was found or why nothing can be told.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.verdict.words().to_owned();
        if let Some(reason) = &self.reason {
            text = format!("{text}: {reason}");
        }
        for finding in &self.findings {
            text = format!("{text}\n{finding}");
        }
        text
    }
}

/// The report of a pass that came to its end. An exit code other than 0 is an answer only if the report says what for.
fn readable(pass: &PassEnd) -> Result<Report, String> {
    let Some(exit) = pass.exit else {
        return Err(format!(
            "trivy was ended before it was done: {}",
            complaint(&pass.said)
        ));
    };
    let Some(report) = &pass.report else {
        return Err(format!(
            "trivy ended with {exit} and no report: {}",
            complaint(&pass.said)
        ));
    };
    let report = Report::parse(report).map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })?;
    if exit != 0 && report.findings.is_empty() {
        return Err(format!(
            "trivy ended with {exit} although it found nothing: {}",
            complaint(&pass.said)
        ));
    }
    Ok(report)
}

/// The line in which trivy says why it gives up, with what belongs to it; else its last line.
fn complaint(said: &str) -> String {
    let lines: Vec<_> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let fatal = lines.iter().position(|line| line.contains("\tFATAL\t"));
    let chosen = match fatal {
        Some(at) => &lines[at..],
        None => &lines[lines.len().saturating_sub(1)..],
    };
    let text = chosen.join(" ");
    let text = text
        .rsplit_once("Fatal error\t")
        .map_or(text.as_str(), |(_, told)| told);
    match text {
        "" => "it said nothing".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = r#"{"SchemaVersion": 2, "Results": [{"Packages": [{}], "Vulnerabilities":
        [{"VulnerabilityID": "A", "PkgName": "p", "InstalledVersion": "1", "FixedVersion": "2", "Severity": "HIGH"}]}]}"#;
    const CLEAN: &str = r#"{"SchemaVersion": 2, "Results": [{"Packages": [{}]}]}"#;
    const EMPTY: &str = r#"{"SchemaVersion": 2}"#;

    fn pass(exit: i32, report: &str) -> PassEnd {
        PassEnd {
            exit: Some(exit),
            report: Some(report.into()),
            said: String::new(),
        }
    }

    fn verdict(passes: &[PassEnd]) -> Verdict {
        Scanned::judge(passes).verdict
    }

    #[test]
    fn each_end_has_its_verdict() {
        assert_eq!(verdict(&[pass(0, CLEAN)]), Verdict::Clean);
        assert_eq!(verdict(&[pass(0, FOUND)]), Verdict::Allowed);
        assert_eq!(verdict(&[pass(0, EMPTY)]), Verdict::NothingToScan);
        assert_eq!(verdict(&[pass(0, CLEAN), pass(1, FOUND)]), Verdict::Refused);
    }

    #[test]
    fn a_scan_that_failed_is_never_fine_nor_refused() {
        let gone = PassEnd::default();
        let silent = PassEnd {
            exit: Some(0),
            ..gone.clone()
        };
        for failed in [
            gone,
            silent,
            pass(0, "{"),
            pass(1, CLEAN),
            pass(1, EMPTY),
            pass(2, EMPTY),
        ] {
            for others in [vec![], vec![pass(0, CLEAN)], vec![pass(1, FOUND)]] {
                let before = [others.clone(), vec![failed.clone()]].concat();
                let after = [vec![failed.clone()], others].concat();
                assert_eq!(verdict(&before), Verdict::CannotTell, "{before:?}");
                assert_eq!(verdict(&after), Verdict::CannotTell, "{after:?}");
            }
        }
        assert_eq!(verdict(&[]), Verdict::CannotTell);
    }

    #[test]
    fn the_reason_is_what_trivy_gives_up_with() {
        let said = "2026-01-01T00:00:00Z\tINFO\t[vulndb] Need to update DB\n\
            2026-01-01T00:00:00Z\tFATAL\tFatal error\trun error: DB error: 1 error occurred:\n\t* GET /v2/: refused\n\n";
        let failed = PassEnd {
            exit: Some(1),
            report: None,
            said: said.to_owned(),
        };
        let scanned = Scanned::judge(&[failed]);
        assert_eq!(
            scanned.text(),
            "cannot tell: trivy ended with 1 and no report: run error: DB error: 1 error occurred: * GET /v2/: refused"
        );
        assert_eq!(complaint("a\nb\n"), "b");
        assert_eq!(complaint(" \n"), "it said nothing");
    }

    #[test]
    fn what_several_passes_find_is_told_once() {
        let scanned = Scanned::judge(&[pass(0, FOUND), pass(1, FOUND)]);
        assert_eq!(scanned.count(Severity::High), 1);
        assert_eq!(scanned.text(), "refused\nHIGH A in p 1, fixed in 2");
    }
}
