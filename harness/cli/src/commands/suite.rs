//! Loading the scenarios of the project, and those that the user names besides.

use super::CommandError;
use crate::{arguments::Selection as Chosen, directories::Directories};
use plumbline_flux::{Fixtures, PLATFORM_PROGRAMS, PLATFORM_REPOSITORIES, names::ENVIRONMENTS};
use plumbline_scenario::{Selection, Suite, Vocabulary, scenario_files};
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// The programs that an `exec` step may run.
const EXEC_PROGRAMS: [&str; 6] = ["cosign", "cosign@3.1.3", "crane", "git", "helm", "kubectl"];

/// Loads every scenario of the project and of the paths, and gives the selection that the user means.
///
/// # Errors
/// Every error of every file.
pub fn load(directories: &Directories, chosen: &Chosen) -> Result<(Suite, Selection), CommandError> {
    let root = directories.scenarios();
    // Reports name files as one would type them here, so that they are the same on every machine.
    let current = std::env::current_dir()
        .and_then(|folder| folder.canonicalize())
        .unwrap_or_default();
    let shown = |path: PathBuf| path.strip_prefix(&current).map(Path::to_owned).unwrap_or(path);
    let root = root.canonicalize().map(shown).map_err(unreadable(&root))?;
    let mut files = scenarios_in(&root)?;
    let mut selection = Selection {
        names: chosen.name.clone(),
        tags: chosen.tag.clone(),
        ..Selection::default()
    };
    for path in &chosen.paths {
        let real = real_path(path).map(shown).map_err(|source| match source.kind() {
            ErrorKind::NotFound => {
                let path = path.display();
                CommandError::Usage(format!(
                    "there is no {path}; name a scenario file or a folder of them"
                ))
            }
            _ => unreadable(path)(source),
        })?;
        match current.join(&real).is_dir() {
            true => files.extend(scenarios_in(&real)?),
            false => files.push(real.clone()),
        }
        selection.paths.push(real);
    }
    files.sort();
    files.dedup();
    let vocabulary = Vocabulary {
        systems: Fixtures::new(directories.project.join("fixtures")).systems()?,
        programs: EXEC_PROGRAMS.map(str::to_owned).into(),
        environments: ENVIRONMENTS.map(str::to_owned).into(),
        repositories: PLATFORM_REPOSITORIES.map(str::to_owned).into(),
        controllers: PLATFORM_PROGRAMS.map(str::to_owned).into(),
    };
    let suite = plumbline_scenario::load(&files, &root, &vocabulary).map_err(CommandError::Scenarios)?;
    Ok((suite, selection))
}

/// A path without links, but for a file that is one itself: its name is that of its scenario, and where it leads is looked at when it is read.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    let whole = path.canonicalize()?;
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !whole.is_dir() => {
            let folder = match parent.as_os_str().is_empty() {
                true => Path::new("."),
                false => parent,
            };
            Ok(folder.canonicalize()?.join(name))
        }
        _ => Ok(whole),
    }
}

fn scenarios_in(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    scenario_files(folder).map_err(|error| unreadable(folder)(io::Error::other(error)))
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> CommandError {
    let path = path.to_owned();
    move |source| CommandError::Unreadable { path, source }
}
