//! The conformance report: what a platform may claim, profile by profile, and how that follows from the tests.
//!
//! Whatever can be derived, [`derive()`] derives, from what was observed and from how each scenario ended: when the report is
//! written, and again when somebody verifies it. Nothing in it is declared.

mod assemble;
mod derive;
mod feature;
mod profile;
mod shape;
mod verify;

pub use verify::{Difference, NotAReport, Verified, verify_conformance};

use crate::Summary;
use serde::Serialize;
use serde_json::Value;

/// Version of the report's shape; within it, fields are only added.
pub const CONFORMANCE_VERSION: &str = "plumbline.conformance/v1alpha1";

/// What the report calls itself.
const KIND: &str = "ConformanceReport";

/// Renders the report. Two runs of the same scenarios on the same platform that end alike give the same bytes, but for
/// the part `run`.
#[must_use]
pub fn render_conformance(summary: &Summary) -> String {
    canonical(&assemble::report(summary))
}

/// The JSON Schema of the report.
#[must_use]
pub fn conformance_schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<shape::Report>()
        .to_value()
}

/// The one way in which a report is written: sorted keys, two blanks for each level, a line feed at the end.
fn canonical(report: &impl Serialize) -> String {
    // Nothing in the shape can fail to serialise: all keys are text, and all numbers are whole.
    let mut value = serde_json::to_value(report).unwrap_or_default();
    value.sort_all_objects();
    format!("{value:#}\n")
}
