//! `plumbline report`: the reports of a recorded run, and its exit code, again.

use super::CommandError;
use crate::{arguments::Report, display::palette, outputs};
use plumbline_model::{Event, ExitCode, Fault, FaultClass, LogEntry, read_log};
use plumbline_report::{Summary, render_scenario_end, render_summary};
use std::{io::IsTerminal as _, path::Path};

/// Renders.
pub fn report(report: &Report) -> Result<ExitCode, CommandError> {
    let summary = Summary::fold(&read(&report.log)?);
    outputs::check_writable(report.outputs.paths()).map_err(CommandError::misnamed)?;
    let palette = palette(std::io::stdout().is_terminal());
    for result in &summary.scenarios {
        outputs::print(&render_scenario_end(result, palette));
    }
    outputs::print(&render_summary(&summary, palette));
    outputs::write_reports(&summary, &report.outputs)?;
    Ok(summary.exit_code())
}

/// Reads the log of a run. One that breaks off is that of a run that was killed: no report of it may be green.
fn read(path: &Path) -> Result<Vec<LogEntry>, CommandError> {
    let unusable = |why: &str| CommandError::Usage(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path)
        .map_err(|error| CommandError::Usage(format!("cannot read {}: {error}", path.display())))?;
    // The bytes of a torn last line need not be text.
    let mut log = read_log(&String::from_utf8_lossy(&bytes)).map_err(|error| unusable(&error.to_string()))?;
    if !matches!(
        log.first(),
        Some(LogEntry {
            event: Event::RunStarted { .. },
            ..
        })
    ) {
        return Err(unusable("it is not the event log of a run"));
    }
    let last = log
        .last()
        .filter(|entry| !matches!(entry.event, Event::RunFinished { .. }));
    if let Some(LogEntry { at, .. }) = last {
        let fault = Fault {
            class: FaultClass::Environment,
            message: "the log breaks off: the run was killed before its end".to_owned(),
            attachments: Vec::new(),
        };
        log.push(LogEntry {
            at: *at,
            event: Event::RunErrored { fault },
        });
    }
    Ok(log)
}
