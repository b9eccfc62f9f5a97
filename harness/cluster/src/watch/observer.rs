//! The state of a target, followed event by event from a consistent list that was made after the observer began.
//!
//! The shared watch may be behind what the caller has just written. So every observer first subscribes, then lists
//! from the API server, and then ignores the events that the list already contains: no state is ever older than the
//! wait, and no change after the list is missed.

use super::{
    error::WaitError,
    feed::{Change, Feed},
    target::{Target, View, key_of},
    watches::{Watches, died},
};
use crate::kubernetes::{KindReference, KubernetesError, Object, Resource};
use kube::core::params::ListParams;
use plumbline_model::Fault;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

/// Pause between two tries to list while the API server does not answer.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// A kind that was just defined takes a moment to be served after its definition says Established.
const KIND_PAUSE: Duration = Duration::from_millis(250);

/// What an observer has to tell.
pub(super) enum Step {
    /// The state, as it was at first or after a change.
    State,
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
    /// The state now.
    pub(super) view: View,
    /// Whether `view` has been filled at least once.
    pub(super) has_state: bool,
    /// The last error of the connection.
    pub(super) last_error: Option<String>,
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
    Live(
        mpsc::UnboundedReceiver<Change>,
        #[expect(dead_code, reason = "keeps the watch alive")] Arc<Feed>,
    ),
}

impl<'a> Observer<'a> {
    pub(super) fn new(watches: &'a Watches, target: Target, deadline: Instant) -> Self {
        Self {
            watches,
            target,
            deadline,
            fault: watches.fault(),
            source: Source::Stale,
            baseline: 0,
            view: View::default(),
            has_state: false,
            last_error: None,
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the state is that of a kind which the cluster has.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.source, Source::Live(..))
    }

    /// Has the next state listed anew, whatever the watch says.
    pub(super) fn distrust(&mut self) {
        self.source = Source::Stale;
    }

    /// Moves the deadline.
    pub(super) fn until(&mut self, deadline: Instant) {
        self.deadline = deadline;
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
                Source::Live(changes, _) => tokio::select! {
                    biased;
                    fault = died(&mut self.fault) => return Err(WaitError::Fault(Box::new(fault))),
                    change = changes.recv() => change,
                    () = tokio::time::sleep_until(self.deadline) => return Ok(Step::Deadline),
                },
            };
            if self.take(change) {
                return Ok(Step::State);
            }
        }
    }

    /// Lists within the deadline; `None` means that it has to be tried again.
    async fn guarded_list(&mut self) -> Result<Option<Step>, WaitError> {
        let mut fault = self.fault.clone();
        let deadline = self.deadline;
        let listed = tokio::select! {
            biased;
            fault = died(&mut fault) => return Err(WaitError::Fault(Box::new(fault))),
            listed = self.list() => listed,
            () = tokio::time::sleep_until(deadline) => return Ok(Some(Step::Deadline)),
        };
        match listed {
            Ok(()) => {
                self.has_state = true;
                Ok(Some(Step::State))
            }
            Err(error) if error.is_transient() => {
                self.last_error = Some(error.to_string());
                let now = Instant::now();
                if now >= deadline {
                    return Ok(Some(Step::Deadline));
                }
                tokio::time::sleep_until(deadline.min(now + RETRY_PAUSE)).await;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn list(&mut self) -> Result<(), KubernetesError> {
        let kubernetes = self.watches.kubernetes();
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
            .kubernetes()
            .list_at(resource, self.target.namespace(), parameters)
            .await
    }

    /// A kind that the cluster does not have has no objects.
    async fn without_kind(&mut self, error: KubernetesError) -> Result<(), KubernetesError> {
        let definitions = KindReference::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        let feed = self.watches.feed(&definitions).await?;
        let changes = feed.subscribe(None, None);
        self.last_error = Some(error.to_string());
        self.view = View::default();
        self.source = Source::UnknownKind(changes, feed);
        Ok(())
    }

    /// Takes a change over into the view; tells whether the view is another one now.
    fn take(&mut self, change: Option<Change>) -> bool {
        match change {
            Some(Change::Applied(object)) if object.version() > self.baseline => {
                if self.target.chooses(&object) {
                    self.view.objects.insert(key_of(&object), object);
                    true
                } else {
                    // Its labels may have been changed so that it is not chosen any more.
                    self.view.objects.remove(&key_of(&object)).is_some()
                }
            }
            Some(Change::Deleted(object)) if object.version() > self.baseline => {
                self.view.objects.remove(&key_of(&object)).is_some()
            }
            Some(Change::Applied(_) | Change::Deleted(_)) => false,
            Some(Change::Interrupted(error)) => {
                self.last_error = Some(error);
                false
            }
            Some(Change::Resynced) | None => {
                self.source = Source::Stale;
                false
            }
        }
    }
}
