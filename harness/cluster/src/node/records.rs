//! What the node runs at the moment, shared by pod tasks, log requests and reports.

use crate::pods::workload_name;
use k8s_openapi::api::core::v1::Pod;
use plumbline_keeper::Child;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// How many pods of each kind the node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodCounts {
    /// Pods with at least one container that is a real process.
    pub process: usize,
    /// Pods all of whose containers are simulated.
    pub simulated: usize,
}

/// A container as the node knows it.
#[derive(Clone, Debug)]
pub(crate) struct ContainerRecord {
    pub(crate) image: String,
    /// Simulated containers have no log file.
    pub(crate) process: bool,
    /// How often it was started anew.
    pub(crate) restarts: u32,
    pub(crate) running: bool,
}

/// A pod as the node knows it.
#[derive(Clone, Debug)]
pub(crate) struct PodRecord {
    pub(crate) pod: Arc<Pod>,
    pub(crate) directory: PathBuf,
    pub(crate) containers: BTreeMap<String, ContainerRecord>,
    /// The processes that run, by container.
    pub(crate) processes: BTreeMap<String, Child>,
}

impl PodRecord {
    fn is_process(&self) -> bool {
        self.containers.values().any(|container| container.process)
    }
}

type Key = (String, String);

/// All pods of the node, by namespace and name.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    pods: Arc<Mutex<BTreeMap<Key, PodRecord>>>,
    version: watch::Sender<u64>,
}

impl Records {
    pub(crate) fn new() -> Self {
        Self {
            pods: Arc::default(),
            version: watch::Sender::new(0),
        }
    }

    /// Told of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub(crate) fn insert(&self, record: PodRecord) {
        self.lock().insert(key(&record.pod), record);
        self.changed();
    }

    /// Changes the record of `pod`, if it is still of the same pod.
    pub(crate) fn update(&self, pod: &Pod, change: impl FnOnce(&mut PodRecord)) {
        if let Some(record) = self.lock().get_mut(&key(pod))
            && record.pod.metadata.uid == pod.metadata.uid
        {
            change(record);
        }
        self.changed();
    }

    /// Forgets `pod`, unless a pod of the same name has taken its place.
    pub(crate) fn remove(&self, pod: &Pod) {
        let mut pods = self.lock();
        if pods
            .get(&key(pod))
            .is_some_and(|record| record.pod.metadata.uid == pod.metadata.uid)
        {
            pods.remove(&key(pod));
        }
        drop(pods);
        self.changed();
    }

    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<PodRecord> {
        self.lock().get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    pub(crate) fn pods(&self) -> Vec<Arc<Pod>> {
        self.lock().values().map(|record| record.pod.clone()).collect()
    }

    /// The names of the simulated pods, `namespace/name`.
    pub(crate) fn simulated(&self) -> Vec<String> {
        let pods = self.lock();
        let simulated = pods.iter().filter(|(_, record)| !record.is_process());
        simulated
            .map(|((namespace, name), _)| format!("{namespace}/{name}"))
            .collect()
    }

    /// The log of each container that is a process, by what its pod is called without the suffixes of its owners.
    pub(crate) fn logs(&self) -> Vec<(String, PathBuf)> {
        let pods = self.lock();
        let of_pod = |((_, pod), record): (&Key, &PodRecord)| {
            let name = workload_name(pod).to_owned();
            let processes = record
                .containers
                .iter()
                .filter(|(_, container)| container.process);
            processes
                .map(|(container, known)| {
                    (
                        name.clone(),
                        log_file(&record.directory, container, known.restarts),
                    )
                })
                .collect::<Vec<_>>()
        };
        pods.iter().flat_map(of_pod).collect()
    }

    /// The processes that run for a workload, by what its pods are called without the suffixes of their owners.
    pub(crate) fn processes(&self, workload: &str) -> Vec<Child> {
        let pods = self.lock();
        let of_workload = pods.iter().filter(|((_, pod), _)| workload_name(pod) == workload);
        of_workload
            .flat_map(|(_, record)| record.processes.values().cloned())
            .collect()
    }

    pub(crate) fn counts(&self) -> PodCounts {
        let pods = self.lock();
        let process = pods.values().filter(|record| record.is_process()).count();
        PodCounts {
            process,
            simulated: pods.len() - process,
        }
    }

    /// Waiters look again; that they look once too often does no harm.
    fn changed(&self) {
        self.version
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, PodRecord>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(pod: &Pod) -> Key {
    (
        pod.metadata.namespace.clone().unwrap_or_default(),
        pod.metadata.name.clone().unwrap_or_default(),
    )
}

/// The log of a container after `restarts` restarts, below the pod's directory.
pub(crate) fn log_file(pod_directory: &Path, container: &str, restarts: u32) -> PathBuf {
    pod_directory
        .join("logs")
        .join(container)
        .join(format!("{restarts}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(name: &str, uid: &str, process: bool) -> PodRecord {
        let pod = json!({"metadata": {"namespace": "shop", "name": name, "uid": uid}});
        let container = ContainerRecord {
            image: "i".into(),
            process,
            restarts: 0,
            running: true,
        };
        PodRecord {
            pod: Arc::new(serde_json::from_value(pod).unwrap()),
            directory: "/pods/x".into(),
            containers: BTreeMap::from([("main".into(), container)]),
            processes: BTreeMap::new(),
        }
    }

    #[test]
    fn pods_are_counted_by_kind() {
        let records = Records::new();
        records.insert(record("a", "1", true));
        records.insert(record("b", "2", false));
        assert_eq!(
            records.counts(),
            PodCounts {
                process: 1,
                simulated: 1
            }
        );
        assert_eq!(records.simulated(), ["shop/b"]);
    }

    #[test]
    fn a_pod_that_replaced_another_is_not_forgotten_with_it() {
        let records = Records::new();
        let old = record("web-0", "1", false);
        records.insert(old.clone());
        records.insert(record("web-0", "2", false));
        records.remove(&old.pod);
        assert_eq!(
            records.get("shop", "web-0").unwrap().pod.metadata.uid.as_deref(),
            Some("2")
        );
    }
}
