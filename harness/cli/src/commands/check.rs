//! `plumbline check` and `plumbline list`: scenario files without a cluster.

use super::{CommandError, count, load};
use crate::{
    arguments::{Places, Selection},
    directories::Directories,
    outputs,
};
use plumbline_model::ExitCode;
use std::fmt::Write as _;

/// Checks every scenario file and says how many there are.
pub fn check(places: &Places, chosen: &Selection) -> Result<ExitCode, CommandError> {
    let (suite, selection) = load(&Directories::resolve(places)?, chosen)?;
    let plan = suite.plan(&selection)?;
    outputs::print(&format!(
        "{} checked, all valid\n",
        count(plan.scenarios.len(), "scenario")
    ));
    Ok(ExitCode::Passed)
}

/// Lists the selected scenarios in the order in which they would run.
pub fn list(places: &Places, chosen: &Selection) -> Result<ExitCode, CommandError> {
    let (suite, selection) = load(&Directories::resolve(places)?, chosen)?;
    let mut out = String::new();
    for planned in &suite.plan(&selection)?.scenarios {
        let scenario = &planned.scenario;
        let proves: Vec<_> = scenario
            .requirements
            .iter()
            .map(|requirement| requirement.value.to_string())
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{}\n    {}\n    proves {}",
            scenario.id,
            scenario.claim,
            proves.join(", ")
        );
    }
    outputs::print(&plumbline_report::printable(&out));
    Ok(ExitCode::Passed)
}
