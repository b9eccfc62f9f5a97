//! Reports: pure folds over the event log.
//!
//! Each report, and the exit code, comes from one [`Summary`], so they cannot disagree.

mod json;
mod junit;
mod summary;
mod terminal;
mod text;

pub use json::{REPORT_VERSION, render_json};
pub use junit::render_junit;
pub use summary::{PhaseResult, RequirementResult, RequirementStatus, ScenarioResult, StepResult, Summary};
pub use terminal::{Palette, render_scenario_end, render_summary};
pub use text::{duration, inert, printable};
