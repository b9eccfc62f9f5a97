//! `plumbline tools`: which programs there are, and fetching them.

use super::{CommandError, toolchain::with_toolchain};
use crate::{
    arguments::{Places, Tools},
    outputs,
};
use plumbline_flux::chain;
use plumbline_model::{ExitCode, Progress};
use plumbline_toolchain::{ProgramState, Toolchain, ToolchainError};
use std::path::Path;

/// Lists or fetches.
pub fn tools(places: &Places, tools: &Tools) -> Result<ExitCode, CommandError> {
    let said = with_toolchain(places, async |toolchain, _, progress| {
        if tools.fetch || tools.link.is_some() || !tools.programs.is_empty() {
            fetch(toolchain, tools, progress).await
        } else {
            Ok(listing(toolchain).await)
        }
    })?;
    outputs::print(&said);
    Ok(ExitCode::Passed)
}

async fn fetch(toolchain: &Toolchain, tools: &Tools, progress: &Progress) -> Result<String, CommandError> {
    let states = toolchain.states().await;
    let all: Vec<_> = states
        .iter()
        .filter(|state| !state.on_demand)
        .map(|state| state.program.as_str())
        .collect();
    let named: Vec<_> = tools.programs.iter().map(String::as_str).collect();
    let fetched = toolchain
        .fetch(if named.is_empty() { &all } else { &named }, progress)
        .await;
    let programs = fetched.map_err(|error| match error {
        ToolchainError::Unknown { .. } => CommandError::Usage(chain(&error)),
        error => CommandError::Toolchain(chain(&error)),
    })?;
    let mut rows = Vec::new();
    for fact in programs.facts() {
        if let (Some(folder), Some(program)) = (&tools.link, programs.path(&fact.name)) {
            link(folder, &fact.name, program)?;
        }
        rows.push([fact.name.clone(), fact.version.clone(), fact.source.to_string()]);
    }
    Ok(table(&rows))
}

/// Puts a link to `program` into `folder`, in place of an older one.
fn link(folder: &Path, name: &str, program: &Path) -> Result<(), CommandError> {
    let place = folder.join(name);
    let linked = std::fs::create_dir_all(folder).and_then(|()| {
        // Whatever is no link is somebody's file: it stays, and the link fails.
        if place.is_symlink() {
            std::fs::remove_file(&place)?;
        }
        std::os::unix::fs::symlink(program, &place)
    });
    linked.map_err(CommandError::machine(format!("cannot link {}", place.display())))
}

async fn listing(toolchain: &Toolchain) -> String {
    let row = |state: ProgramState| {
        let available = match state.available {
            Some(source) => source.to_string(),
            None if state.on_demand => "to be fetched when it is asked for".to_owned(),
            None => "to be fetched".to_owned(),
        };
        let estimate = state
            .estimated
            .map(|time| format!("  (took {} s last time)", time.as_secs()))
            .unwrap_or_default();
        [state.program, state.version, format!("{available}{estimate}")]
    };
    let rows: Vec<_> = toolchain.states().await.into_iter().map(row).collect();
    table(&rows)
}

/// Lines whose columns are as wide as what is in them.
fn table(rows: &[[String; 3]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (names, versions) = (width(0), width(1));
    let line =
        |[name, version, rest]: &[String; 3]| format!("{name:<names$}  {version:<versions$}  {rest}\n");
    rows.iter().map(line).collect()
}
