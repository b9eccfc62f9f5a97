//! A directory that is written to as if it were the root: no path and no link leads out of it.
//!
//! The kernel does the resolving (`openat2` with `RESOLVE_IN_ROOT`), so that a symbolic link in a lower layer can't
//! redirect a file of an upper one, whatever the order of entries.

use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, linkat, mkdirat, openat, openat2, symlinkat, unlinkat},
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    os::fd::AsRawFd,
    path::{Component, Path, PathBuf},
};

/// A root file system under construction.
pub(super) struct RootDirectory {
    root: OwnedFd,
}

/// The place of one entry: an open directory below the root, and a name in it.
pub(super) struct Place {
    directory: OwnedFd,
    name: OsString,
}

/// The components of a path in an archive; nothing if it is absolute or climbs.
pub(super) fn components(path: &Path) -> Option<Vec<&OsStr>> {
    path.components()
        .filter(|component| *component != Component::CurDir)
        .map(|component| match component {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect()
}

impl RootDirectory {
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = openat(
            CWD,
            path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self { root })
    }

    /// The place of `components`, whose parents are made where they are missing.
    pub fn place(&self, components: &[&OsStr]) -> io::Result<Place> {
        let (name, parents) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let directory = match self.directory(&parents.iter().collect::<PathBuf>()) {
            Err(Errno::NOENT) => self.create(parents)?,
            result => result?,
        };
        Ok(Place {
            directory,
            name: (*name).to_owned(),
        })
    }

    /// The place of an entry that should be there; its parents are not made.
    pub fn existing(&self, components: &[&OsStr]) -> io::Result<Place> {
        let (name, parents) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let directory = self.directory(&parents.iter().collect::<PathBuf>())?;
        Ok(Place {
            directory,
            name: (*name).to_owned(),
        })
    }

    fn directory(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat2(
            &self.root,
            path,
            flags,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        )
    }

    fn create(&self, parents: &[&OsStr]) -> io::Result<OwnedFd> {
        let mut path = PathBuf::new();
        let mut directory = self.directory(&path)?;
        for name in parents {
            match mkdirat(&directory, *name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            path.push(name);
            directory = self.directory(&path)?;
        }
        Ok(directory)
    }

    /// Whether following the link at `path` stays below the root; a link to nothing does.
    pub fn contains(&self, path: &Path) -> io::Result<bool> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Ok(_) | Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::ACCESS) => Ok(true),
            Err(Errno::XDEV) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Place {
    /// The place by way of its open directory, which no later link can redirect.
    fn path(&self) -> PathBuf {
        Path::new("/proc/self/fd")
            .join(self.directory.as_raw_fd().to_string())
            .join(&self.name)
    }

    /// Removes what is there, directories with everything in them.
    pub fn clear(&self) -> io::Result<()> {
        match unlinkat(&self.directory, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => fs::remove_dir_all(self.path()),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in the directory at this place; none if there is no directory.
    pub fn children(&self) -> io::Result<Vec<OsString>> {
        match fs::symlink_metadata(self.path()) {
            Ok(metadata) if metadata.is_dir() => fs::read_dir(self.path())?
                .map(|entry| Ok(entry?.file_name()))
                .collect(),
            Ok(_) => Ok(Vec::new()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Makes a directory, or keeps the one that is there.
    pub fn make_directory(&self) -> io::Result<()> {
        match fs::symlink_metadata(self.path()) {
            Ok(metadata) if metadata.is_dir() => return Ok(()),
            Ok(_) => self.clear()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(mkdirat(&self.directory, &self.name, Mode::from_raw_mode(0o700))?)
    }

    /// Makes an empty file in place of whatever is there.
    pub fn make_file(&self) -> io::Result<File> {
        self.clear()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.directory, &self.name, flags, Mode::from_raw_mode(0o600))?.into())
    }

    /// Makes a symbolic link in place of whatever is there.
    pub fn make_link(&self, target: &Path) -> io::Result<()> {
        self.clear()?;
        Ok(symlinkat(target, &self.directory, &self.name)?)
    }

    /// Makes this place another name of the file at `other`.
    pub fn make_hard_link(&self, other: &Self) -> io::Result<()> {
        self.clear()?;
        Ok(linkat(
            &other.directory,
            &other.name,
            &self.directory,
            &self.name,
            AtFlags::empty(),
        )?)
    }

    /// Sets the permissions of a directory made here.
    pub fn set_directory_mode(&self, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.path(), fs::Permissions::from_mode(mode))
    }
}
