//! The file in a run directory that says whose it is.

use crate::{KeeperError, ProcessIdentity};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const LEDGER: &str = "ledger.json";
const LOCK: &str = "lock";

/// The version of the format; a ledger of another version is not understood, and nothing is ended on its word.
const FORMAT: u32 = 1;

/// Whose a run directory is: the owner from the start, the keeper's processes before the first child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    pub(crate) format: u32,
    pub(crate) run: String,
    pub(crate) owner: ProcessIdentity,
    pub(crate) program: String,
    pub(crate) keepers: Vec<ProcessIdentity>,
}

impl Ledger {
    pub(crate) fn new(run: &str, owner: ProcessIdentity, program: String) -> Self {
        Self {
            format: FORMAT,
            run: run.to_owned(),
            owner,
            program,
            keepers: Vec::new(),
        }
    }

    /// Replaces the ledger in one step: a reader sees the old or the new one, whole.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), KeeperError> {
        let path = directory.join(LEDGER);
        let new = directory.join("ledger.json.new");
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(KeeperError::file("write the ledger", &path))
    }

    pub(crate) fn read(directory: &Path) -> Result<Self, KeeperError> {
        let path = directory.join(LEDGER);
        let bytes = fs::read(&path).map_err(KeeperError::file("read the ledger", &path))?;
        Self::parse(&bytes).map_err(|message| KeeperError::Format { path, message })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let ledger: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match ledger.format {
            FORMAT => Ok(ledger),
            other => Err(format!(
                "format {other} is not {FORMAT}; it was written by another version of plumbline"
            )),
        }
    }
}

/// Takes the lock that says that the owner lives: the kernel frees it when the owner's process ends, and no pid is
/// needed to see that. `None` if it is held, that is, if the owner lives.
pub(crate) fn try_lock(directory: &Path) -> Result<Option<File>, KeeperError> {
    open_lock(directory, false)
}

/// Makes and takes the lock of a new directory.
pub(crate) fn create_lock(directory: &Path) -> Result<Option<File>, KeeperError> {
    open_lock(directory, true)
}

fn open_lock(directory: &Path, create: bool) -> Result<Option<File>, KeeperError> {
    let path = directory.join(LOCK);
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new()
        .write(true)
        .create_new(create)
        .mode(0o600)
        .custom_flags(no_follow)
        .open(&path);
    let file = file.map_err(KeeperError::file("open the lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(KeeperError::file("lock", &path)(source)),
    }
}

/// Whether the owner of a run directory has ended. A directory without a lock has no owner to ask: false.
pub(crate) fn is_abandoned(directory: &Path) -> bool {
    matches!(try_lock(directory), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::{Ledger, create_lock, is_abandoned, try_lock};
    use crate::ProcessIdentity;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn identity() -> impl Strategy<Value = ProcessIdentity> {
        (any::<u32>(), any::<u64>(), ".{0,40}").prop_map(|(pid, start_time, boot_id)| ProcessIdentity {
            pid,
            start_time,
            boot_id,
        })
    }

    proptest! {
        #[test]
        fn ledger_round_trips(
            run in ".{0,30}",
            owner in identity(),
            program in ".{0,60}",
            keepers in prop::collection::vec(identity(), 0..3),
        ) {
            let ledger = Ledger { keepers, ..Ledger::new(&run, owner, program) };
            prop_assert_eq!(Ledger::parse(&serde_json::to_vec(&ledger).unwrap()), Ok(ledger));
        }

        #[test]
        fn no_file_makes_the_reader_panic(bytes: Vec<u8>) {
            prop_assert!(Ledger::parse(&bytes).is_err());
        }
    }

    #[test]
    fn ledger_of_another_version_is_refused() {
        let owner = ProcessIdentity::own().unwrap();
        let ledger = Ledger {
            format: 2,
            ..Ledger::new("r", owner, String::new())
        };
        let error = Ledger::parse(&serde_json::to_vec(&ledger).unwrap()).unwrap_err();
        assert!(error.contains("format 2"), "{error}");
    }

    #[test]
    fn ledger_file_is_private_and_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::new("r", ProcessIdentity::own().unwrap(), "plumbline".to_owned());
        ledger.write(directory.path()).unwrap();
        ledger.keepers.push(ledger.owner.clone());
        ledger.write(directory.path()).unwrap();
        assert_eq!(Ledger::read(directory.path()).unwrap(), ledger);
        let mode = directory
            .path()
            .join("ledger.json")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn lock_tells_whether_the_owner_lives() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_abandoned(directory.path()));
        let held = create_lock(directory.path()).unwrap().unwrap();
        assert!(try_lock(directory.path()).unwrap().is_none());
        assert!(!is_abandoned(directory.path()));
        drop(held);
        assert!(is_abandoned(directory.path()));
    }
}
