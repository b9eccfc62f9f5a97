//! The one directory that a run writes to, and that nothing of the run outlives.

use crate::identity::ProcessIdentity;
use crate::ledger::{self, Ledger};
use crate::removal::remove_tree;
use crate::{KeeperError, sweep};
use rustix::process::getuid;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the last owner waits for a keeper that was not stopped, which needs less than a second.
const KEEPER_END: Duration = Duration::from_secs(3);

/// The prefix of a directory that is being made: its lock and ledger may be missing.
pub(crate) const UNFINISHED: &str = ".new-";

/// A directory readable by its owner only, removed with the last clone of this, or with the keeper if the process dies.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    ledger: Mutex<Ledger>,
    _lock: File,
}

impl RunDirectory {
    /// Creates a new run directory in `root`, which is created too if it is not there. Its ledger is in place before
    /// the directory gets its final name.
    ///
    /// # Errors
    /// If the root belongs to another user or is a symbolic link, or something cannot be written.
    pub fn create(root: impl AsRef<Path>) -> Result<Self, KeeperError> {
        let root = std::path::absolute(root.as_ref()).map_err(KeeperError::file("find", root.as_ref()))?;
        prepare_root(&root)?;
        let run = format!("{:016x}", rand::random::<u64>());
        let unfinished = root.join(format!("{UNFINISHED}{run}"));
        DirBuilder::new()
            .mode(0o700)
            .create(&unfinished)
            .map_err(KeeperError::file("create", &unfinished))?;
        match Self::fill(&root, &run, &unfinished) {
            Ok(directory) => Ok(directory),
            Err(error) => {
                // The first error is the one to tell; a leftover is for gc.
                let _ = remove_tree(&unfinished);
                Err(error)
            }
        }
    }

    fn fill(root: &Path, run: &str, unfinished: &Path) -> Result<Self, KeeperError> {
        let lock = ledger::create_lock(unfinished)?.ok_or_else(|| KeeperError::Format {
            path: unfinished.to_owned(),
            message: "its lock is held although it is new".to_owned(),
        })?;
        let owner = ProcessIdentity::own().ok_or_else(|| KeeperError::Format {
            path: PathBuf::from("/proc/self/stat"),
            message: "it does not describe this process; /proc must be mounted".to_owned(),
        })?;
        let program = std::env::args_os()
            .next()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let ledger = Ledger::new(run, owner, program);
        ledger.write(unfinished)?;
        let path = root.join(run);
        fs::rename(unfinished, &path).map_err(KeeperError::file("create", &path))?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                ledger: Mutex::new(ledger),
                _lock: lock,
            }),
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The random name of the run: the directory's own, and the value of `PLUMBLINE_RUN` in every child.
    #[must_use]
    pub fn run(&self) -> &str {
        self.shared
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }

    /// How many bytes an ordinary user can still write here.
    ///
    /// # Errors
    /// If the file system does not say.
    pub fn free_space(&self) -> Result<u64, KeeperError> {
        free_space(self.path())
    }

    /// Creates a directory of mode 0700 in the run directory; one that is there already is fine.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn subdirectory(&self, name: impl AsRef<Path>) -> Result<PathBuf, KeeperError> {
        let path = self.shared.path.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(KeeperError::file("create", &path))?;
        Ok(path)
    }

    /// Writes the keeper's processes to the ledger.
    pub(crate) fn record_keepers(&self, keepers: Vec<ProcessIdentity>) -> Result<(), KeeperError> {
        let mut ledger = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.keepers = keepers;
        ledger.write(&self.shared.path)
    }

    /// Removes the directory now.
    pub(crate) fn remove(&self) -> Result<(), KeeperError> {
        self.shared.remove()
    }
}

impl Shared {
    fn remove(&self) -> Result<(), KeeperError> {
        remove_tree(&self.path).map_err(KeeperError::file("remove", &self.path))
    }
}

impl Drop for Shared {
    /// A keeper that was dropped without a stop is ending its children at this moment: they go first.
    fn drop(&mut self) {
        let ledger = self.ledger.get_mut().unwrap_or_else(PoisonError::into_inner);
        for keeper in &ledger.keepers {
            sweep::wait_for_end(keeper, KEEPER_END);
        }
        if let Err(error) = self.remove() {
            tracing::warn!(%error, "the run directory stays for gc");
        }
    }
}

/// How many bytes an ordinary user can still write to the file system that holds `path`.
///
/// # Errors
/// If the file system does not say.
pub fn free_space(path: &Path) -> Result<u64, KeeperError> {
    let file_system = rustix::fs::statvfs(path)
        .map_err(|error| KeeperError::file("look at the file system of", path)(error.into()))?;
    Ok(file_system.f_bavail.saturating_mul(file_system.f_frsize))
}

/// Creates the root if needed, and refuses one that is not this user's own directory.
fn prepare_root(root: &Path) -> Result<(), KeeperError> {
    if let Some(parent) = root.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(KeeperError::file("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(root) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(KeeperError::file("create", root)(error))
        }
        _ => check_root(root),
    }
}

/// Refuses a root that another user could have made or could write to.
pub(crate) fn check_root(root: &Path) -> Result<(), KeeperError> {
    let metadata = fs::symlink_metadata(root).map_err(KeeperError::file("inspect", root))?;
    let refuse = |reason| {
        Err(KeeperError::UnsafeRoot {
            path: root.to_owned(),
            reason,
        })
    };
    if metadata.is_symlink() {
        return refuse("it is a symbolic link");
    }
    if !metadata.is_dir() {
        return refuse("it is not a directory");
    }
    if metadata.uid() != getuid().as_raw() {
        return refuse("it belongs to another user");
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        return refuse("other users may write to it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::RunDirectory;
    use crate::KeeperError;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn directory_is_private_and_goes_with_its_last_owner() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("runs");
        let directory = RunDirectory::create(&root).unwrap();
        let path = directory.path().to_owned();
        for private in [&root, &path, &directory.subdirectory("a/b").unwrap()] {
            assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert_eq!(path, root.join(directory.run()));
        let clone = directory.clone();
        drop(directory);
        assert!(path.exists());
        drop(clone);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }

    #[test]
    fn root_that_others_could_tamper_with_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let real = parent.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = parent.path().join("link");
        symlink(&real, &link).unwrap();
        let open = parent.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        for unsafe_root in [link, open, file] {
            let refused = RunDirectory::create(&unsafe_root);
            assert!(
                matches!(refused, Err(KeeperError::UnsafeRoot { .. })),
                "{unsafe_root:?}: {refused:?}"
            );
        }
    }
}
