//! Reports: pure folds over the event log.
//!
//! Each report, and the exit code, comes from one [`Summary`], so they cannot disagree.

mod conformance;
mod difference;
mod environments;
mod html;
mod json;
mod junit;
mod markdown;
mod reproduction;
mod running;
mod services;
mod summary;
mod terminal;
mod text;

pub use conformance::{
    CONFORMANCE_VERSION, Difference, NotAReport, Verified, conformance_schema, render_conformance,
    verify_conformance,
};
pub use difference::{DifferenceLine, difference};
pub use environments::{Environments, NotATable, render_table};
pub use html::{HtmlError, render_html};
pub use json::{REPORT_VERSION, render_json, report_schema};
pub use junit::render_junit;
pub use running::render_running;
pub use services::{Repository, render_azure, render_github, render_step_summary};
pub use summary::{
    AttemptResult, CleanUp, Egress, Measurement, MergeError, NotARun, Note, PhaseResult, RequirementResult,
    RequirementStatus, ScenarioResult, ShardResult, StepResult, Summary, Trouble, Wait, merge,
};
pub use terminal::{Palette, render_scenario_end, render_summary};
pub use text::{duration, inert, printable};
