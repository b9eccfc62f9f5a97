//! The event log: the one sink of everything that happens, where secrets are masked.

use plumbline_model::{Event, LogEntry, Masker, Secret, UnmaskableSecret};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    time::{Duration, Instant},
};

/// How long the end of a run waits for a listener that is behind: a terminal that was stopped, for example.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// Where events go; cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    inner: Arc<Inner>,
}

struct Inner {
    began: Instant,
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    entries: Vec<Arc<LogEntry>>,
    masker: Masker,
    listener: Sender<Told>,
    error: Option<io::Error>,
}

/// What the thread of the listener is told.
enum Told {
    Entry(Arc<LogEntry>),
    /// To answer once it has heard everything before.
    Settle(SyncSender<()>),
}

impl EventLog {
    /// Creates the log at `path` (mode 0600, replacing an older one) and calls `listener` for every entry, in order, on
    /// a thread of its own: one that is slow does not hold up the run.
    ///
    /// # Errors
    /// The file or the thread cannot be created.
    pub fn create(path: &Path, listener: impl Fn(&LogEntry) + Send + 'static) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        let (sender, told) = channel();
        std::thread::Builder::new()
            .name("event listener".to_owned())
            .spawn(move || listen(&told, listener))?;
        let state = State {
            file,
            entries: Vec::new(),
            masker: Masker::default(),
            listener: sender,
            error: None,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                began: Instant::now(),
                path: path.to_owned(),
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
        let mut state = self.state();
        let at = self.now();
        let entry = Arc::new(state.masker.mask_entry(LogEntry { at, event }));
        let written = serde_json::to_vec(&*entry)
            .map_err(io::Error::other)
            .and_then(|mut line| {
                line.push(b'\n');
                state.file.write_all(&line)
            });
        if let Err(error) = written {
            // The run goes on and its reports are still rendered from memory; the first error is told at the end.
            state.error.get_or_insert(error);
        }
        state.entries.push(entry.clone());
        // Told under the lock, so that the order is that of the log. A listener that is gone hears nothing more.
        let _ = state.listener.send(Told::Entry(entry));
    }

    /// Every entry so far, copied: for the end of a run. A listener folds them as they come.
    #[must_use]
    pub fn entries(&self) -> Vec<LogEntry> {
        let entries = self.state().entries.clone();
        entries.iter().map(|entry| LogEntry::clone(entry)).collect()
    }

    /// Waits until the listener has heard every entry so far, but no longer than some seconds.
    pub fn settle(&self) {
        let (answer, settled) = sync_channel(1);
        let asked = self.state().listener.send(Told::Settle(answer));
        if asked.is_ok() {
            // Whether it settled or not, the caller goes on.
            let _ = settled.recv_timeout(SETTLE_WITHIN);
        }
    }

    /// The first error of writing the file, once.
    #[must_use]
    pub fn take_error(&self) -> Option<io::Error> {
        self.state().error.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can panic half-way.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(told: &Receiver<Told>, listener: impl Fn(&LogEntry)) {
    while let Ok(told) = told.recv() {
        match told {
            Told::Entry(entry) => listener(&entry),
            Told::Settle(answer) => {
                // Whoever asked may have stopped waiting.
                let _ = answer.send(());
            }
        }
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

    #[test]
    fn a_listener_that_does_not_listen_holds_up_no_event() {
        let directory = tempfile::tempdir().unwrap();
        let (release, held) = channel::<()>();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = heard.clone();
        let log = EventLog::create(&directory.path().join("run.ndjson"), move |entry| {
            let _ = held.recv();
            hearing.lock().unwrap().push(entry.clone());
        })
        .unwrap();
        for number in 0..3 {
            log.emit(Event::Fact {
                name: "number".into(),
                value: number.to_string(),
            });
        }
        assert_eq!(log.entries().len(), 3);
        drop(release);
        log.settle();
        assert_eq!(*heard.lock().unwrap(), log.entries());
    }
}
