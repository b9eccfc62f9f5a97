//! trivy's report in JSON: what was looked at, and what was found.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// The version of the report's shape that is understood.
const SCHEMA: u32 = 2;

/// How grave a vulnerability is, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE", from = "String")]
pub enum Severity {
    /// Nobody has said, or in a word that is not known here.
    #[default]
    Unknown,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// All of them, the gravest first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Unknown];

    /// The word that trivy has for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

impl From<String> for Severity {
    fn from(word: String) -> Self {
        let known = Self::ALL.into_iter().find(|severity| severity.word() == word);
        known.unwrap_or_default()
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// A vulnerability of an installed package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// Its identifier.
    pub id: String,
    /// The package that has it.
    pub package: String,
    /// The version that is installed.
    pub installed: String,
    /// The version that does not have it any more; absent where there is none yet.
    pub fixed: Option<String>,
    /// What it is about, in a few words; may be empty.
    pub title: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            id,
            package,
            installed,
            fixed,
            title,
        } = self;
        write!(formatter, "{severity} {id} in {package} {installed}")?;
        match fixed {
            Some(fixed) => write!(formatter, ", fixed in {fixed}")?,
            None => formatter.write_str(", not fixed yet")?,
        }
        if title.is_empty() {
            return Ok(());
        }
        write!(formatter, ": {title}")
    }
}

/// What trivy says about an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The operating system, as in `debian 12.12`; absent where none was recognised.
    pub system: Option<String>,
    /// How many packages were looked at.
    pub packages: usize,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
}

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is no report.
    #[error("trivy's report is not one")]
    Malformed(#[from] serde_json::Error),
    /// It has another shape than the one that is understood.
    #[error("trivy's report has schema version {found}; plumbline understands {SCHEMA}")]
    Version {
        /// Its version.
        found: u32,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shape {
    schema_version: u32,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    results: Vec<Part>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(rename = "OS")]
    system: Option<System>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct System {
    family: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    #[serde(default)]
    packages: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: String,
    #[serde(default)]
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    severity: Severity,
    #[serde(default)]
    title: String,
}

impl Report {
    /// Reads what trivy wrote with `--format json`.
    ///
    /// # Errors
    /// It is not a report, or one of a version that is not understood.
    pub fn parse(json: &[u8]) -> Result<Self, ReportError> {
        let shape: Shape = serde_json::from_slice(json)?;
        if shape.schema_version != SCHEMA {
            return Err(ReportError::Version {
                found: shape.schema_version,
            });
        }
        let packages = shape.results.iter().map(|part| part.packages.len()).sum();
        let found = shape.results.into_iter().flat_map(|part| part.vulnerabilities);
        Ok(Self {
            system: shape
                .metadata
                .system
                .map(|System { family, name }| format!("{family} {name}").trim_end().to_owned()),
            packages,
            findings: sorted(found.map(Finding::from)),
        })
    }
}

impl From<Vulnerability> for Finding {
    fn from(found: Vulnerability) -> Self {
        Self {
            severity: found.severity,
            id: found.id,
            package: found.pkg_name,
            installed: found.installed_version,
            fixed: (!found.fixed_version.is_empty()).then_some(found.fixed_version),
            title: found.title,
        }
    }
}

/// Each finding once, the gravest first.
pub(super) fn sorted(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let by_place: BTreeMap<_, _> = findings
        .into_iter()
        .map(|finding| {
            let place = (
                std::cmp::Reverse(finding.severity),
                finding.id.clone(),
                finding.package.clone(),
                finding.installed.clone(),
            );
            (place, finding)
        })
        .collect();
    by_place.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vulnerability(id: &str, severity: &str) -> String {
        format!(
            r#"{{"VulnerabilityID": "{id}", "PkgName": "quillpress", "InstalledVersion": "1", "Severity": "{severity}", "New": 1}}"#
        )
    }

    fn report(vulnerabilities: &[String]) -> Result<Report, ReportError> {
        let text = format!(
            r#"{{"SchemaVersion": 2, "Metadata": {{"OS": {{"Family": "debian", "Name": "12.12"}}}},
                "Results": [{{"Class": "os-pkgs", "Packages": [{{}}, {{}}], "Vulnerabilities": [{}]}}, {{}}]}}"#,
            vulnerabilities.join(",")
        );
        Report::parse(text.as_bytes())
    }

    #[test]
    fn the_gravest_comes_first_and_nothing_twice() {
        let low = vulnerability("B", "LOW");
        let odd = vulnerability("C", "NEGLIGIBLE");
        let report = report(&[low.clone(), odd, vulnerability("A", "CRITICAL"), low]).unwrap();
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|finding| finding.id.as_str())
            .collect();
        assert_eq!(found, ["A", "B", "C"]);
        assert_eq!(report.findings[2].severity, Severity::Unknown);
        assert_eq!(
            (report.packages, report.system.as_deref()),
            (2, Some("debian 12.12"))
        );
    }

    #[test]
    fn a_finding_reads_as_a_sentence() {
        let mut finding = report(&[vulnerability("A", "HIGH")]).unwrap().findings.remove(0);
        assert_eq!(finding.to_string(), "HIGH A in quillpress 1, not fixed yet");
        finding.fixed = Some("2".to_owned());
        finding.title = "it runs".to_owned();
        assert_eq!(finding.to_string(), "HIGH A in quillpress 1, fixed in 2: it runs");
    }

    #[test]
    fn an_image_in_which_nothing_was_recognised_has_neither_system_nor_results() {
        let report = Report::parse(br#"{"SchemaVersion": 2, "Metadata": {"ImageID": "x"}}"#).unwrap();
        assert_eq!(report, Report::default());
    }

    #[test]
    fn what_is_no_report_of_this_version_is_refused() {
        for text in ["", "{", "[]", "{}", r#"{"SchemaVersion": "2"}"#] {
            assert!(
                matches!(Report::parse(text.as_bytes()), Err(ReportError::Malformed(_))),
                "{text}"
            );
        }
        let newer = Report::parse(br#"{"SchemaVersion": 3}"#).unwrap_err();
        assert_eq!(
            newer.to_string(),
            "trivy's report has schema version 3; plumbline understands 2"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Report::parse(&bytes);
        }

        #[test]
        fn a_report_that_is_cut_short_is_never_read(cut in 0usize..100) {
            let whole = format!(r#"{{"SchemaVersion": 2, "Results": [{{"Vulnerabilities": [{}]}}]}}"#, vulnerability("A", "HIGH"));
            let end = cut * (whole.len() - 1) / 100;
            prop_assert!(Report::parse(&whole.as_bytes()[..end]).is_err());
        }
    }
}
