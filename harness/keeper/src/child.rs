//! A handle to one child.

use crate::capture::{Captured, Finished};
use crate::connection::Outgoing;
use crate::start::{Capture, Streams};
use crate::wire::{ChildId, Request};
use crate::{Command, KeeperError, Signal};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::{mpsc, watch};

/// The time a stop waits beyond the grace, for the KILL to do its work.
const AFTER_GRACE: Duration = Duration::from_secs(5);

/// The time that captured output stays open after its child has ended, if someone else still holds it.
const OUTPUT_END: Duration = Duration::from_secs(1);

/// A child process. Clones are handles to the same one; dropping them does not end it, the keeper owns it.
#[derive(Clone)]
pub struct Child {
    shared: Arc<Shared>,
}

struct Shared {
    number: ChildId,
    name: String,
    pid: u32,
    grace: Duration,
    exit: watch::Receiver<Option<ExitStatus>>,
    requests: mpsc::WeakUnboundedSender<Outgoing>,
    streams: Mutex<Streams>,
}

impl Child {
    pub(crate) fn new(
        number: ChildId,
        command: &Command,
        pid: u32,
        exit: watch::Receiver<Option<ExitStatus>>,
        requests: mpsc::WeakUnboundedSender<Outgoing>,
        streams: Streams,
    ) -> Self {
        let (name, grace, streams) = (command.name.clone(), command.grace, Mutex::new(streams));
        Self {
            shared: Arc::new(Shared {
                number,
                name,
                pid,
                grace,
                exit,
                requests,
                streams,
            }),
        }
    }

    /// The name of its command.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Its pid as this process sees it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.shared.pid
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        *self.shared.exit.borrow()
    }

    /// Waits for its end. The children of a keeper that died were killed, and this says so.
    pub async fn wait(&self) -> ExitStatus {
        let mut exit = self.shared.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        ended.ok().and_then(|status| *status).unwrap_or_else(killed)
    }

    /// Waits for its end and returns what it wrote, as far as its output is [`Output::Captured`](crate::Output::Captured).
    pub async fn finish(&self) -> Finished {
        let status = self.wait().await;
        let Some(Capture {
            stdout,
            stderr,
            readers,
        }) = self.streams(|streams| streams.capture.take())
        else {
            return Finished {
                status,
                stdout: Captured::default(),
                stderr: Captured::default(),
            };
        };
        let deadline = tokio::time::Instant::now() + OUTPUT_END;
        for mut reader in readers {
            if tokio::time::timeout_at(deadline, &mut reader).await.is_err() {
                reader.abort();
            }
        }
        let take = |kept: &Mutex<Captured>| {
            std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner))
        };
        Finished {
            status,
            stdout: take(&stdout),
            stderr: take(&stderr),
        }
    }

    /// Asks it to end (TERM to its group), kills it after the grace of its command, and returns how it ended.
    ///
    /// # Errors
    /// If not even KILL ends it.
    pub async fn stop(&self) -> Result<ExitStatus, KeeperError> {
        self.stop_within(self.shared.grace).await
    }

    /// As [`Child::stop`], with a grace of its own.
    ///
    /// # Errors
    /// If not even KILL ends it.
    pub async fn stop_within(&self, grace: Duration) -> Result<ExitStatus, KeeperError> {
        let grace_milliseconds = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.request(Request::Stop {
            id: self.shared.number,
            grace_milliseconds,
        });
        let limit = grace.saturating_add(AFTER_GRACE);
        let ended = tokio::time::timeout(limit, self.wait()).await;
        ended.map_err(|_| KeeperError::Stuck {
            name: self.name().to_owned(),
            seconds: limit.as_secs(),
        })
    }

    /// Sends a signal to its process group, in order with other requests; one that has ended is not affected.
    pub fn signal(&self, signal: Signal) {
        self.request(Request::Signal {
            id: self.shared.number,
            signal: signal.as_raw(),
        });
    }

    /// Its standard input, once, if that is [`Stdin::Piped`](crate::Stdin::Piped).
    #[must_use]
    pub fn take_stdin(&self) -> Option<Sender> {
        self.streams(|streams| streams.stdin.take())
    }

    /// Its standard output, once, if that is piped.
    #[must_use]
    pub fn take_stdout(&self) -> Option<Receiver> {
        self.streams(|streams| streams.stdout.take())
    }

    /// Its standard error, once, if that is piped.
    #[must_use]
    pub fn take_stderr(&self) -> Option<Receiver> {
        self.streams(|streams| streams.stderr.take())
    }

    pub(crate) fn number(&self) -> ChildId {
        self.shared.number
    }

    /// Sends a request unless the keeper is gone, and its children with it.
    pub(crate) fn request(&self, request: Request) {
        if let Some(requests) = self.shared.requests.upgrade() {
            let _ = requests.send(Outgoing {
                request,
                descriptors: Vec::new(),
            });
        }
    }

    fn streams<T>(&self, take: impl FnOnce(&mut Streams) -> T) -> T {
        take(&mut self.shared.streams.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Child {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Child({}, {})", self.shared.name, self.shared.pid)
    }
}

/// The status of a child whose keeper died.
pub(crate) fn killed() -> ExitStatus {
    ExitStatus::from_raw(Signal::KILL.as_raw())
}
