//! One process at a time works on a program: a lock on a file, which the kernel takes back from a process that dies.

use crate::{ToolchainError, cache::Slot};
use plumbline_model::Progress;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    time::Duration,
};

/// Longer than all programs take on a slow machine.
const LONGEST_WAIT: Duration = Duration::from_secs(90 * 60);

/// The right to write into the folder of one program; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _file: File,
}

impl Claim {
    /// Waits until no other process works on the program, and says for whom it waits.
    pub(crate) async fn acquire(
        slot: &Slot,
        name: &str,
        progress: &Progress,
    ) -> Result<Self, ToolchainError> {
        let path = slot.lock_file();
        fs::create_dir_all(slot.folder()).map_err(ToolchainError::file("create", slot.folder()))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(ToolchainError::file("open", &path))?;
        let file = match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => file,
            Err(Errno::WOULDBLOCK) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                let holder = if holder.is_empty() {
                    "of another plumbline".to_owned()
                } else {
                    holder
                };
                let _task = progress.task(format!("waiting for process {holder}, which is fetching {name}"));
                tokio::time::timeout(LONGEST_WAIT, wait(file))
                    .await
                    .map_err(|_| ToolchainError::Busy {
                        name: name.to_owned(),
                        holder,
                        minutes: LONGEST_WAIT.as_secs() / 60,
                    })?
                    .map_err(ToolchainError::file("lock", &path))?
            }
            Err(error) => return Err(ToolchainError::file("lock", &path)(error.into())),
        };
        sign(&file).map_err(ToolchainError::file("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// Writes down who holds the lock, for the messages of those who wait.
fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

/// A thread of its own: the kernel's wait for a lock cannot be cancelled, and nobody may have to wait for that thread
/// when plumbline ends. If nobody wants the lock any more, it is given back at once.
async fn wait(file: File) -> io::Result<File> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("toolchain-lock".into())
        .spawn(move || {
            let locked = rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive));
            let _ = sender.send(locked.map(|()| file).map_err(io::Error::from));
        })?;
    receiver
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the thread that waited for the lock died")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Lock;
    use plumbline_model::Activity;
    use std::sync::{Arc, Mutex};

    fn slot(cache: &std::path::Path) -> Slot {
        let text = "[go]\nrelease = \"1.27.4\"\nminimum = \"1.21.0\"\n[[program]]\nname = \"tool\"\nversion = \"1.0.0\"\n\
                    path = { ask = [], pattern = \"{version}\" }\n";
        Slot::new(cache, &Lock::parse(text, "lock").unwrap().programs[0], &[])
    }

    #[tokio::test]
    async fn the_second_waits_says_for_whom_and_goes_on_when_the_first_ends() {
        let cache = tempfile::tempdir().unwrap();
        let slot = slot(cache.path());
        let first = Claim::acquire(&slot, "tool", &Progress::silent()).await.unwrap();
        let (sender, mut waiting) = tokio::sync::mpsc::unbounded_channel();
        let said = Arc::new(Mutex::new(Vec::new()));
        let log = said.clone();
        let progress = Progress::new(move |activity| {
            if let Activity::Started { what, .. } = activity {
                log.lock().unwrap().push(what);
                sender.send(()).unwrap();
            }
        });
        let second = tokio::spawn(async move { Claim::acquire(&slot, "tool", &progress).await });
        waiting.recv().await.unwrap();
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap().unwrap();
        let expected = format!(
            "waiting for process {}, which is fetching tool",
            std::process::id()
        );
        assert_eq!(*said.lock().unwrap(), [expected]);
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_no_lock_behind() {
        let cache = tempfile::tempdir().unwrap();
        let slot = slot(cache.path());
        let silent = Progress::silent();
        let first = Claim::acquire(&slot, "tool", &silent).await.unwrap();
        {
            let second = Claim::acquire(&slot, "tool", &silent);
            tokio::pin!(second);
            assert!(futures::poll!(second.as_mut()).is_pending());
        }
        drop(first);
        Claim::acquire(&slot, "tool", &silent).await.unwrap();
    }
}
