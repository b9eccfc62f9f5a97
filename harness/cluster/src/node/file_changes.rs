//! Being told when files are written, instead of looking again and again.

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::{io, mem::MaybeUninit, os::fd::OwnedFd, path::Path};
use tokio::io::unix::AsyncFd;

/// Tells that something was written to what is watched, not what it was.
#[derive(Debug)]
pub struct FileChanges {
    notifications: AsyncFd<OwnedFd>,
}

impl FileChanges {
    /// Watches nothing so far.
    ///
    /// # Errors
    /// The kernel has no inotify instance left.
    pub fn new() -> io::Result<Self> {
        let notifications = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe, which nothing here may be; the descriptor is owned"
        )]
        let notifications = AsyncFd::new(notifications)?;
        Ok(Self { notifications })
    }

    /// Watches a file, or the files of a folder, also those that are still to come.
    ///
    /// # Errors
    /// It is not there, or the kernel has no watch left.
    pub fn watch(&self, path: &Path) -> io::Result<()> {
        let events = WatchFlags::MODIFY | WatchFlags::CREATE;
        inotify::add_watch(self.notifications.get_ref(), path, events)?;
        Ok(())
    }

    /// Waits until something has been written since the last time. Nothing is lost when it is dropped while it waits.
    ///
    /// # Errors
    /// The kernel's own, of reading its notifications.
    pub async fn next(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.notifications.readable_mut().await?;
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let drained = ready.try_io(|descriptor| {
                let mut reader = inotify::Reader::new(descriptor.get_ref(), &mut buffer);
                reader.next().map(drop).map_err(io::Error::from)
            });
            if let Ok(outcome) = drained {
                return outcome;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::fs;

    #[tokio::test]
    async fn a_file_that_comes_and_one_that_grows_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = FileChanges::new().unwrap();
        changes.watch(folder.path()).unwrap();
        assert!(changes.next().now_or_never().is_none());
        let file = folder.path().join("0.log");
        fs::write(&file, "").unwrap();
        changes.next().await.unwrap();

        let mut changes = FileChanges::new().unwrap();
        changes.watch(&file).unwrap();
        assert!(changes.next().now_or_never().is_none());
        fs::write(&file, "a line").unwrap();
        changes.next().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_there_cannot_be_watched() {
        let folder = tempfile::tempdir().unwrap();
        let error = FileChanges::new()
            .unwrap()
            .watch(&folder.path().join("no"))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
