//! The event log: the one sink of everything that happens, where secrets are masked.

use plumbline_model::{Event, LogEntry, Masker, Secret, UnmaskableSecret};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

type Listener = Box<dyn Fn(&LogEntry) + Send + Sync>;

/// Where events go; cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    inner: Arc<Inner>,
}

struct Inner {
    began: Instant,
    path: PathBuf,
    listener: Listener,
    state: Mutex<State>,
}

struct State {
    file: File,
    entries: Vec<LogEntry>,
    masker: Masker,
    error: Option<io::Error>,
}

impl EventLog {
    /// Creates the log at `path` (mode 0600, replacing an older one) and calls `listener` for every entry.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, listener: impl Fn(&LogEntry) + Send + Sync + 'static) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        let state = State {
            file,
            entries: Vec::new(),
            masker: Masker::default(),
            error: None,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                began: Instant::now(),
                path: path.to_owned(),
                listener: Box::new(listener),
                state: Mutex::new(state),
            }),
        })
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Milliseconds since the run began.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.inner.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Masks `secret` in every later event.
    ///
    /// # Errors
    /// It is too short to be masked.
    pub fn mask(&self, secret: &Secret<String>) -> Result<(), UnmaskableSecret> {
        self.state().masker.add(secret)
    }

    /// Writes `event`, masked, before anybody hears of it.
    pub fn emit(&self, event: Event) {
        let entry = {
            let mut state = self.state();
            let entry = state.masker.mask_entry(LogEntry {
                at: self.now(),
                event,
            });
            let written = serde_json::to_string(&entry)
                .map_err(io::Error::other)
                .and_then(|line| state.file.write_all(format!("{line}\n").as_bytes()));
            if let Err(error) = written {
                // The run goes on and its reports are still rendered from memory; the first error is told at the end.
                state.error.get_or_insert(error);
            }
            state.entries.push(entry.clone());
            entry
        };
        (self.inner.listener)(&entry);
    }

    /// Every entry so far.
    #[must_use]
    pub fn entries(&self) -> Vec<LogEntry> {
        self.state().entries.clone()
    }

    /// The first error of writing the file, once.
    #[must_use]
    pub fn take_error(&self) -> Option<io::Error> {
        self.state().error.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of a listener cannot leave the state half-written: nothing of it runs under the lock.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::read_log;

    #[test]
    fn what_is_written_reads_back_masked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.ndjson");
        let log = EventLog::create(&path, |_| ()).unwrap();
        log.mask(&Secret::new("s3cr\"et".into())).unwrap();
        log.emit(Event::Fact {
            name: "flux".into(),
            value: "2.9.2 with s3cr\"et".into(),
        });
        let read = read_log(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(read, log.entries());
        assert_eq!(
            read[0].event,
            Event::Fact {
                name: "flux".into(),
                value: "2.9.2 with ***".into()
            }
        );
    }
}
