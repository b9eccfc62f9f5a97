//! One watch of one kind, shared by all who are interested: a store of its objects and a stream of their changes.

use super::target::{Key, key_of};
use crate::kubernetes::{Object, Resource, stamped};
use futures::StreamExt as _;
use kube::{
    Api, Client,
    core::DynamicObject,
    runtime::watcher::{self, watcher},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

/// After a broken connection the watch resumes at once, then after longer and longer pauses up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the annotation of client-side apply is called; it repeats the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Something that happened to objects of the kind.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// An object was created or changed.
    Applied(Object),
    /// An object was deleted; its last state.
    Deleted(Object),
    /// Changes may have been missed: look at the store, or list.
    Resynced,
    /// The watch is interrupted; it resumes by itself.
    Interrupted(String),
}

/// One watch. It ends when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    state: Arc<Mutex<State>>,
    synced: watch::Receiver<bool>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct State {
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
    pub(crate) fn start(client: Client, resource: Resource) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (sender, synced) = watch::channel(false);
        let task = tokio::spawn(follow(client, resource, state.clone(), sender));
        Self {
            state,
            synced,
            _task: AbortOnDropHandle::new(task),
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
    fn publish(&mut self, change: &Change) {
        self.subscribers.retain(|subscriber| match change {
            Change::Applied(object) | Change::Deleted(object) if !subscriber.wants(object) => {
                !subscriber.changes.is_closed()
            }
            _ => subscriber.changes.send(change.clone()).is_ok(),
        });
    }
}

/// Nothing that holds the lock can panic half-way through a change, so a poisoned state is still a whole one.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow(client: Client, resource: Resource, state: Arc<Mutex<State>>, synced: watch::Sender<bool>) {
    let api: Api<DynamicObject> = Api::all_with(client, &resource.api);
    let mut events = watcher(api, watcher::Config::default()).boxed();
    let mut pause = FIRST_PAUSE;
    let mut listed = BTreeMap::new();
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                locked(&state).publish(&Change::Interrupted(error.to_string()));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        match event {
            watcher::Event::Init => listed = BTreeMap::new(),
            watcher::Event::InitApply(object) => {
                if let Some(object) = pruned(&resource, object) {
                    listed.insert(key_of(&object), object);
                }
            }
            watcher::Event::InitDone => {
                pause = FIRST_PAUSE;
                let mut state = locked(&state);
                state.objects = std::mem::take(&mut listed);
                state.publish(&Change::Resynced);
                let _ = synced.send(true);
            }
            watcher::Event::Apply(object) => {
                pause = FIRST_PAUSE;
                if let Some(object) = pruned(&resource, object) {
                    let mut state = locked(&state);
                    state.objects.insert(key_of(&object), object.clone());
                    state.publish(&Change::Applied(object));
                }
            }
            watcher::Event::Delete(object) => {
                pause = FIRST_PAUSE;
                if let Some(object) = pruned(&resource, object) {
                    let mut state = locked(&state);
                    state.objects.remove(&key_of(&object));
                    state.publish(&Change::Deleted(object));
                }
            }
        }
    }
}

/// Without the two parts that nobody waits for and that are often larger than all the rest.
fn pruned(resource: &Resource, mut object: DynamicObject) -> Option<Object> {
    object.metadata.managed_fields = None;
    if let Some(annotations) = &mut object.metadata.annotations {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            object.metadata.annotations = None;
        }
    }
    Some(stamped(resource, serde_json::to_value(object).ok()?))
}
