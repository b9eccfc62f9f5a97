//! Ending and removing what runs left behind that died together with their keepers.

use crate::identity::{ProcessIdentity, signal};
use crate::ledger::{self, Ledger};
use crate::removal::remove_tree;
use crate::run_directory::{UNFINISHED, check_root};
use crate::{KeeperError, Signal, sweep};
use rustix::process::getuid;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A keeper whose owner has died ends by itself within a second; one that does not is killed.
const KEEPER_END: Duration = Duration::from_secs(2);

/// The time for processes to die once they are killed.
const KILLED_END: Duration = Duration::from_secs(2);

/// A directory without a lock that is younger than this may be in the making, or about to be gone.
const CHANGING: Duration = Duration::from_secs(60);

/// A run directory whose owner has died, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The directory.
    pub path: PathBuf,
    /// The processes of the run that had to be killed.
    pub ended: Vec<ProcessIdentity>,
    /// Why the directory could not be removed, if it could not.
    pub problem: Option<String>,
}

/// Ends and removes what is left of every run in `root` whose owner has died. A process is ended only if it is exactly
/// the recorded one, or carries the run's random name; a directory whose owner lives is not touched. Two collections
/// at once do not disturb each other. A root that does not exist holds nothing.
///
/// # Errors
/// If the root is not this user's own directory, or cannot be read.
pub fn collect(root: impl AsRef<Path>) -> Result<Vec<Collected>, KeeperError> {
    let root = root.as_ref();
    match check_root(root) {
        Err(KeeperError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        other => other?,
    }
    let mut collected = Vec::new();
    for entry in fs::read_dir(root).map_err(KeeperError::file("list", root))? {
        let entry = entry.map_err(KeeperError::file("list", root))?;
        let path = entry.path();
        let name = entry.file_name();
        let Some(run) = name
            .to_str()
            .map(|name| name.strip_prefix(UNFINISHED).unwrap_or(name))
        else {
            continue;
        };
        if is_run(run) && is_own_directory(&path) {
            let is_unfinished = name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
            collected.extend(collect_one(&path, run, is_unfinished));
        }
    }
    Ok(collected)
}

/// Whether a run directory has an owner who lives. One without a lock has none, whoever made it: a container engine that starts
/// again makes the folders anew that its containers had been given.
#[must_use]
pub fn has_owner(directory: &Path) -> bool {
    matches!(ledger::try_lock(directory), Ok(None))
        || Ledger::read(directory).is_ok_and(|ledger| ledger.owner.is_alive())
}

fn collect_one(path: &Path, run: &str, is_unfinished: bool) -> Option<Collected> {
    // Held until the directory is gone: another collection then takes it for one with a living owner.
    let _lock = match ledger::try_lock(path) {
        Ok(Some(lock)) => Some(lock),
        Ok(None) => return None,
        // One that has its name had its lock before: it is being removed, and by the run's own processes, or nobody's.
        Err(_) if is_young(path) && (is_unfinished || !sweep::marked(run).is_empty()) => return None,
        Err(_) => None,
    };
    let mut ended = Vec::new();
    if let Ok(ledger) = Ledger::read(path) {
        if ledger.owner.is_alive() {
            return None;
        }
        for keeper in ledger.keepers {
            if sweep::wait_for_end(&keeper, KEEPER_END) {
                continue;
            }
            // If it may not be signalled, the marker below finds its children nevertheless.
            if signal(&keeper, Signal::KILL).unwrap_or(false) {
                sweep::wait_for_end(&keeper, KILLED_END);
                ended.push(keeper);
            }
        }
    }
    ended.extend(sweep::end_marked(run, KILLED_END));
    let problem = remove_tree(path)
        .err()
        .map(|error| format!("cannot remove it: {error}"));
    Some(Collected {
        path: path.to_owned(),
        ended,
        problem,
    })
}

/// The form of the names that [`RunDirectory::create`](crate::RunDirectory::create) gives.
fn is_run(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_own_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == getuid().as_raw())
}

