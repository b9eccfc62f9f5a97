//! Unpacks one layer onto a root file system.

use super::rootfs::{RootDirectory, components};
use crate::error::ImageError;
use flate2::read::MultiGzDecoder;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};
use tar::{Archive, Entry, EntryType};

/// What an extracted image may use up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub bytes: u64,
    pub entries: u64,
}

impl Budget {
    /// Ten times what the largest image of the platform needs.
    pub const DEFAULT: Self = Self {
        bytes: 4 << 30,
        entries: 200_000,
    };
}

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
}

impl Compression {
    /// By the media type of the layer, OCI's or Docker's.
    pub fn of(media_type: &str) -> Option<Self> {
        if media_type.ends_with("tar+gzip") || media_type.ends_with("tar.gzip") {
            Some(Self::Gzip)
        } else if media_type.ends_with(".tar") {
            Some(Self::None)
        } else {
            None
        }
    }
}

/// Unpacks the layers of one image, one after the other.
pub(super) struct Unpacker<'a> {
    image: &'a str,
    path: &'a Path,
    root: RootDirectory,
    budget: Budget,
    remaining: Budget,
    /// Directories get their permissions at the end: one that is read-only could not be written to.
    modes: BTreeMap<PathBuf, u32>,
    links: BTreeSet<PathBuf>,
    /// What the current layer has made: its whiteouts are about lower layers only.
    made: BTreeSet<PathBuf>,
}

impl<'a> Unpacker<'a> {
    pub fn new(image: &'a str, path: &'a Path, budget: Budget) -> Result<Self, ImageError> {
        let root = RootDirectory::open(path).map_err(ImageError::file("open", path))?;
        let (modes, links, made) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Ok(Self {
            image,
            path,
            root,
            budget,
            remaining: budget,
            modes,
            links,
            made,
        })
    }

    /// Unpacks one layer from `content` and reads it to its very end.
    pub fn layer(
        &mut self,
        name: &str,
        compression: Compression,
        content: impl Read,
    ) -> Result<(), ImageError> {
        self.made.clear();
        match compression {
            Compression::None => self.archive(name, content),
            Compression::Gzip => self.archive(name, MultiGzDecoder::new(content)),
        }
    }

