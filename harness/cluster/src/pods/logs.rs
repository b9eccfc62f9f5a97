//! What the pods of some namespaces log, streamed to files while they run: one file for each start of a container.
//!
//! A pod that is gone has taken its log along; the file stays until the run ends.

use super::names::workload_name;
use crate::{
    kubernetes::{KindReference, KubernetesError, Object},
    watch::{Change, Watches},
};
use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::LogParams};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Container {
    namespace: String,
    pod: String,
    uid: String,
    name: String,
}

/// Streams logs as long as it is held.
pub struct PodLogs {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

struct Shared {
    directory: PathBuf,
    client: Client,
    /// The restarts of each container whose log was opened last, while its pod is there.
    opened: Mutex<BTreeMap<Container, u64>>,
    changes: watch::Sender<u64>,
}

impl PodLogs {
    /// Follows the pods of `namespaces`; the files are below `directory`.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn follow(
        watches: &Watches,
        namespaces: &[&str],
        directory: PathBuf,
    ) -> Result<Self, KubernetesError> {
        let feed = watches.feed(&KindReference::new("", "v1", "Pod")).await?;
        let mut changes = feed.subscribe(None, None);
        let shared = Arc::new(Shared {
            directory,
            client: watches.kubernetes().client().clone(),
            opened: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        let wanted: Vec<String> = namespaces.iter().map(|&namespace| namespace.to_owned()).collect();
        let (known, following) = (feed.all(), shared.clone());
        let task = tokio::spawn(async move {
            let streams = TaskTracker::new();
            let is_wanted = |pod: &Object| {
                let namespace = pod.namespace().unwrap_or_default();
                wanted.iter().any(|wanted| wanted == namespace)
            };
            known
                .iter()
                .filter(|pod| is_wanted(pod))
                .for_each(|pod| following.look(pod, &streams));
            while let Some(change) = changes.recv().await {
                match change {
                    Change::Applied(pod) if is_wanted(&pod) => following.look(&pod, &streams),
                    Change::Deleted(pod, _) if is_wanted(&pod) => following.forget(&pod),
                    _ => {}
                }
            }
            drop(feed);
        });
        Ok(Self {
            shared,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// The logs of all containers that have started, by the name of their Deployment or pod.
    #[must_use]
    pub fn logs(&self) -> Vec<(String, PathBuf)> {
        let opened = self.shared.opened();
        opened
            .iter()
            .map(|(container, restarts)| {
                let path = self.shared.folder(container).join(format!("{restarts}.log"));
                (workload_name(&container.pod).to_owned(), path)
            })
            .collect()
    }

    /// Told whenever a container starts or a pod goes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }
}

impl Shared {
    fn opened(&self) -> MutexGuard<'_, BTreeMap<Container, u64>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, container: &Container) -> PathBuf {
        let pod = format!("{}_{}_{}", container.namespace, container.pod, container.uid);
        self.directory.join(pod).join(&container.name)
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Opens the log of every container of the pod that has started since the last look.
    fn look(self: &Arc<Self>, pod: &Object, streams: &TaskTracker) {
        for (container, restarts) in started(pod) {
            if self.opened().insert(container.clone(), restarts) == Some(restarts) {
                continue;
            }
            let shared = self.clone();
            streams.spawn(async move {
                if let Err(error) = shared.stream(&container, restarts).await {
                    tracing::debug!(pod = container.pod, %error, "a log ended early");
                }
            });
        }
    }

    fn forget(&self, pod: &Object) {
        let uid = pod.uid();
        self.opened().retain(|container, _| container.uid != uid);
        self.tell();
    }

    async fn stream(&self, container: &Container, restarts: u64) -> io::Result<()> {
        let folder = self.folder(container);
        let mut file = create(&folder, restarts)?;
        // From now on whoever follows the folder misses nothing.
        self.tell();
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &container.namespace);
        let parameters = LogParams {
            container: Some(container.name.clone()),
            follow: true,
            ..LogParams::default()
        };
        let lines = pods.log_stream(&container.pod, &parameters).await;
        let mut lines = lines.map_err(io::Error::other)?.lines();
        while let Some(line) = lines.try_next().await? {
            file.write_all(format!("{line}\n").as_bytes())?;
        }
        Ok(())
    }
}

fn create(folder: &Path, restarts: u64) -> io::Result<File> {
    DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(folder.join(format!("{restarts}.log")))
}

/// The containers that run or have run, and how often each was restarted.
fn started(pod: &Object) -> Vec<(Container, u64)> {
    let Some(statuses) = pod.at("/status/containerStatuses").and_then(Value::as_array) else {
        return Vec::new();
    };
    let has_started = |status: &&Value| {
        let state = &status["state"];
        state.get("running").is_some() || state.get("terminated").is_some()
    };
    let container = |status: &Value| {
        let container = Container {
            namespace: pod.namespace()?.to_owned(),
            pod: pod.name().to_owned(),
            uid: pod.uid().to_owned(),
            name: status["name"].as_str()?.to_owned(),
        };
        Some((container, status["restartCount"].as_u64().unwrap_or_default()))
    };
    statuses
        .iter()
        .filter(has_started)
        .filter_map(container)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_containers_that_have_started_have_a_log() {
        let pod = Object::from(json!({
            "metadata": {"namespace": "n", "name": "a-1-2", "uid": "u"},
            "status": {"containerStatuses": [
                {"name": "runs", "restartCount": 2, "state": {"running": {}}},
                {"name": "has-ended", "restartCount": 0, "state": {"terminated": {"exitCode": 1}}},
                {"name": "is-pulled", "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}},
            ]},
        }));
        let found: Vec<_> = started(&pod)
            .into_iter()
            .map(|(container, restarts)| (container.name, restarts))
            .collect();
        assert_eq!(found, [("runs".to_owned(), 2), ("has-ended".to_owned(), 0)]);
        assert!(started(&json!({"metadata": {"name": "a"}}).into()).is_empty());
    }
}