fn is_young(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| {
        SystemTime::now()
            .duration_since(modified)
            .is_ok_and(|age| age < CHANGING)
    })
}

#[cfg(test)]
mod tests {
    use super::{collect, has_owner, is_run};
    use crate::ledger::{Ledger, create_lock};
    use crate::{ProcessIdentity, RunDirectory};
    use std::fs;
    use std::path::{Path, PathBuf};

    const RUN: &str = "00000000deadbeef";

    fn dead() -> ProcessIdentity {
        ProcessIdentity {
            boot_id: "an earlier boot".to_owned(),
            ..ProcessIdentity::own().unwrap()
        }
    }

    fn left_behind(root: &Path, owner: ProcessIdentity, keepers: Vec<ProcessIdentity>) -> PathBuf {
        let path = root.join(RUN);
        fs::create_dir(&path).unwrap();
        drop(create_lock(&path).unwrap());
        Ledger {
            keepers,
            ..Ledger::new(RUN, owner, "plumbline".to_owned())
        }
        .write(&path)
        .unwrap();
        path
    }

    #[test]
    fn living_owner_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(root.path()).unwrap();
        let without_lock = left_behind(root.path(), ProcessIdentity::own().unwrap(), Vec::new());
        assert_eq!(collect(root.path()).unwrap(), []);
        assert!(directory.path().exists() && without_lock.exists());
    }

    #[test]
    fn dead_owner_is_collected_and_a_reused_pid_is_not_killed() {
        let root = tempfile::tempdir().unwrap();
        // This very test would be killed if the start time or the boot did not count.
        let own = ProcessIdentity::own().unwrap();
        let reused = ProcessIdentity {
            start_time: own.start_time - 1,
            ..own
        };
        let path = left_behind(root.path(), dead(), vec![reused, dead()]);
        let collected = collect(root.path()).unwrap();
        assert_eq!(collected.len(), 1);
        assert_eq!(
            (collected[0].ended.len(), collected[0].problem.as_ref()),
            (0, None)
        );
        assert!(!path.exists());
    }

    #[test]
    fn what_is_not_a_run_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let foreign = root.path().join("important");
        fs::create_dir(&foreign).unwrap();
        let making = root.path().join(format!("{}{RUN}", super::UNFINISHED));
        fs::create_dir(&making).unwrap();
        let target = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(target.path(), root.path().join("0123456789abcdef")).unwrap();
        assert_eq!(collect(root.path()).unwrap(), []);
        assert!(foreign.exists() && making.exists() && target.path().exists());
        assert_eq!(collect(root.path().join("missing")).unwrap(), []);
    }

    #[test]
    fn a_directory_that_an_engine_has_made_anew_has_no_owner_and_goes() {
        let root = tempfile::tempdir().unwrap();
        let anew = root.path().join(RUN);
        fs::create_dir_all(anew.join("node/registries")).unwrap();
        assert!(!has_owner(&anew));
        let collected = collect(root.path()).unwrap();
        assert_eq!(collected.len(), 1);
        assert_eq!(collected[0].problem, None);
        assert!(!anew.exists());
    }

    #[test]
    fn a_directory_has_an_owner_while_its_lock_is_held_or_its_ledger_names_one_who_lives() {
        let root = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(root.path()).unwrap();
        assert!(has_owner(directory.path()));
        let without_lock = left_behind(root.path(), ProcessIdentity::own().unwrap(), Vec::new());
        assert!(has_owner(&without_lock));
        fs::remove_dir_all(&without_lock).unwrap();
        assert!(!has_owner(&without_lock));
        assert!(!has_owner(&left_behind(root.path(), dead(), Vec::new())));
    }

    #[test]
    fn names_of_runs() {
        assert!(is_run(RUN));
        for other in [
            "",
            "deadbeef",
            "00000000DEADBEEF",
            "../../etc/passwd",
            "00000000deadbeef0",
        ] {
            assert!(!is_run(other), "{other}");
        }
    }
}