    fn archive(&mut self, name: &str, content: impl Read) -> Result<(), ImageError> {
        let broken = |error: io::Error| ImageError::malformed(name, error);
        let mut archive = Archive::new(content);
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            self.charge(&entry)?;
            self.entry(name, &mut entry)?;
        }
        // What follows the end of the archive is padding, but the digest covers it.
        io::copy(&mut archive.into_inner().take(self.budget.bytes), &mut io::sink()).map_err(broken)?;
        Ok(())
    }

    fn charge(&mut self, entry: &Entry<'_, impl Read>) -> Result<(), ImageError> {
        let remaining = self
            .remaining
            .bytes
            .checked_sub(entry.size())
            .zip(self.remaining.entries.checked_sub(1));
        let Some((bytes, entries)) = remaining else {
            let Budget { bytes, entries } = self.budget;
            let limit = format!("{bytes} bytes and {entries} entries");
            return Err(ImageError::TooLarge {
                image: self.image.to_owned(),
                limit,
            });
        };
        self.remaining = Budget { bytes, entries };
        Ok(())
    }

    fn entry(&mut self, layer: &str, entry: &mut Entry<'_, impl Read>) -> Result<(), ImageError> {
        let shown = entry.path_bytes().into_owned();
        let refuse = |reason| ImageError::UnsafeEntry {
            layer: layer.to_owned(),
            entry: String::from_utf8_lossy(&shown).into_owned(),
            reason,
        };
        let path = Path::new(OsStr::from_bytes(&shown));
        let parts = components(path).ok_or_else(|| refuse("its path is absolute or has `..`"))?;
        let Some((name, parents)) = parts.split_last() else {
            // The root itself.
            return Ok(());
        };
        if let Some(hidden) = name.as_bytes().strip_prefix(b".wh.") {
            return self.whiteout(parents, OsStr::from_bytes(hidden));
        }
        let clean = parts.iter().collect::<PathBuf>();
        let failed = || ImageError::file("write", self.path.join(&clean));
        let mode = entry
            .header()
            .mode()
            .map_err(|_| refuse("its permissions can't be read"))?
            & 0o1777;
        let place = self.root.place(&parts).map_err(failed())?;
        match entry.header().entry_type() {
            EntryType::Directory => {
                place.make_directory().map_err(failed())?;
                self.modes.insert(clean.clone(), mode);
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let mut file = place.make_file().map_err(failed())?;
                io::copy(entry, &mut file).map_err(|error| ImageError::malformed(layer, error))?;
                // The owner must be able to read, or the image could not be run by this user.
                file.set_permissions(fs::Permissions::from_mode(mode | 0o400))
                    .map_err(failed())?;
            }
            EntryType::Symlink => {
                let target = link_target(entry).ok_or_else(|| refuse("it links to nothing"))?;
                place
                    .make_link(&relative(&target, parents.len()))
                    .map_err(failed())?;
                self.links.insert(clean.clone());
            }
            EntryType::Link => {
                let target = link_target(entry).ok_or_else(|| refuse("it links to nothing"))?;
                let target = components(&target)
                    .filter(|parts| !parts.is_empty())
                    .ok_or_else(|| refuse("it links to a path that is absolute or has `..`"))?;
                let other = self.root.existing(&target).map_err(failed())?;
                place.make_hard_link(&other).map_err(failed())?;
            }
            EntryType::XGlobalHeader => {}
            _ => return Err(refuse("only files, directories and links may be in an image")),
        }
        self.made.insert(clean);
        Ok(())
    }

    /// Removes what lower layers have at `hidden`, or everything of theirs in a directory that is made opaque.
    fn whiteout(&self, parents: &[&OsStr], hidden: &OsStr) -> Result<(), ImageError> {
        let directory = parents.iter().collect::<PathBuf>();
        let failed = || ImageError::file("write", self.path.join(&directory));
        let names = if hidden == ".wh..opq" {
            let children = match parents {
                [] => fs::read_dir(self.path).and_then(|entries| {
                    entries
                        .map(|entry| Ok(entry?.file_name()))
                        .collect::<io::Result<Vec<_>>>()
                }),
                _ => self.root.place(parents).and_then(|place| place.children()),
            };
            children.map_err(failed())?
        } else {
            vec![hidden.to_owned()]
        };
        for name in names {
            // `..` and the like would be the name of a whiteout for a directory above.
            if components(Path::new(&name)).is_none_or(|parts| parts.len() != 1) {
                continue;
            }
            if self.made.contains(&directory.join(&name)) {
                continue;
            }
            let parts = [parents, &[name.as_os_str()]].concat();
            match self.root.existing(&parts).and_then(|place| place.clear()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed()(error)),
            }
        }
        Ok(())
    }

    /// Sets the permissions of directories, and checks that no link leads out.
    pub fn finish(self) -> Result<(), ImageError> {
        for link in &self.links {
            let inside = self
                .root
                .contains(link)
                .map_err(ImageError::file("follow", self.path.join(link)))?;
            if !inside {
                return Err(ImageError::UnsafeEntry {
                    layer: self.image.to_owned(),
                    entry: link.display().to_string(),
                    reason: "it links to a place outside of the image",
                });
            }
        }
        // Deepest first: a parent that can't be entered any more would hide its children.
        for (path, mode) in self.modes.iter().rev() {
            let parts = components(path).unwrap_or_default();
            let place = match self.root.existing(&parts) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                place => place.map_err(ImageError::file("open", self.path.join(path)))?,
            };
            match place.set_directory_mode(mode | 0o700) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(ImageError::file("write", self.path.join(path)))?,
            }
        }
        Ok(())
    }
}

fn link_target(entry: &Entry<'_, impl Read>) -> Option<PathBuf> {
    let target = entry.link_name_bytes().filter(|target| !target.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(&target)))
}

/// An absolute target means the root of the image, which is not that of the machine: it becomes a relative one.
fn relative(target: &Path, depth: usize) -> PathBuf {
    match target.strip_prefix("/") {
        Ok(inside) => {
            let up = std::iter::repeat_n("..", depth).collect::<PathBuf>();
            let path = up.join(inside);
            if path.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                path
            }
        }
        Err(_) => target.to_owned(),
    }
}
