//! Progress of long work: building programs, mirroring images, starting a cluster.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Identifies one piece of work among those reported to the same [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ActivityId(pub u64);

/// What `done` and `total` of an activity count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Countable things: packages, images, objects.
    Items,
}

/// A change of one activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Work began.
    Started {
        /// Which work.
        id: ActivityId,
        /// In words: `building kube-apiserver v1.34.4`.
        what: String,
        /// How much there is to do, where known.
        total: Option<(u64, Unit)>,
        /// How long the same work took last time on this machine, where known.
        last_time: Option<Duration>,
    },
    /// `done` of the total is done.
    Advanced {
        /// Which work.
        id: ActivityId,
        /// In the unit of the total.
        done: u64,
    },
    /// A word about the current state.
    Noted {
        /// Which work.
        id: ActivityId,
        /// For example the package being compiled.
        note: String,
    },
    /// Work ended.
    Finished {
        /// Which work.
        id: ActivityId,
    },
}

type Sink = dyn Fn(Activity) + Send + Sync;

/// Where activities are reported to; cheap to clone.
#[derive(Clone)]
pub struct Progress {
    sink: Arc<Sink>,
    next: Arc<AtomicU64>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Progress")
    }
}

impl Progress {
    /// Reports to `sink`, which must not block.
    pub fn new(sink: impl Fn(Activity) + Send + Sync + 'static) -> Self {
        Self {
            sink: Arc::new(sink),
            next: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Reports to nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| ())
    }

    /// Starts a piece of work of unknown size; it ends when the [`Task`] is dropped.
    #[must_use]
    pub fn task(&self, what: impl Into<String>) -> Task {
        self.start(what.into(), None, None)
    }

    /// Starts a piece of work of a known size, or one that has been timed before.
    #[must_use]
    pub fn sized_task(
        &self,
        what: impl Into<String>,
        total: Option<(u64, Unit)>,
        last_time: Option<Duration>,
    ) -> Task {
        self.start(what.into(), total, last_time)
    }

    fn start(&self, what: String, total: Option<(u64, Unit)>, last_time: Option<Duration>) -> Task {
        let id = ActivityId(self.next.fetch_add(1, Ordering::Relaxed));
        (self.sink)(Activity::Started {
            id,
            what,
            total,
            last_time,
        });
        Task {
            id,
            sink: self.sink.clone(),
            done: AtomicU64::new(0),
        }
    }
}

/// A piece of work under way; dropping it reports its end.
pub struct Task {
    id: ActivityId,
    sink: Arc<Sink>,
    done: AtomicU64,
}

impl Task {
    /// Adds `amount` to what is done.
    pub fn advance(&self, amount: u64) {
        let done = self.done.fetch_add(amount, Ordering::Relaxed) + amount;
        (self.sink)(Activity::Advanced { id: self.id, done });
    }

    /// Says what is happening now.
    pub fn note(&self, note: impl Into<String>) {
        (self.sink)(Activity::Noted {
            id: self.id,
            note: note.into(),
        });
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        (self.sink)(Activity::Finished { id: self.id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_task_reports_its_start_its_progress_and_its_end() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let progress = Progress::new(move |activity| sink.lock().unwrap().push(activity));
        let task = progress.sized_task("mirroring", Some((10, Unit::Items)), None);
        task.advance(4);
        task.advance(6);
        drop(task);
        let id = ActivityId(0);
        assert_eq!(
            *seen.lock().unwrap(),
            [
                Activity::Started {
                    id,
                    what: "mirroring".into(),
                    total: Some((10, Unit::Items)),
                    last_time: None
                },
                Activity::Advanced { id, done: 4 },
                Activity::Advanced { id, done: 10 },
                Activity::Finished { id },
            ]
        );
    }
}
