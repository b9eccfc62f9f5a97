//! Files that only we can read: they are created so, never narrowed afterwards.

use super::StartError;
use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Creates a directory that only we can enter.
pub(super) fn create_directory(path: &Path) -> Result<(), StartError> {
    DirBuilder::new().mode(0o700).create(path).map_err(failed(path))
}

/// Writes a new file that only we can read.
pub(super) fn write(path: &Path, content: &str) -> Result<(), StartError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    written
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.to_owned();
    move |source| StartError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nobody_else_can_read_what_is_written_and_nothing_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("pki");
        create_directory(&inner).unwrap();
        let key = inner.join("key.pem");
        write(&key, "secret").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&key)), (0o700, 0o600));
        let error = write(&key, "other").unwrap_err();
        assert!(error.to_string().contains("key.pem"), "{error}");
        assert_eq!(std::fs::read_to_string(&key).unwrap(), "secret");
    }
}
