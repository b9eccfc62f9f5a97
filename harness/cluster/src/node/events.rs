//! Events of pods, with the reasons that a kubelet and a scheduler use, so that `kubectl describe` reads as ever.

use super::requests::persist;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference, Pod},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use std::{collections::HashMap, time::Duration};
use tokio::sync::mpsc;

/// How long one event is tried before it is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many different events are remembered, to count repetitions.
const REMEMBERED: usize = 2048;

/// An event about a pod or one of its containers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PodEvent {
    namespace: String,
    pod: String,
    uid: String,
    field_path: Option<String>,
    reason: &'static str,
    message: String,
    warning: bool,
}

impl PodEvent {
    /// An event of everyday life.
    pub(crate) fn normal(pod: &Pod, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            pod: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            field_path: None,
            reason,
            message: message.into(),
            warning: false,
        }
    }

    /// An event that someone should look at.
    pub(crate) fn warning(pod: &Pod, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::normal(pod, reason, message)
        }
    }

    /// The same event about a container of the pod.
    pub(crate) fn of_container(self, container: &str) -> Self {
        Self {
            field_path: Some(format!("spec.containers{{{container}}}")),
            ..self
        }
    }

    fn object(&self, node: &str, now: &Time) -> Event {
        let nanoseconds = now.0.as_nanosecond();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{nanoseconds:x}", self.pod)),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                namespace: Some(self.namespace.clone()),
                name: Some(self.pod.clone()),
                uid: Some(self.uid.clone()),
                field_path: self.field_path.clone(),
                ..ObjectReference::default()
            },
            reason: Some(self.reason.to_owned()),
            message: Some(self.message.clone()),
            type_: Some(if self.warning { "Warning" } else { "Normal" }.to_owned()),
            count: Some(1),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now.clone()),
            source: Some(EventSource {
                component: Some("plumbline-node".to_owned()),
                host: Some(node.to_owned()),
            }),
            reporting_component: Some("plumbline-node".to_owned()),
            reporting_instance: Some(node.to_owned()),
            ..Event::default()
        }
    }
}

/// Takes events without ever making the caller wait.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(mpsc::UnboundedSender<PodEvent>);

impl Recorder {
    /// A recorder, and the work that sends its events; that work ends with the last recorder.
    pub(crate) fn new(client: Client, node: String) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), send_all(client, node, receiver))
    }

    pub(crate) fn record(&self, event: PodEvent) {
        // The receiver is gone only while the agent stops, when nobody reads events any more.
        let _ = self.0.send(event);
    }
}

async fn send_all(client: Client, node: String, mut events: mpsc::UnboundedReceiver<PodEvent>) {
    let mut sent: HashMap<PodEvent, (String, i32)> = HashMap::new();
    let (creating, patching) = (PostParams::default(), PatchParams::default());
    while let Some(event) = events.recv().await {
        let api: Api<Event> = Api::namespaced(client.clone(), &event.namespace);
        let now = Time(jiff::Timestamp::now());
        let repeated = sent
            .get(&event)
            .map(|(name, count)| (name.clone(), count.saturating_add(1)));
        let outcome = match &repeated {
            Some((name, count)) => {
                let patch = Patch::Merge(json!({"count": count, "lastTimestamp": now}));
                persist(PATIENCE, || api.patch(name, &patching, &patch)).await
            }
            None => {
                let object = event.object(&node, &now);
                persist(PATIENCE, || api.create(&creating, &object)).await
            }
        };
        match outcome {
            Ok(stored) => {
                if sent.len() >= REMEMBERED {
                    sent.clear();
                }
                let count = repeated.map_or(1, |(_, count)| count);
                sent.insert(event, (stored.metadata.name.unwrap_or_default(), count));
            }
            // A namespace that is going away takes no new events.
            Err(error) => {
                sent.remove(&event);
                tracing::debug!(pod = event.pod, reason = event.reason, %error, "an event was not recorded");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_points_at_its_container() {
        let pod: Pod =
            serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u"}}))
                .unwrap();
        let now = Time(jiff::Timestamp::from_second(1).unwrap());
        let event = PodEvent::warning(&pod, "BackOff", "Back-off")
            .of_container("main")
            .object("node", &now);
        assert_eq!(
            event.involved_object.field_path.as_deref(),
            Some("spec.containers{main}")
        );
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        assert_eq!(event.metadata.name.as_deref(), Some("web.3b9aca00"));
        assert_eq!(event.source.unwrap().host.as_deref(), Some("node"));
    }
}
