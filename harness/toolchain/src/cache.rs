//! plumbline's own cache of programs: `programs/<name>/<version>-<key>/{bin/<name>, assets/, manifest.json}`.
//!
//! An entry appears by one rename, so that it is complete or not there, and is compared with the digests of its
//! manifest before each use. What is not complete lives in `programs/<name>/staging`, which belongs to whoever holds
//! `programs/<name>/lock`.

use crate::{digest, lock::Program, programs::Source};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The folder of one program at one version and one set of build inputs.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    name: String,
    folder: PathBuf,
    entry: PathBuf,
    key: String,
}

/// What the cache remembers of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) key: String,
    pub(crate) source: Source,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) assets_sha256: Option<String>,
}

/// How long the last build on this machine took, kept when its result is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastTime {
    pub(crate) milliseconds: u64,
}

/// What a look into the cache finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// An entry that is what it was when it was made.
    Intact(Manifest),
    /// An entry that must not be used, and why.
    Damaged(String),
}

impl Slot {
    /// `inputs` is everything besides the program's lock entry that decides what is built.
    pub(crate) fn new(cache: &Path, program: &Program, inputs: &[&[u8]]) -> Self {
        let entry = serde_json::to_vec(program).unwrap_or_default();
        let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let key = digest::texts(
            [entry.as_slice(), platform.as_bytes()]
                .into_iter()
                .chain(inputs.iter().copied()),
        );
        let folder = cache.join("programs").join(&program.name);
        let entry = folder.join(format!("{}-{}", program.version, &key[..16]));
        Self {
            name: program.name.clone(),
            folder,
            entry,
            key,
        }
    }

    /// The folder that all versions of the program share.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The digest of everything that decides what is built.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.folder.join("lock")
    }

    pub(crate) fn program(&self) -> PathBuf {
        program_in(&self.entry, &self.name)
    }

    pub(crate) fn assets(&self) -> PathBuf {
        self.entry.join("assets")
    }

    /// Whether there seems to be an entry; reads no more than its manifest and the size of the program.
    pub(crate) fn seems_there(&self) -> bool {
        let size = fs::metadata(self.program()).map(|metadata| metadata.len()).ok();
        self.manifest().is_ok_and(|manifest| size == Some(manifest.size))
    }

    /// The entry, compared with its manifest byte for byte.
    pub(crate) fn find(&self) -> Found {
        if !self.entry.is_dir() {
            return Found::Nothing;
        }
        let manifest = match self.manifest() {
            Ok(manifest) => manifest,
            Err(error) => return Found::Damaged(format!("its manifest.json cannot be read: {error}")),
        };
        match digest::file(&self.program()) {
            Ok(found) if found == manifest.sha256 => {}
            Ok(found) => {
                return Found::Damaged(format!(
                    "its SHA-256 is {found}, but {} was recorded when it was made",
                    manifest.sha256
                ));
            }
            Err(error) => return Found::Damaged(format!("it cannot be read: {error}")),
        }
        match &manifest.assets_sha256 {
            Some(recorded) if !digest::folder(&self.assets()).is_ok_and(|found| found == *recorded) => {
                Found::Damaged("its assets are not those that were recorded when it was made".to_owned())
            }
            _ => Found::Intact(manifest),
        }
    }

    fn manifest(&self) -> io::Result<Manifest> {
        let manifest: Manifest = serde_json::from_slice(&fs::read(self.entry.join("manifest.json"))?)?;
        if manifest.key == self.key {
            Ok(manifest)
        } else {
            Err(io::Error::other("it belongs to other build inputs"))
        }
    }

    pub(crate) fn last_time(&self) -> Option<Duration> {
        let text = fs::read(self.folder.join("last-build.json")).ok()?;
        let last: LastTime = serde_json::from_slice(&text).ok()?;
        Some(Duration::from_millis(last.milliseconds))
    }

    /// An empty folder for work in progress. Only the holder of the program's lock may call this: what a killed run
    /// left there is removed.
    pub(crate) fn stage(&self) -> io::Result<Staging> {
        let root = self.folder.join("staging");
        remove(&root)?;
        let product = root.join("product");
        fs::create_dir_all(product.join("bin"))?;
        Ok(Staging {
            program: program_in(&product, &self.name),
            product,
            root,
        })
    }

    /// Makes what is staged the entry.
    pub(crate) fn install(
        &self,
        staging: &Staging,
        program: &Program,
        source: Source,
        took: Option<Duration>,
    ) -> io::Result<Manifest> {
        let assets = staging.assets();
        let manifest = Manifest {
            name: program.name.clone(),
            version: program.version.clone(),
            key: self.key.clone(),
            source,
            size: fs::metadata(&staging.program)?.len(),
            sha256: digest::file(&staging.program)?,
            assets_sha256: assets.is_dir().then(|| digest::folder(&assets)).transpose()?,
        };
        fs::write(
            staging.product.join("manifest.json"),
            serde_json::to_vec_pretty(&manifest)?,
        )?;
        fs::File::open(&staging.program)?.sync_all()?;
        if self.entry.exists() {
            fs::rename(&self.entry, staging.root.join("replaced"))?;
        }
        fs::rename(&staging.product, &self.entry)?;
        if let Some(took) = took {
            let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let text = serde_json::to_vec(&LastTime { milliseconds })?;
            fs::write(self.folder.join("last-build.json"), text)?;
        }
        remove(&staging.root)?;
        Ok(manifest)
    }
}

