//! A folder of scenario files, held by its descriptor: what is read from it lies in it.

use crate::{Diagnostic, Source, Span, beneath};
use rustix::{
    fd::{AsFd as _, BorrowedFd, OwnedFd},
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A folder that files are read from. Paths are relative to it; neither `..`, nor an absolute path, nor a link leads out of it.
#[derive(Debug)]
pub struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// Why something in a folder cannot be read; whoever asked for it says what it is.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path, or a link on it, leads to somewhere else.
    #[error("it leads out of the folder {}", folder.display())]
    Outside {
        /// The folder that it was looked for in.
        folder: PathBuf,
    },
    /// No file has this name, or a part of the path is not a folder.
    #[error("there is nothing of that name")]
    NotThere,
    /// Links lead to each other.
    #[error("its links lead round in a circle")]
    Circle,
    /// A folder, FIFO, socket or device.
    #[error("it is {0}, not a regular file")]
    NotAFile(&'static str),
    /// More than was asked for.
    #[error("it is larger than {}", size(*.0))]
    TooLarge(u64),
    /// Folders in folders in folders.
    #[error("it is nested more than {} folders deep: {}", Folder::DEEPEST, .0.display())]
    TooDeep(PathBuf),
    /// What the system says.
    #[error("{0}")]
    System(#[source] io::Error),
}

impl Folder {
    /// Folders in each other, at most; scenarios are not kept deeper.
    pub const DEEPEST: usize = 32;

    /// Opens a folder; an empty path is the current one.
    ///
    /// # Errors
    /// It is not there, not a folder, or not readable.
    pub fn open(path: &Path) -> Result<Arc<Self>, FileError> {
        let folder = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = fs::open(folder, flags, Mode::empty()).map_err(system)?;
        Ok(Arc::new(Self {
            descriptor,
            path: path.to_owned(),
        }))
    }

    /// The folder's path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in this one, which nothing that is read from it leads out of.
    ///
    /// # Errors
    /// It is not there, not a folder, not readable, or not in this one.
    pub fn folder(&self, relative: &Path) -> Result<Arc<Self>, FileError> {
        let relative = match relative.as_os_str().is_empty() {
            true => Path::new("."),
            false => relative,
        };
        Ok(Arc::new(Self {
            descriptor: self.descriptor_of(relative, OFlags::RDONLY | OFlags::DIRECTORY)?,
            path: self.path.join(relative).components().collect(),
        }))
    }

    /// Reads a YAML file.
    ///
    /// # Errors
    /// It is not there, not in the folder, not a regular file, larger than 1 MiB, or not text.
    pub fn read(self: &Arc<Self>, relative: &Path) -> Result<Arc<Source>, Diagnostic> {
        match self.bytes(relative, Source::LARGEST) {
            Ok(bytes) => Source::in_folder(self, relative, bytes),
            Err(error) => {
                let source = Source::unread(&self.path.join(relative));
                Err(error.at(&source, Span::default(), "the file"))
            }
        }
    }

    /// The content of a file of at most `largest` bytes. A larger one is refused before any of it is read.
    ///
    /// # Errors
    /// It is not there, not in the folder, not a regular file, or too large.
    pub fn bytes(&self, relative: &Path, largest: u64) -> Result<Vec<u8>, FileError> {
        let descriptor = self.descriptor_of(relative, OFlags::RDONLY)?;
        let state = fs::fstat(&descriptor).map_err(system)?;
        let kind = FileType::from_raw_mode(state.st_mode);
        if kind != FileType::RegularFile {
            return Err(FileError::NotAFile(words_of(kind)));
        }
        let size = u64::try_from(state.st_size).unwrap_or_default();
        if size > largest {
            return Err(FileError::TooLarge(largest));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        // A file may grow while it is read.
        let read = File::from(descriptor).take(largest + 1).read_to_end(&mut bytes);
        read.map_err(FileError::System)?;
        if bytes.len() as u64 > largest {
            return Err(FileError::TooLarge(largest));
        }
        Ok(bytes)
    }

    /// The files below the folder, sorted, relative to it. Hidden files and folders are left aside; links to folders are not followed.
    ///
    /// # Errors
    /// A folder cannot be read, or is too deep.
    pub fn files(&self) -> Result<Vec<PathBuf>, FileError> {
        let mut files = Vec::new();
        gather(self.descriptor.as_fd(), Path::new(""), Self::DEEPEST, &mut files)?;
        files.sort();
        Ok(files)
    }

    fn descriptor_of(&self, relative: &Path, flags: OFlags) -> Result<OwnedFd, FileError> {
        beneath::open(self.descriptor.as_fd(), relative, flags).map_err(|error| match error {
            Errno::XDEV => FileError::Outside {
                folder: match self.path.as_os_str().is_empty() {
                    true => PathBuf::from("."),
                    false => self.path.clone(),
                },
            },
            // A socket, or a device without a driver, cannot be opened at all.
            Errno::NXIO => FileError::NotAFile("a socket or a device"),
            error => system(error),
        })
    }
}

impl FileError {
    /// The error as that of `what`, at a place.
    pub(crate) fn at(&self, source: &Arc<Source>, span: Span, what: &str) -> Diagnostic {
        let help = match self {
            Self::Outside { .. } => Some(
                "files are read from this folder only: keep it there, and name it without `..` and links that lead out",
            ),
            Self::TooLarge(_) => {
                Some("a scenario is one claim and its steps; large content belongs to a fixture")
            }
            _ => None,
        };
        let diagnostic = Diagnostic::new(source, span, format!("{what} cannot be read: {self}"));
        match help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }
    }
}

fn gather(
    folder: BorrowedFd<'_>,
    relative: &Path,
    levels: usize,
    files: &mut Vec<PathBuf>,
) -> Result<(), FileError> {
    for entry in Dir::read_from(folder).map_err(system)? {
        let entry = entry.map_err(system)?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name.as_bytes().starts_with(b".") {
            continue;
        }
        let path = relative.join(name);
        let kind = match entry.file_type() {
            // Some file systems leave the kind to be asked for.
            FileType::Unknown => {
                let state = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(system)?;
                FileType::from_raw_mode(state.st_mode)
            }
            kind => kind,
        };
        if kind != FileType::Directory {
            files.push(path);
            continue;
        }
        let levels = levels
            .checked_sub(1)
            .ok_or_else(|| FileError::TooDeep(path.clone()))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let below = fs::openat(folder, name, flags, Mode::empty()).map_err(system)?;
        gather(below.as_fd(), &path, levels, files)?;
    }
    Ok(())
}

fn system(error: Errno) -> FileError {
    match error {
        Errno::NOENT | Errno::NOTDIR => FileError::NotThere,
        Errno::LOOP => FileError::Circle,
        error => FileError::System(error.into()),
    }
}

fn words_of(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "something else",
    }
}

/// `1 MiB`, `1000 bytes`.
fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes > 0 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes > 0 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}
