//! Scans images for known vulnerabilities.

use super::images::ImageSelection;
use crate::{Located, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Scans images by the template of the platform's pipeline and says what must come out. Output: `images`, `packages`,
/// `critical`, `high`, `medium`, `low`, `unknown`, `ids`, `exit`, `reason`, `reached`, `refused`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// Which images, by the names under which they are scanned.
    pub images: ImageSelection,
    /// What the scan does about what it finds.
    #[serde(default)]
    pub mode: ScanMode,
    /// What must come out, for each of them.
    #[serde(default)]
    pub expect: Scanning,
    /// How many findings there must be in all of them together, by severity; none of those that are not named.
    #[serde(default)]
    pub findings: Option<FindingCounts>,
    /// Another vulnerability database than that of the platform: repository and tag in a registry.
    #[serde(default)]
    pub database: Option<Located<String>>,
    /// How long it may take.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

/// What a scan does about what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScanMode {
    /// Reports and passes.
    Audit,
    /// Refuses HIGH and CRITICAL, informs about LOW and MEDIUM.
    #[default]
    Enforce,
}

/// What a scan says about an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scanning {
    /// Packages were looked at, and nothing was found that the mode refuses.
    #[default]
    Passed,
    /// Something was found that the mode refuses.
    Refused,
    /// The image has no OS packages, so nothing was looked at.
    NothingToScan,
    /// The scan itself failed.
    CannotTell,
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FindingCounts {
    /// CRITICAL.
    pub critical: usize,
    /// HIGH.
    pub high: usize,
    /// MEDIUM.
    pub medium: usize,
    /// LOW.
    pub low: usize,
    /// UNKNOWN.
    pub unknown: usize,
}

impl fmt::Display for FindingCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            critical,
            high,
            medium,
            low,
            unknown,
        } = self;
        write!(
            formatter,
            "{critical} critical, {high} high, {medium} medium, {low} low, {unknown} unknown"
        )
    }
}

impl Scan {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(60);
    /// What later steps can read.
    pub const OUTPUT: &'static [&'static str] = &[
        "images", "packages", "critical", "high", "medium", "low", "unknown", "ids", "exit", "reason",
        "reached", "refused",
    ];
}

impl fmt::Display for Scan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            ScanMode::Audit => "audit",
            ScanMode::Enforce => "enforce",
        };
        let expected = match self.expect {
            Scanning::Passed => "passed",
            Scanning::Refused => "refused",
            Scanning::NothingToScan => "nothing to scan",
            Scanning::CannotTell => "cannot tell",
        };
        write!(formatter, "scan {}, {mode}: {expected}", self.images)
    }
}
