//! What goes into an image: files, and where they come from.

use crate::error::ImageError;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Where the content of a file in an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// A file of this machine.
    File(PathBuf),
    /// The bytes themselves.
    Bytes(Vec<u8>),
    /// No content: the entry is a directory.
    Directory,
}

/// One entry of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// The path in the image, with or without a leading slash.
    pub path: String,
    /// The content.
    pub source: FileSource,
    /// The permissions, for example `0o755`.
    pub mode: u32,
}

impl ImageFile {
    /// A file with the content of a file of this machine.
    pub fn copied(path: impl Into<String>, source: impl Into<PathBuf>, mode: u32) -> Self {
        Self {
            path: path.into(),
            source: FileSource::File(source.into()),
            mode,
        }
    }

    /// A file with the given content, readable by everybody.
    pub fn written(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            source: FileSource::Bytes(content.into()),
            mode: 0o644,
        }
    }

    /// A directory.
    pub fn directory(path: impl Into<String>, mode: u32) -> Self {
        Self {
            path: path.into(),
            source: FileSource::Directory,
            mode,
        }
    }

    /// The path as it stands in an archive: relative, without empty and dotted components.
    pub(crate) fn archive_path(&self) -> Result<String, ImageError> {
        let trimmed = self.path.trim_matches('/');
        if trimmed.is_empty() || trimmed.split('/').any(|part| matches!(part, "" | "." | "..")) {
            let reason = "it must be a path below the root, without `.` and `..`";
            return Err(ImageError::UnsafeEntry {
                layer: "the image".into(),
                entry: self.path.clone(),
                reason,
            });
        }
        Ok(trimmed.to_owned())
    }

    /// The digest of the content, as a part of the key of the image.
    pub(crate) fn content_digest(&self) -> Result<[u8; 32], ImageError> {
        match &self.source {
            FileSource::Bytes(bytes) => Ok(Sha256::digest(bytes).into()),
            FileSource::Directory => Ok([0; 32]),
            FileSource::File(path) => {
                let mut file = File::open(path).map_err(ImageError::file("read", path))?;
                let mut hasher = Sha256::new();
                let mut buffer = vec![0; 1 << 18];
                loop {
                    match file.read(&mut buffer) {
                        Ok(0) => return Ok(hasher.finalize().into()),
                        Ok(count) => hasher.update(&buffer[..count]),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(ImageError::file("read", path)(error)),
                    }
                }
            }
        }
    }
}

/// All files below `directory`, placed below `prefix` in an image.
///
/// Only whether a file is executable is kept of its permissions: the rest depends on who checked it out.
///
/// # Errors
///
/// The folder can't be read, or has something in it that is neither a file nor a directory.
pub fn folder(directory: &Path, prefix: &str) -> Result<Vec<ImageFile>, ImageError> {
    let mut files = Vec::new();
    collect(directory, prefix.trim_matches('/'), &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<ImageFile>) -> Result<(), ImageError> {
    for entry in fs::read_dir(directory).map_err(ImageError::file("read", directory))? {
        let entry = entry.map_err(ImageError::file("read", directory))?;
        let path = entry.path();
        let refuse = |reason| ImageError::UnsafeEntry {
            layer: directory.display().to_string(),
            entry: entry.file_name().to_string_lossy().into_owned(),
            reason,
        };
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| refuse("its name is not UTF-8"))?;
        let inside = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        };
        let metadata = fs::symlink_metadata(&path).map_err(ImageError::file("read", &path))?;
        if metadata.is_dir() {
            collect(&path, &inside, files)?;
        } else if metadata.is_file() {
            let mode = if metadata.permissions().mode() & 0o111 == 0 {
                0o644
            } else {
                0o755
            };
            files.push(ImageFile::copied(inside, path, mode));
        } else {
            return Err(refuse("only files and directories can be packed"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_packed_without_the_permissions_of_its_checkout() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("bin")).unwrap();
        let app = directory.path().join("bin/app");
        fs::write(&app, "#!").unwrap();
        fs::set_permissions(&app, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(directory.path().join("data"), "").unwrap();
        let files = folder(directory.path(), "").unwrap();
        let files: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.mode)).collect();
        assert_eq!(files, [("bin/app", 0o755), ("data", 0o644)]);
    }

    #[test]
    fn a_link_in_a_folder_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).unwrap();
        let error = folder(directory.path(), "").unwrap_err();
        assert!(matches!(error, ImageError::UnsafeEntry { .. }));
    }
}
