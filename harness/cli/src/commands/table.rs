//! `plumbline table`: what several environments found, side by side.

use super::{CommandError, recorded::read};
use crate::{
    arguments::Table,
    outputs::{check_distinct, check_writable, print, write_whole},
};
use plumbline_model::ExitCode;
use plumbline_report::{Environments, render_table};

/// Makes the table. What stands in it has no say in the exit code: each run had its own.
pub fn table(table: &Table) -> Result<ExitCode, CommandError> {
    let runs = table
        .logs
        .iter()
        .map(|path| Ok((path.display().to_string(), read(path)?)));
    let runs = runs.collect::<Result<Vec<_>, CommandError>>()?;
    let environments = Environments::new(runs).map_err(|error| CommandError::Usage(error.to_string()))?;
    let Some(output) = &table.output else {
        print(&render_table(&environments));
        return Ok(ExitCode::Passed);
    };
    check_distinct(table.logs.iter().chain([output])).map_err(CommandError::misnamed)?;
    check_writable([output]).map_err(CommandError::misnamed)?;
    write_whole(output, &render_table(&environments))?;
    Ok(ExitCode::Passed)
}
