//! Which files are scenarios, and the folders that they are read from.

use crate::{Diagnostic, FileError, Folder, Source, Span};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The scenario files below a folder, sorted: every `.yaml`. Hidden ones are left aside, and what lies in a folder `manifests`, which
/// holds what steps apply. Links to folders are not followed.
///
/// # Errors
/// A folder cannot be read.
pub fn scenario_files(root: &Path) -> Result<Vec<PathBuf>, FileError> {
    let is_scenario = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "yaml")
            && !path.components().any(|part| part.as_os_str() == "manifests")
    };
    let mut files = Folder::open(root)?.files()?;
    files.retain(is_scenario);
    Ok(files.into_iter().map(|file| root.join(file)).collect())
}

/// The folders that files are read from, each opened once.
#[derive(Default)]
pub(crate) struct Folders(HashMap<PathBuf, Arc<Folder>>);

impl Folders {
    /// Reads a file: from the folder of all scenarios, or, if it is not in that, from its own.
    pub(crate) fn read(&mut self, path: &Path, root: &Path) -> Result<Arc<Source>, Diagnostic> {
        let (folder, relative) = match (path.strip_prefix(root), path.parent(), path.file_name()) {
            (Ok(relative), ..) => (root, relative),
            (Err(_), Some(parent), Some(name)) => (parent, Path::new(name)),
            _ => (root, path),
        };
        let folder = match self.0.get(folder) {
            Some(folder) => Arc::clone(folder),
            None => {
                let opened = Folder::open(folder)
                    .map_err(|error| error.at(&Source::unread(path), Span::default(), "the file's folder"))?;
                self.0.insert(folder.to_owned(), Arc::clone(&opened));
                opened
            }
        };
        folder.read(relative)
    }
}
