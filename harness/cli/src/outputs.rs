//! What a command writes: files as a whole or not at all, data to standard output, words to standard error.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct OutputError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Writes `content` beside `path` and renames it: an older file stays intact until the new one is complete. What is no file, such as
/// `/dev/stdout` or a pipe, is written to as it is.
pub fn write_whole(path: &Path, content: &str) -> Result<(), OutputError> {
    let failed = |source| OutputError {
        path: path.to_owned(),
        source,
    };
    if is_no_file(path) {
        let device = OpenOptions::new().write(true).open(path);
        return device
            .and_then(|mut device| device.write_all(content.as_bytes()))
            .map_err(failed);
    }
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(failed)?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Adds `content` to the end of a file, which is made if it is not there.
pub fn append(path: &Path, content: &str) -> Result<(), OutputError> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|source| OutputError {
            path: path.to_owned(),
            source,
        })
}

/// Refuses, before anything is started, files that could not be written at the end.
pub fn check_writable<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), OutputError> {
    for path in paths {
        let failed = |source| OutputError {
            path: path.clone(),
            source,
        };
        let folder = folder_of(path);
        if path.is_dir() {
            return Err(failed(io::Error::other("it is a folder")));
        }
        if is_no_file(path) {
            continue;
        }
        if !folder.is_dir() {
            return Err(failed(io::Error::other("its folder is not there")));
        }
        // Only an attempt tells: permissions, a read-only disk and a full one all look different.
        tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    }
    Ok(())
}

/// Refuses a file that is named twice: the later would be written over the earlier.
pub fn check_distinct<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), OutputError> {
    let mut named = BTreeSet::new();
    for path in paths.into_iter().filter(|path| !is_no_file(path)) {
        let folder = folder_of(path);
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if !named.insert((folder, path.file_name())) {
            return Err(OutputError {
                path: path.clone(),
                source: io::Error::other("this file is named twice, each time for something else"),
            });
        }
    }
    Ok(())
}

/// Whether there is something else than a file or a folder.
fn is_no_file(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Prints data; whoever closed standard output has read enough.
pub fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Prints what an error is about, ahead of the error itself.
pub fn explain(text: &str) {
    let _ = writeln!(
        io::stderr().lock(),
        "{}\n",
        plumbline_report::printable(text.trim_end())
    );
}

/// Prints an error for people.
pub fn complain(text: &str) {
    let _ = writeln!(
        io::stderr().lock(),
        "error: {}",
        plumbline_report::printable(text)
    );
}
