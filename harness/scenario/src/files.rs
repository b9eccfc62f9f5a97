//! Which files are scenarios, and the folders that they are read from.

use crate::{Diagnostic, FileError, Folder, Source, Span};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The scenario files below a folder, sorted: every `.yaml`, hidden ones left aside. Links to folders are not followed.
///
/// # Errors
/// A folder cannot be read.
pub fn scenario_files(root: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Folder::open(root)?.files()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    Ok(files.into_iter().map(|file| root.join(file)).collect())
}

/// The folders that files are read from, each opened once.
#[derive(Default)]
pub(crate) struct Folders(HashMap<PathBuf, Arc<Folder>>);

impl Folders {
    /// Reads a file: from the folder of all scenarios, or, if it is not in that, from its own.
    pub(crate) fn read(&mut self, path: &Path, root: &Path) -> Result<Arc<Source>, Diagnostic> {
        let below = path.strip_prefix(root).ok().filter(|below| below.is_relative());
        let (folder, relative) = match (below, path.parent(), path.file_name()) {
            (Some(below), ..) => (root, below),
            (None, Some(parent), Some(name)) => (parent, Path::new(name)),
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
