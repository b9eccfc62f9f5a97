//! `plumbline gc`: removes what killed runs have left behind.

use super::{CommandError, count, toolchain::with_toolchain};
use crate::{arguments::Places, directories::Directories, outputs};
use plumbline_cluster::{
    docker::Docker,
    kind::{Swept, sweep},
};
use plumbline_flux::chain;
use plumbline_model::ExitCode;

/// Collects, and says what it found.
pub fn gc(places: &Places) -> Result<ExitCode, CommandError> {
    let directories = Directories::resolve(places)?;
    let collected = plumbline_keeper::gc::collect(&directories.runs)?;
    let mut code = ExitCode::Passed;
    for found in &collected {
        let path = found.path.display();
        match &found.problem {
            None => outputs::print(&format!(
                "removed {path}, ended {}\n",
                count(found.ended.len(), "process")
            )),
            Some(problem) => {
                code = ExitCode::LeftBehind;
                outputs::complain(&format!("{path} is left behind: {problem}"));
            }
        }
    }
    let swept = sweep_engine(places, &directories)?;
    for Swept { kind, name } in &swept {
        outputs::print(&format!("removed the {kind} {name}\n"));
    }
    if collected.is_empty() && swept.is_empty() {
        outputs::print("nothing was left behind\n");
    }
    Ok(code)
}

/// What a container engine still holds for killed runs; a machine without one has none of it.
fn sweep_engine(places: &Places, directories: &Directories) -> Result<Vec<Swept>, CommandError> {
    let has_client = directories
        .search_path
        .iter()
        .any(|folder| folder.join("docker").is_file());
    if !has_client {
        return Ok(Vec::new());
    }
    with_toolchain(places, async |_, keeper, _| {
        let docker = Docker::find(keeper, &directories.search_path, &directories.environment);
        let swept = match docker {
            Ok(docker) => sweep(&docker).await,
            Err(error) => Err(error.into()),
        };
        swept.map_err(|error| CommandError::Engine(chain(&error)))
    })
}
