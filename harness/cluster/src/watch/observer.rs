//! The state of a target, followed event by event from a consistent list that was made after the observer began.
//!
//! The shared watch may be behind what the caller has just written. So every observer first subscribes, then lists
//! from the API server, and then ignores the events that the list already contains: no state is ever older than the
//! wait, and no change after the list is missed. Before the deadline, and from time to time on the way there, it has the
//! API server asked whether the watch has told everything, so that a dead watch is not taken for a quiet cluster.

use super::{
    error::WaitError,
    feed::{Change, Feed},
    target::{Target, View, key_of},
    watches::{Watches, died},
};
use crate::kubernetes::{KindReference, KubernetesError, Object, Pauses, Resource};
use kube::core::params::ListParams;
use plumbline_model::Fault;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

/// A kind that was just defined takes a moment to be served after its definition says Established.
const KIND_PAUSE: Duration = Duration::from_millis(250);

/// How often the watch is doubted while nothing happens.
const DOUBT_AFTER: Duration = Duration::from_secs(30);

/// How long before the deadline the last look is asked for; in short waits a quarter of them.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What an observer has to tell.
pub(super) enum Step {
    /// The state, as it was at first or after a change.
    State,
    /// The state, when the API server had been asked for all of it as [`Observer::confirm`] wanted.
    Confirmed,
    /// The deadline passed.
    Deadline,
}

pub(super) struct Observer<'a> {
    watches: &'a Watches,
    target: Target,
    deadline: Instant,
    fault: watch::Receiver<Option<Fault>>,
    source: Source,
    baseline: u64,
    pauses: Pauses,
    /// When the watch is to be doubted next.
    doubt: Instant,
    /// Since when a look has been asked for, and has not been answered.
    asked: Option<Instant>,
    /// A look that began at this time or later confirms the state.
    confirming: Option<Instant>,
    /// The state now.
    pub(super) view: View,
    /// Whether `view` has been filled at least once.
    pub(super) has_state: bool,
    /// Why the API server cannot be asked now.
    blindness: Option<String>,
    /// The kind is not known, in the words of the error.
    unknown_kind: Option<String>,
}

enum Source {
    /// The state must be listed anew.
    Stale,
    /// The cluster does not have the kind; its definitions are watched.
    UnknownKind(
        mpsc::UnboundedReceiver<Change>,
        #[expect(dead_code, reason = "keeps the watch alive")] Arc<Feed>,
    ),
    /// The list is made; changes follow.
    Live(mpsc::UnboundedReceiver<Change>, Arc<Feed>),
}

