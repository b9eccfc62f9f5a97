//! What a shared watch asks of the API server: all objects of its kind, and what happens to them from then on.

use super::feed::{Change, State};
use crate::kubernetes::{Kubernetes, KubernetesError, Object, Resource, stamped, within};
use futures::{
    Stream, StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use kube::core::{
    Request, WatchEvent,
    params::{ListParams, WatchParams},
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// How long a list of all objects may take.
const LISTED_WITHIN: Duration = Duration::from_secs(10);
/// A watch that is accepted is so at once; it may then be silent for as long as nothing happens.
const STARTED_WITHIN: Duration = Duration::from_secs(10);
/// How many seconds the API server is asked to keep a watch, and after which silence it is dead nevertheless: even
/// where nothing happens it sends a bookmark each minute.
const LASTS: u32 = 290;
const DEAD_AFTER: Duration = Duration::from_secs(LASTS as u64 + 10);

/// What a look at all objects showed.
pub(super) struct Look {
    /// When it was asked for.
    pub(super) begun: Instant,
    pub(super) objects: Vec<Object>,
    /// The version from which a watch goes on; none if the kind is not there any more, and no object with it.
    pub(super) version: Option<u64>,
}

impl Look {
    /// What makes `state` what the look showed.
    pub(super) fn changes(&self, state: &State) -> Vec<Change> {
        state.difference(&self.objects, self.version.unwrap_or(u64::MAX))
    }
}

/// Something that a watch brings.
pub(super) enum Event {
    /// The API server has accepted the watch.
    Started,
    /// Something happened to an object; the watch has come to this version.
    Happened(Change, u64),
    /// The watch has come to this version, and nothing happened on the way.
    Reached(u64),
}

/// One kind of a cluster that is asked once each time.
#[derive(Clone)]
pub(super) struct Source {
    kubernetes: Kubernetes,
    resource: Resource,
}

impl Source {
    pub(super) fn new(kubernetes: &Kubernetes, resource: Resource) -> Self {
        Self {
            kubernetes: kubernetes.with_patience(Duration::ZERO),
            resource,
        }
    }

    /// Asks for all objects.
    pub(super) async fn look(self) -> Result<Look, KubernetesError> {
        let begun = Instant::now();
        let action = format!("list {}", self.resource.kind());
        let listing = self
            .kubernetes
            .list_at(&self.resource, None, ListParams::default());
        let (objects, version) = match within(LISTED_WITHIN, &action, listing).await {
            Ok((objects, version)) => (objects, Some(version)),
            Err(error) if error.is_not_found() => (Vec::new(), None),
            Err(error) => return Err(error),
        };
        Ok(Look {
            begun,
            objects: objects.into_iter().map(Object::pruned).collect(),
            version,
        })
    }

    /// Follows all objects from a version on. The stream ends with the watch, after an error too.
    pub(super) fn events(
        self,
        from: u64,
    ) -> impl Stream<Item = Result<Event, KubernetesError>> + Send + 'static {
        let action = format!("watch {}", self.resource.kind());
        let resource = self.resource.clone();
        let started = async move {
            let failed = |error| KubernetesError::from_client(&action, error);
            let parameters = WatchParams {
                timeout: Some(LASTS),
                bookmarks: true,
                ..WatchParams::default()
            };
            let request = Request::new(self.resource.collection(None))
                .watch(&parameters, &from.to_string())
                .map_err(|error| failed(kube::Error::BuildRequest(error)))?;
            let asked = self.kubernetes.client().request_events::<Value>(request);
            let events = within(STARTED_WITHIN, &action, async { asked.await.map_err(failed) }).await?;
            let events: BoxStream<'static, kube::Result<WatchEvent<Value>>> = events.boxed();
            let events = stream::unfold(events, |mut events| async {
                let event = tokio::time::timeout(DEAD_AFTER, events.next()).await.ok()??;
                Some((event, events))
            });
            let happened = events.map(move |event| {
                let failed = |error| KubernetesError::from_client(&action, error);
                read(&resource, event.map_err(failed)?).map_err(failed)
            });
            Ok(stream::iter([Ok(Event::Started)]).chain(happened))
        };
        stream::once(started).try_flatten().boxed()
    }
}

fn read(resource: &Resource, event: WatchEvent<Value>) -> Result<Event, kube::Error> {
    let object = |value| stamped(resource, value).pruned();
    Ok(match event {
        WatchEvent::Added(value) | WatchEvent::Modified(value) => {
            let object = object(value);
            let version = object.version();
            Event::Happened(Change::Applied(object), version)
        }
        WatchEvent::Deleted(value) => {
            let object = object(value);
            let version = object.version();
            Event::Happened(Change::Deleted(object, version), version)
        }
        WatchEvent::Bookmark(bookmark) => {
            Event::Reached(bookmark.metadata.resource_version.parse().unwrap_or_default())
        }
        WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
    })
}
