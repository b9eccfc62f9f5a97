//! Waiting for a condition, and for a condition to stay.

use super::{
    error::{WaitError, WaitTimeout},
    observer::{Observer, Step},
    target::{Target, View},
    watches::Watches,
};
use crate::{
    conditions::Verdict,
    kubernetes::{KindReference, KindSelector, Object},
};
use std::time::Duration;
use tokio::time::Instant;

/// What a successful wait saw.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The state for which the condition held.
    pub view: View,
    /// How long it took.
    pub elapsed: Duration,
}

impl Observed {
    /// The object, of a wait for one that is there.
    #[must_use]
    pub fn object(&self) -> Option<&Object> {
        self.view.object()
    }
}

impl Watches {
    /// Waits until `condition` is met by a state of `target` that is not older than this call.
    ///
    /// The condition is evaluated on the state now and on each change. `on_change` hears what is seen instead,
    /// whenever that changes. A broken connection does not end the wait, the deadline does.
    ///
    /// # Errors
    /// [`WaitError`] says why the condition was not seen.
    pub async fn wait(
        &self,
        target: impl Into<Target>,
        condition: impl Fn(&View) -> Verdict,
        deadline: impl Into<Instant>,
        on_change: impl Fn(&str),
    ) -> Result<Observed, WaitError> {
        let start = Instant::now();
        let mut observer = Observer::new(self, target.into(), deadline.into());
        let mut seen = String::new();
        loop {
            match observer.next().await? {
                Step::State | Step::Confirmed => match condition(&observer.view) {
                    Verdict::Met => {
                        return Ok(Observed {
                            view: observer.view,
                            elapsed: start.elapsed(),
                        });
                    }
                    Verdict::NotYet(now) => {
                        if now != seen {
                            on_change(&now);
                            seen = now;
                        }
                    }
                    Verdict::Never(reason) => {
                        return Err(WaitError::Never {
                            target: observer.target().clone(),
                            reason,
                            elapsed: start.elapsed(),
                            last: observer.view,
                        });
                    }
                },
                Step::Deadline => return Err(timed_out(observer, seen, start)),
            }
        }
    }

    /// Waits until the cluster serves a kind: a CustomResourceDefinition says that it is established some milliseconds
    /// before its objects can be written.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] when the kind is still unknown at the deadline.
    pub async fn served(&self, kind: &KindReference, deadline: impl Into<Instant>) -> Result<(), WaitError> {
        let start = Instant::now();
        let target = Target::Set(KindSelector::all(kind.clone()));
        let mut observer = Observer::new(self, target, deadline.into());
        loop {
            match observer.next().await? {
                Step::State | Step::Confirmed if observer.is_live() => return Ok(()),
                Step::State | Step::Confirmed => {}
                Step::Deadline => return Err(timed_out(observer, "the kind is not served".into(), start)),
            }
        }
    }

    /// Watches that `condition` holds now and all the time for `duration`: a violation is seen even when it is over
    /// before the end.
    ///
    /// # Errors
    /// [`WaitError::Violated`] at the first state that does not meet the condition; [`WaitError::TimedOut`] when the
    /// cluster could not be asked.
    pub async fn hold(
        &self,
        target: impl Into<Target>,
        condition: impl Fn(&View) -> Verdict,
        duration: Duration,
    ) -> Result<Observed, WaitError> {
        /// How long the first and the last look may take.
        const LOOK_WITHIN: Duration = Duration::from_secs(10);

        let start = Instant::now();
        let mut observer = Observer::new(self, target.into(), start + LOOK_WITHIN);
        // The time counts from the first state seen, and the last state is asked for anew: the watch may be behind.
        let mut end = None;
        let mut is_last_look = false;
        loop {
            let step = observer.next().await?;
            match step {
                Step::State | Step::Confirmed => {
                    if let Verdict::NotYet(seen) | Verdict::Never(seen) = condition(&observer.view) {
                        return Err(WaitError::Violated {
                            target: observer.target().clone(),
                            seen,
                            elapsed: start.elapsed(),
                            last: observer.view,
                        });
                    }
                    if matches!(step, Step::Confirmed) {
                        return Ok(Observed {
                            view: observer.view,
                            elapsed: start.elapsed(),
                        });
                    }
                    if end.is_none() {
                        let until = Instant::now() + duration;
                        end = Some(until);
                        observer.until(until);
                    }
                }
                Step::Deadline if end.is_none() || is_last_look => {
                    return Err(timed_out(observer, String::new(), start));
                }
                Step::Deadline => {
                    is_last_look = true;
                    observer.until(Instant::now() + LOOK_WITHIN);
                    observer.confirm();
                }
            }
        }
    }
}

fn timed_out(observer: Observer<'_>, seen: String, start: Instant) -> WaitError {
    let seen = if seen.is_empty() && observer.has_state {
        observer.view.summary()
    } else {
        seen
    };
    let blindness = observer.blindness();
    WaitError::TimedOut(Box::new(WaitTimeout {
        target: observer.target().clone(),
        seen,
        is_blind: blindness.is_some(),
        last_error: blindness.or_else(|| observer.unknown_kind()),
        elapsed: start.elapsed(),
        last: observer.view,
    }))
}
