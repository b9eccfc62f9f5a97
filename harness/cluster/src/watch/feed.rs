//! One watch of one kind, shared by all who are interested: a store of its objects and a stream of their changes.

use super::{
    follow::Follower,
    source::Source,
    target::{Key, key_of},
};
use crate::kubernetes::{Kubernetes, Object, Resource};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

/// Something that happened to objects of the kind, or to the watch.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// An object was created or changed.
    Applied(Object),
    /// An object was deleted: its last state, at the version of its deletion or later.
    Deleted(Object, u64),
    /// The API server was asked for all objects, at this time or later, and what it showed has been told before this.
    Looked(Instant),
    /// The API server cannot be asked, and why; it will be asked again.
    Interrupted(String),
}

/// One watch. It ends when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    state: Arc<Mutex<State>>,
    synced: watch::Receiver<bool>,
    looks: watch::Sender<()>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    objects: BTreeMap<Key, Object>,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    namespace: Option<String>,
    name: Option<String>,
    changes: mpsc::UnboundedSender<Change>,
}

impl Feed {
    /// Starts to watch all objects of a kind.
    pub(crate) fn start(kubernetes: &Kubernetes, resource: Resource) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (sender, synced) = watch::channel(false);
        let (looks, asked) = watch::channel(());
        let source = Source::new(kubernetes, resource);
        let follower = Follower::new(source, state.clone(), sender, asked);
        Self {
            state,
            synced,
            looks,
            _task: AbortOnDropHandle::new(tokio::spawn(follower.follow())),
        }
    }

    /// Changes from now on, of one namespace and name where they are given.
    pub(crate) fn subscribe(
        &self,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> mpsc::UnboundedReceiver<Change> {
        let (changes, receiver) = mpsc::unbounded_channel();
        let subscriber = Subscriber {
            namespace: namespace.map(Into::into),
            name: name.map(Into::into),
            changes,
        };
        locked(&self.state).subscribers.push(subscriber);
        receiver
    }

    /// Has the API server asked whether the watch has told everything; [`Change::Looked`] or [`Change::Interrupted`] is
    /// the answer. All who ask at the same time share one request.
    pub(crate) fn look(&self) {
        self.looks.send_replace(());
    }

    /// Waits until the store has all objects.
    pub(crate) async fn synced(&self) {
        // The sender lives as long as the task, which lives as long as we do.
        let _ = self.synced.clone().wait_for(|synced| *synced).await;
    }

    pub(crate) fn get(&self, namespace: Option<&str>, name: &str) -> Option<Object> {
        let key = (namespace.unwrap_or_default().to_owned(), name.to_owned());
        locked(&self.state).objects.get(&key).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Object> {
        locked(&self.state).objects.values().cloned().collect()
    }
}

impl Subscriber {
    fn wants(&self, object: &Object) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| object.namespace() == Some(namespace))
            && self.name.as_deref().is_none_or(|name| object.name() == name)
    }
}

impl State {
    pub(super) fn publish(&mut self, change: &Change) {
        self.subscribers.retain(|subscriber| match change {
            Change::Applied(object) | Change::Deleted(object, _) if !subscriber.wants(object) => {
                !subscriber.changes.is_closed()
            }
            _ => subscriber.changes.send(change.clone()).is_ok(),
        });
    }

    /// Takes one change over, and tells it.
    pub(super) fn take(&mut self, change: &Change) {
        match change {
            Change::Applied(object) => {
                self.objects.insert(key_of(object), object.clone());
            }
            Change::Deleted(object, _) => {
                self.objects.remove(&key_of(object));
            }
            Change::Looked(_) | Change::Interrupted(_) => {}
        }
        self.publish(change);
    }

    /// What makes the store what a list at `version` shows, where the list is later.
    pub(super) fn difference(&self, listed: &[Object], version: u64) -> Vec<Change> {
        let listed: BTreeMap<Key, &Object> = listed.iter().map(|object| (key_of(object), object)).collect();
        let applied = listed.iter().filter(|(key, object)| {
            self.objects
                .get(*key)
                .is_none_or(|known| known.version() < object.version())
        });
        let deleted = self
            .objects
            .iter()
            .filter(|(key, known)| !listed.contains_key(*key) && known.version() <= version);
        let applied = applied.map(|(_, object)| Change::Applied((*object).clone()));
        let deleted = deleted.map(|(_, known)| Change::Deleted(known.clone(), version));
        deleted.chain(applied).collect()
    }
}

/// Nothing that holds the lock can panic half-way through a change, so a poisoned state is still a whole one.
pub(super) fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, version: u64) -> Object {
        json!({"metadata": {"name": name, "resourceVersion": version.to_string()}}).into()
    }

    fn told(changes: &[Change]) -> Vec<String> {
        changes
            .iter()
            .map(|change| match change {
                Change::Applied(object) => format!("applied {} {}", object.name(), object.version()),
                Change::Deleted(object, version) => format!("deleted {} {version}", object.name()),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_list_is_compared_object_by_object_and_never_undoes_what_is_later() {
        let mut state = State::default();
        for known in [
            object("same", 3),
            object("older", 4),
            object("newer", 20),
            object("gone", 5),
            object("young", 21),
        ] {
            state.take(&Change::Applied(known));
        }
        let listed = [
            object("same", 3),
            object("older", 9),
            object("newer", 10),
            object("new", 11),
        ];
        let changes = state.difference(&listed, 12);
        assert_eq!(
            told(&changes),
            ["deleted gone 12", "applied new 11", "applied older 9"]
        );
        for change in &changes {
            state.take(change);
        }
        assert!(state.difference(&listed, 12).is_empty());
    }

    #[test]
    fn subscribers_hear_of_their_objects_and_of_the_watch() {
        let mut state = State::default();
        let (changes, mut receiver) = mpsc::unbounded_channel();
        state.subscribers.push(Subscriber {
            namespace: None,
            name: Some("mine".into()),
            changes,
        });
        for change in [
            Change::Applied(object("mine", 1)),
            Change::Applied(object("other", 2)),
            Change::Deleted(object("mine", 1), 3),
            Change::Interrupted("no".into()),
        ] {
            state.take(&change);
        }
        let mut heard = Vec::new();
        while let Ok(change) = receiver.try_recv() {
            heard.push(change);
        }
        assert_eq!(
            told(&heard),
            ["applied mine 1", "deleted mine 3", "Interrupted(\"no\")"]
        );
        drop(receiver);
        state.publish(&Change::Interrupted("no".into()));
        assert!(state.subscribers.is_empty());
    }
}
