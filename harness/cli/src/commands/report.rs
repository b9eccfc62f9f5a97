//! `plumbline report`: the reports of a recorded run, and its exit code, again.

use super::{CommandError, recorded::read_all};
use crate::{arguments::Report, display::palette, outputs, reports::Reports};
use plumbline_model::ExitCode;
use plumbline_report::render_scenario_end;
use std::io::IsTerminal as _;

/// Renders.
pub fn report(report: &Report) -> Result<ExitCode, CommandError> {
    let summary = read_all(&report.logs)?;
    let reports = Reports::new(&report.outputs, &report.logs)?;
    let palette = palette(std::io::stdout().is_terminal());
    for result in &summary.scenarios {
        outputs::print(&render_scenario_end(result, palette));
    }
    reports.tell(&summary)?;
    Ok(summary.exit_code())
}
