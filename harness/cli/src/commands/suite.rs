//! Loading the scenarios of the project, and those that the user names besides.

use super::CommandError;
use crate::{arguments::Selection as Chosen, directories::Directories};
use plumbline_flux::{Fixtures, PLATFORM_REPOSITORIES, names::ENVIRONMENTS};
use plumbline_scenario::{Selection, Suite, Vocabulary, scenario_files};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The programs that an `exec` step may run.
const EXEC_PROGRAMS: [&str; 5] = ["cosign", "crane", "git", "helm", "kubectl"];

/// Loads every scenario of the project and of the paths, and gives the selection that the user means.
///
/// # Errors
/// Every error of every file.
pub fn load(directories: &Directories, chosen: &Chosen) -> Result<(Suite, Selection), CommandError> {
    let root = directories.scenarios();
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| CommandError::Unreadable { path, source }
    };
    // Reports name files as one would type them here, so that they are the same on every machine.
    let current = std::env::current_dir()
        .and_then(|folder| folder.canonicalize())
        .unwrap_or_default();
    let shown = |path: PathBuf| path.strip_prefix(&current).map(Path::to_owned).unwrap_or(path);
    let mut files = scenario_files(&root).map_err(unreadable(&root))?;
    let mut selection = Selection {
        paths: Vec::new(),
        names: chosen.name.clone(),
    };
    for path in &chosen.paths {
        let real = path.canonicalize().map_err(|source| match source.kind() {
            ErrorKind::NotFound => {
                let path = path.display();
                CommandError::Usage(format!(
                    "there is no {path}; name a scenario file or a folder of them"
                ))
            }
            _ => unreadable(path)(source),
        })?;
        let found = if real.is_dir() {
            scenario_files(&real).map_err(unreadable(path))?
        } else {
            vec![real.clone()]
        };
        files.extend(found);
        selection.paths.push(shown(real));
    }
    let mut files = files
        .into_iter()
        .map(|file| file.canonicalize().map(&shown).map_err(unreadable(&file)))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    files.sort();
    files.dedup();
    let root = root.canonicalize().map(&shown).map_err(unreadable(&root))?;
    let vocabulary = Vocabulary {
        systems: Fixtures::new(directories.project.join("fixtures")).systems()?,
        programs: EXEC_PROGRAMS.map(str::to_owned).into(),
        environments: ENVIRONMENTS.map(str::to_owned).into(),
        repositories: PLATFORM_REPOSITORIES.map(str::to_owned).into(),
    };
    let suite = plumbline_scenario::load(&files, &root, &vocabulary).map_err(CommandError::Scenarios)?;
    Ok((suite, selection))
}
