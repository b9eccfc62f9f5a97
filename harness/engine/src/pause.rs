//! A run that holds still at a failure, so that people can look at it.

use crate::EventLog;
use plumbline_model::Event;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Lets a run that is paused go on; cheap to clone.
#[derive(Clone, Debug)]
pub struct Resume {
    asked: watch::Sender<Asked>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    times: u64,
    for_good: bool,
}

impl Resume {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            asked: watch::Sender::new(Asked::default()),
        }
    }

    /// Lets everything go on that is paused now.
    pub fn resume(&self) {
        self.asked.send_modify(|asked| asked.times += 1);
    }

    /// Lets everything go on, now and at every later failure: nobody is there any more who could ask for it.
    pub fn resume_for_good(&self) {
        self.asked.send_modify(|asked| asked.for_good = true);
    }
}

impl Default for Resume {
    fn default() -> Self {
        Self::new()
    }
}

/// Holds scenarios at their failures, and tells the dispatcher.
pub(crate) struct Pause {
    resume: Resume,
    held: watch::Sender<usize>,
}

impl Pause {
    pub(crate) fn new(resume: Resume) -> Self {
        Self {
            resume,
            held: watch::Sender::new(0),
        }
    }

    /// How many scenarios are held.
    pub(crate) fn held(&self) -> watch::Receiver<usize> {
        self.held.subscribe()
    }

    /// Holds until it is asked to go on, or the run is to end.
    pub(crate) async fn hold(
        &self,
        scenario: &str,
        text: String,
        log: &EventLog,
        cancel: &CancellationToken,
    ) {
        let mut asked = self.resume.asked.subscribe();
        if asked.borrow_and_update().for_good {
            return;
        }
        self.held.send_modify(|held| *held += 1);
        log.emit(Event::Noted {
            scenario: scenario.to_owned(),
            text,
        });
        tokio::select! {
            // The sender lives in `self`.
            _ = asked.changed() => {}
            () = cancel.cancelled() => {}
        }
        self.held.send_modify(|held| *held -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_goes_on_when_asked_and_says_meanwhile_that_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let log = EventLog::create(&directory.path().join("run.ndjson"), |_| ()).unwrap();
        let resume = Resume::new();
        // An answer from before the question is none.
        resume.resume();
        let pause = Pause::new(resume.clone());
        let mut held = pause.held();
        let cancel = CancellationToken::new();
        let go_on = async {
            held.wait_for(|held| *held == 1).await.unwrap();
            assert_eq!(log.entries().len(), 1);
            resume.resume();
        };
        tokio::join!(pause.hold("a", "paused".into(), &log, &cancel), go_on);
        assert_eq!(*pause.held().borrow(), 0);
    }

    #[tokio::test]
    async fn it_does_not_hold_where_nobody_can_ask() {
        let directory = tempfile::tempdir().unwrap();
        let log = EventLog::create(&directory.path().join("run.ndjson"), |_| ()).unwrap();
        let resume = Resume::new();
        resume.resume_for_good();
        let pause = Pause::new(resume);
        let cancel = CancellationToken::new();
        pause.hold("a", "paused".into(), &log, &cancel).await;
        assert!(log.entries().is_empty());
    }

    #[tokio::test]
    async fn the_end_of_the_run_ends_it() {
        let directory = tempfile::tempdir().unwrap();
        let log = EventLog::create(&directory.path().join("run.ndjson"), |_| ()).unwrap();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let pause = Pause::new(Resume::new());
        pause.hold("a", "paused".into(), &log, &cancel).await;
    }
}