impl<'a> Observer<'a> {
    pub(super) fn new(watches: &'a Watches, target: Target, deadline: Instant) -> Self {
        let mut observer = Self {
            watches,
            target,
            deadline,
            fault: watches.fault(),
            source: Source::Stale,
            baseline: 0,
            pauses: Pauses::new(),
            doubt: deadline,
            asked: None,
            confirming: None,
            view: View::default(),
            has_state: false,
            blindness: None,
            unknown_kind: None,
        };
        observer.until(deadline);
        observer
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the state is that of a kind which the cluster has.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.source, Source::Live(..))
    }

    /// Why the state at this moment is not known, if it is not.
    pub(super) fn blindness(&self) -> Option<String> {
        let unanswered = || {
            let waited = self.asked?.elapsed().as_secs_f64();
            Some(format!("the API server has not answered for {waited:.1} s"))
        };
        self.blindness.clone().or_else(unanswered)
    }

    /// What the cluster said about a kind that it does not have.
    pub(super) fn unknown_kind(&self) -> Option<String> {
        self.unknown_kind.clone()
    }

    /// Has the API server asked for the state; the answer is [`Step::Confirmed`].
    pub(super) fn confirm(&mut self) {
        self.confirming = Some(Instant::now());
        match &self.source {
            Source::Live(_, feed) => {
                feed.look();
                self.asked = self.confirming;
            }
            // Will be listed at once, or before long.
            Source::Stale | Source::UnknownKind(..) => self.source = Source::Stale,
        }
    }

    /// Moves the deadline.
    pub(super) fn until(&mut self, deadline: Instant) {
        let now = Instant::now();
        self.deadline = deadline;
        let last_look = LAST_LOOK.min((deadline - now) / 4);
        self.doubt = (deadline - last_look).min(now + DOUBT_AFTER);
    }

    /// The next state, or that the deadline passed first.
    pub(super) async fn next(&mut self) -> Result<Step, WaitError> {
        loop {
            let change = match &mut self.source {
                Source::Stale => match self.guarded_list().await? {
                    Some(step) => return Ok(step),
                    None => continue,
                },
                Source::UnknownKind(definitions, _) => tokio::select! {
                    biased;
                    fault = died(&mut self.fault) => return Err(WaitError::Fault(Box::new(fault))),
                    _ = definitions.recv() => { self.source = Source::Stale; continue; }
                    () = tokio::time::sleep_until(self.deadline.min(Instant::now() + KIND_PAUSE)) => {
                        if Instant::now() >= self.deadline {
                            return Ok(Step::Deadline);
                        }
                        self.source = Source::Stale;
                        continue;
                    }
                },
                Source::Live(changes, feed) => tokio::select! {
                    biased;
                    fault = died(&mut self.fault) => return Err(WaitError::Fault(Box::new(fault))),
                    change = changes.recv() => change,
                    () = tokio::time::sleep_until(self.deadline) => return Ok(Step::Deadline),
                    () = tokio::time::sleep_until(self.doubt) => {
                        feed.look();
                        let now = Instant::now();
                        self.asked.get_or_insert(now);
                        self.doubt = now + DOUBT_AFTER;
                        continue;
                    }
                },
            };
            if let Some(step) = self.take(change) {
                return Ok(step);
            }
        }
    }

    /// Lists within the deadline; `None` means that it has to be tried again.
    async fn guarded_list(&mut self) -> Result<Option<Step>, WaitError> {
        let mut fault = self.fault.clone();
        let deadline = self.deadline;
        let begun = Instant::now();
        let listed = tokio::select! {
            biased;
            fault = died(&mut fault) => return Err(WaitError::Fault(Box::new(fault))),
            listed = self.list() => listed,
            () = tokio::time::sleep_until(deadline) => {
                self.asked.get_or_insert(begun);
                return Ok(Some(Step::Deadline));
            }
        };
        let error = match listed {
            Ok(()) => {
                self.has_state = true;
                (self.blindness, self.asked) = (None, None);
                self.pauses = Pauses::new();
                return Ok(Some(self.seen_at(begun).unwrap_or(Step::State)));
            }
            Err(error) if error.is_transient() => error,
            Err(error) => return Err(error.into()),
        };
        self.blindness = Some(error.to_string());
        let again = Instant::now() + self.pauses.after(&error);
        tokio::select! {
            biased;
            fault = died(&mut fault) => Err(WaitError::Fault(Box::new(fault))),
            () = tokio::time::sleep_until(again.min(deadline)) => {
                Ok((again >= deadline).then_some(Step::Deadline))
            }
        }
    }

    /// Whether a look that began at this time is the one that was to confirm the state.
    fn seen_at(&mut self, begun: Instant) -> Option<Step> {
        self.confirming.take_if(|wanted| *wanted <= begun)?;
        Some(Step::Confirmed)
    }

    async fn list(&mut self) -> Result<(), KubernetesError> {
        let kubernetes = self.watches.impatient();
        let resource = match kubernetes.resource(self.target.kind()).await {
            Ok(resource) => resource,
            Err(error @ KubernetesError::UnknownKind { .. }) => return self.without_kind(error).await,
            Err(error) => return Err(error),
        };
        if let Target::Object(reference) = &self.target {
            resource.check_scope(reference)?;
        }
        let name = match &self.target {
            Target::Object(reference) => Some(reference.name.as_str()),
            Target::Set(_) => None,
        };
        let feed = self.watches.feed(self.target.kind()).await?;
        // Subscribe before listing: what happens after the list is in the subscription.
        let changes = feed.subscribe(self.target.namespace(), name);
        match self.listed(&resource).await {
            Ok((objects, version)) => {
                self.view = objects
                    .into_iter()
                    .filter(|object| self.target.chooses(object))
                    .collect();
                self.baseline = version;
                self.source = Source::Live(changes, feed);
                self.unknown_kind = None;
                Ok(())
            }
            // The definition was removed a moment ago, and all objects with it.
            Err(error) if error.is_not_found() => {
                kubernetes.forget_kinds().await;
                self.without_kind(error).await
            }
            Err(error) => Err(error),
        }
    }

    async fn listed(&self, resource: &Resource) -> Result<(Vec<Object>, u64), KubernetesError> {
        let parameters = match &self.target {
            Target::Object(reference) => {
                ListParams::default().fields(&format!("metadata.name={}", reference.name))
            }
            Target::Set(selector) => ListParams {
                label_selector: selector.label_query(),
                ..ListParams::default()
            },
        };
        self.watches
            .impatient()
            .list_at(resource, self.target.namespace(), parameters)
            .await
    }

    /// A kind that the cluster does not have has no objects.
    async fn without_kind(&mut self, error: KubernetesError) -> Result<(), KubernetesError> {
        let definitions = KindReference::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        let feed = self.watches.feed(&definitions).await?;
        let changes = feed.subscribe(None, None);
        self.unknown_kind = Some(error.to_string());
        self.view = View::default();
        self.source = Source::UnknownKind(changes, feed);
        Ok(())
    }

    /// Takes a change over into the view; tells what there is to tell now.
    fn take(&mut self, change: Option<Change>) -> Option<Step> {
        let is_changed = match change {
            Some(Change::Applied(object)) if object.version() > self.baseline => {
                if self.target.chooses(&object) {
                    self.view.objects.insert(key_of(&object), object);
                    true
                } else {
                    // Its labels may have been changed so that it is not chosen any more.
                    self.view.objects.remove(&key_of(&object)).is_some()
                }
            }
            Some(Change::Deleted(object, version)) if version > self.baseline => {
                self.view.objects.remove(&key_of(&object)).is_some()
            }
            Some(Change::Applied(_) | Change::Deleted(..)) => false,
            Some(Change::Looked(begun)) => {
                (self.blindness, self.asked) = (None, None);
                return self.seen_at(begun);
            }
            Some(Change::Interrupted(error)) => {
                self.blindness = Some(error);
                false
            }
            None => {
                self.source = Source::Stale;
                false
            }
        };
        is_changed.then_some(Step::State)
    }
}