/// Work in progress on one program.
#[derive(Debug)]
pub(crate) struct Staging {
    root: PathBuf,
    product: PathBuf,
    /// Where the finished program is to be put.
    pub(crate) program: PathBuf,
}

impl Staging {
    /// Where the assets are to be put.
    pub(crate) fn assets(&self) -> PathBuf {
        self.product.join("assets")
    }

    /// A folder beside the product that is thrown away with the staging folder.
    pub(crate) fn scratch(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

fn program_in(entry: &Path, name: &str) -> PathBuf {
    entry.join("bin").join(name)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a folder, leaving out what is not a file or a folder; everything in the copy can be written by its owner,
/// which is not so in Go's module cache.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            io::copy(
                &mut fs::File::open(entry.path())?,
                &mut fs::File::create(&target)?,
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Lock;

    fn program() -> Program {
        let text = "[go]\nrelease = \"1.27.4\"\nminimum = \"1.21.0\"\n[[program]]\nname = \"tool\"\nversion = \"1.0.0\"\n\
                    path = { ask = [], pattern = \"{version}\" }\n";
        Lock::parse(text, "lock").unwrap().programs.remove(0)
    }

    fn installed(cache: &Path) -> (Slot, Manifest) {
        let program = program();
        let slot = Slot::new(cache, &program, &[]);
        let staging = slot.stage().unwrap();
        fs::write(&staging.program, "#!/bin/sh\n").unwrap();
        fs::create_dir(staging.assets()).unwrap();
        fs::write(staging.assets().join("data"), "1").unwrap();
        let manifest = slot
            .install(&staging, &program, Source::GoModule, Some(Duration::from_secs(3)))
            .unwrap();
        (slot, manifest)
    }

    #[test]
    fn what_is_installed_is_found_intact_and_its_time_is_remembered() {
        let cache = tempfile::tempdir().unwrap();
        let (slot, manifest) = installed(cache.path());
        assert_eq!(slot.find(), Found::Intact(manifest));
        assert!(slot.seems_there());
        assert_eq!(slot.last_time(), Some(Duration::from_secs(3)));
        assert!(!slot.folder().join("staging").exists());
    }

    #[test]
    fn a_changed_program_is_damaged_even_if_its_size_is_the_same() {
        let cache = tempfile::tempdir().unwrap();
        let (slot, _) = installed(cache.path());
        fs::write(slot.program(), "#!/bin/zh\n").unwrap();
        assert!(
            matches!(slot.find(), Found::Damaged(reason) if reason.contains("was recorded when it was made"))
        );
    }

    #[test]
    fn changed_assets_are_damage() {
        let cache = tempfile::tempdir().unwrap();
        let (slot, _) = installed(cache.path());
        fs::write(slot.assets().join("more"), "x").unwrap();
        assert!(matches!(slot.find(), Found::Damaged(reason) if reason.contains("assets")));
    }

    #[test]
    fn a_damaged_entry_is_replaced() {
        let cache = tempfile::tempdir().unwrap();
        let (slot, _) = installed(cache.path());
        fs::write(slot.program(), "other").unwrap();
        let (slot, manifest) = installed(cache.path());
        assert_eq!(slot.find(), Found::Intact(manifest));
    }

    #[test]
    fn what_a_killed_run_left_is_not_found_and_does_not_disturb() {
        let cache = tempfile::tempdir().unwrap();
        let slot = Slot::new(cache.path(), &program(), &[]);
        let staging = slot.stage().unwrap();
        fs::write(&staging.program, "half").unwrap();
        assert_eq!(slot.find(), Found::Nothing);
        let (slot, manifest) = installed(cache.path());
        assert_eq!(slot.find(), Found::Intact(manifest));
    }

    #[test]
    fn other_build_inputs_are_another_entry() {
        let cache = tempfile::tempdir().unwrap();
        let one = Slot::new(cache.path(), &program(), &[b"ab", b"c"]);
        let other = Slot::new(cache.path(), &program(), &[b"a", b"bc"]);
        assert_ne!(one.program(), other.program());
    }
}
