//! The requirements in the summary of a run.

use super::Palette;
use crate::{RequirementResult, RequirementStatus, ScenarioResult, Summary, text::printable};
use plumbline_model::Level;
use std::fmt::Write as _;

/// Each requirement that some scenario has proved or should have, and how many others there are.
pub(super) fn render_requirements(out: &mut String, summary: &Summary, palette: Palette) {
    let results = summary.requirements();
    let (not_run, told): (Vec<_>, Vec<_>) = results
        .iter()
        .partition(|result| result.status == RequirementStatus::NotRun);
    if told.is_empty() {
        return;
    }
    let (forborne, run): (Vec<_>, Vec<_>) = told.into_iter().partition(|result| is_forborne(result, summary));
    let _ = writeln!(out, "\n{}", palette.bold("Requirements"));
    for result in run {
        render_result(out, result, palette);
    }
    if let Some(counts) = counts(&forborne) {
        let _ = writeln!(out, "  skipped: {counts} take more than is done on this cluster");
    }
    if let Some(counts) = counts(&not_run) {
        let _ = writeln!(out, "  not run: {counts} have no scenario in this run");
    }
}

/// Whether its scenarios were left out because they do more than is done on this cluster.
fn is_forborne(result: &RequirementResult, summary: &Summary) -> bool {
    let mut scenarios = result.scenarios.iter().map(|id| summary.scenario(id));
    result.status == RequirementStatus::Skipped
        && scenarios.all(|scenario| scenario.is_some_and(ScenarioResult::is_forborne))
}

fn render_result(out: &mut String, result: &RequirementResult, palette: Palette) {
    let code = match result.status {
        RequirementStatus::Passed => "32",
        RequirementStatus::Failed | RequirementStatus::Errored => "1;31",
        _ => "33",
    };
    let level = match result.level {
        Level::Core => "core",
        Level::Extended => "ext ",
    };
    let _ = writeln!(
        out,
        "  {}  {level}  {:<13} {}",
        palette.paint(code, &format!("{:<9}", result.status.word())),
        result.id,
        result.statement
    );
    if result.status != RequirementStatus::Passed {
        let scenarios = printable(&result.scenarios.join(", "));
        let _ = writeln!(out, "                   see {scenarios}");
    }
}

/// How many of each level there are, if there are any.
fn counts(results: &[&RequirementResult]) -> Option<String> {
    let of = |level| results.iter().filter(|result| result.level == level).count();
    let (core, extended) = (of(Level::Core), of(Level::Extended));
    (!results.is_empty()).then(|| format!("{core} core and {extended} extended requirements"))
}
