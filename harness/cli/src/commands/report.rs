//! `plumbline report`: the reports of a recorded run, and its exit code, again.

use super::CommandError;
use crate::{arguments::Report, display::palette, outputs, signature::Signer};
use plumbline_model::{ExitCode, read_log};
use plumbline_report::{Summary, render_scenario_end, render_summary};
use std::{io::IsTerminal as _, path::Path};

/// Renders.
pub fn report(report: &Report) -> Result<ExitCode, CommandError> {
    let summary = read(&report.log)?;
    outputs::check_writable(report.outputs.paths()).map_err(CommandError::misnamed)?;
    let signer = Signer::of(&report.outputs)?;
    let palette = palette(std::io::stdout().is_terminal());
    for result in &summary.scenarios {
        outputs::print(&render_scenario_end(result, palette));
    }
    outputs::print(&render_summary(&summary, palette));
    outputs::write_reports(&summary, &report.outputs, signer.as_ref())?;
    Ok(summary.exit_code())
}

/// Reads the log of a run that is over.
pub(super) fn read(path: &Path) -> Result<Summary, CommandError> {
    let unusable = |why: String| CommandError::Usage(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path)
        .map_err(|error| CommandError::Usage(format!("cannot read {}: {error}", path.display())))?;
    // The bytes of a torn last line need not be text.
    let log = read_log(&String::from_utf8_lossy(&bytes)).map_err(|error| unusable(error.to_string()))?;
    Summary::recorded(&log).map_err(|error| unusable(error.to_string()))
}
