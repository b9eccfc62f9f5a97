//! The node as an API object: its registration, its heartbeat, and what others change about it.

use super::{NodeError, addresses::AddressRange, requests, scheduling::NodeView};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::{
    api::{coordination::v1::Lease, core::v1::Node},
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{MicroTime, Time},
    },
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};
use tokio::sync::watch;

const LEASE_NAMESPACE: &str = "kube-node-lease";
const LEASE_PERIOD: Duration = Duration::from_secs(10);
const LEASE_SECONDS: i32 = 40;
/// Conditions are refreshed with every sixth renewal of the lease.
const RENEWALS_PER_STATUS: u32 = 6;
const PATIENCE: Duration = Duration::from_secs(20);
const CPU: &str = "32";
const MEMORY: &str = "64Gi";

/// What the API is told of the node.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) kubelet_port: u16,
}

impl Registration {
    /// Makes the node, ready and without taints, and its lease; the answer is the node as first seen.
    pub(crate) async fn register(&self) -> Result<NodeView, NodeError> {
        let failed = |source| NodeError::Register {
            node: self.name.clone(),
            source: Box::new(source),
        };
        let node = self.put_node().await.map_err(failed)?;
        requests::persist(PATIENCE, || self.renew())
            .await
            .map_err(failed)?;
        Ok(view(&node))
    }

    async fn put_node(&self) -> Result<Node, kube::Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let (post, patch) = (PostParams::default(), PatchParams::default());
        let node: Node = serde_json::from_value(self.object()).map_err(kube::Error::SerdeError)?;
        let created = requests::persist(PATIENCE, || nodes.create(&post, &node)).await;
        if let Err(error) = created
            && !requests::is_status(&error, 409)
        {
            return Err(error);
        }
        requests::persist(PATIENCE, || self.put_status(true)).await?;
        // A new node is tainted `not-ready` by admission; the node lifecycle controller would take the taint off,
        // but only with its next look.
        let untaint = Patch::Merge(json!({"spec": {"taints": []}}));
        requests::persist(PATIENCE, || nodes.patch(&self.name, &patch, &untaint)).await
    }

    fn object(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.name, "labels": {
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture(),
                "kubernetes.io/hostname": self.name,
                "beta.kubernetes.io/os": "linux",
                "beta.kubernetes.io/arch": architecture(),
            }},
        })
    }

    /// Writes the whole status at the start, and fresh heartbeats afterwards.
    async fn put_status(&self, whole: bool) -> Result<(), kube::Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let now = Time(Timestamp::now());
        let mut status = json!({"conditions": conditions(&now, whole)});
        if whole {
            let capacity = json!({
                "cpu": CPU, "memory": MEMORY, "ephemeral-storage": "64Gi", "pods": AddressRange::capacity().to_string()});
            let version = format!("plumbline-{}", env!("CARGO_PKG_VERSION"));
            let more = json!({
                "capacity": capacity,
                "allocatable": capacity,
                "addresses": [{"type": "InternalIP", "address": self.address.to_string()}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": self.kubelet_port}},
                "nodeInfo": {
                    "architecture": architecture(), "operatingSystem": "linux",
                    "osImage": "plumbline node agent (no containers: processes and simulated pods)",
                    "containerRuntimeVersion": format!("plumbline://{}", env!("CARGO_PKG_VERSION")),
                    "kubeletVersion": version, "kubeProxyVersion": "", "kernelVersion": kernel(),
                    "bootID": "", "machineID": "", "systemUUID": ""},
            });
            if let (Some(status), Value::Object(more)) = (status.as_object_mut(), more) {
                status.extend(more);
            }
        }
        let patch = Patch::Strategic(json!({"status": status}));
        nodes
            .patch_status(&self.name, &PatchParams::default(), &patch)
            .await
            .map(drop)
    }

    async fn renew(&self) -> Result<(), kube::Error> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), LEASE_NAMESPACE);
        let spec = json!({
            "holderIdentity": self.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": MicroTime(Timestamp::now()),
        });
        let patch = Patch::Merge(json!({"spec": spec}));
        match leases.patch(&self.name, &PatchParams::default(), &patch).await {
            Err(error) if requests::is_status(&error, 404) => {
                let lease =
                    json!({"metadata": {"name": self.name, "namespace": LEASE_NAMESPACE}, "spec": spec});
                let lease: Lease = serde_json::from_value(lease).map_err(kube::Error::SerdeError)?;
                match leases.create(&PostParams::default(), &lease).await {
                    // The namespace appears shortly after the API server is ready: worth another try.
                    Err(kube::Error::Api(mut status)) if status.code == 404 => {
                        status.code = 503;
                        Err(kube::Error::Api(status))
                    }
                    other => other.map(drop),
                }
            }
            other => other.map(drop),
        }
    }

    /// Keeps the node alive for ever. A heartbeat that fails is followed by the next: the lease outlives three.
    pub(crate) async fn keep_alive(self) {
        let mut ticks = tokio::time::interval(LEASE_PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        for count in 1_u32.. {
            ticks.tick().await;
            let renewed = self.renew().await;
            let refreshed = if count.is_multiple_of(RENEWALS_PER_STATUS) {
                self.put_status(false).await
            } else {
                Ok(())
            };
            if let Err(error) = renewed.and(refreshed) {
                tracing::warn!(node = self.name, %error, "a heartbeat of the node failed; the next one follows");
            }
        }
    }

    /// Follows cordons, taints and labels for ever, and makes the node anew when someone deletes it.
    pub(crate) async fn follow(self, changes: watch::Sender<NodeView>) {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let selection = watcher::Config::default().fields(&format!("metadata.name={}", self.name));
        let mut events = watcher(nodes, selection).default_backoff().boxed();
        loop {
            match events.try_next().await {
                Ok(Some(watcher::Event::Apply(node) | watcher::Event::InitApply(node))) => {
                    let seen = view(&node);
                    changes.send_if_modified(|current| {
                        let changed = *current != seen;
                        *current = seen;
                        changed
                    });
                }
                Ok(Some(watcher::Event::Delete(_))) => {
                    tracing::warn!(node = self.name, "the node was deleted; it registers again");
                    if let Err(error) = self.put_node().await {
                        tracing::error!(node = self.name, %error, "the node cannot register again");
                    }
                }
                Ok(Some(watcher::Event::Init | watcher::Event::InitDone)) => {}
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!(node = self.name, %error, "the watch of the node is interrupted")
                }
            }
        }
    }
}

fn view(node: &Node) -> NodeView {
    let spec = node.spec.clone().unwrap_or_default();
    NodeView {
        name: node.metadata.name.clone().unwrap_or_default(),
        labels: node.metadata.labels.clone().unwrap_or_default(),
        unschedulable: spec.unschedulable == Some(true),
        taints: spec.taints.unwrap_or_default(),
        allocatable: node
            .status
            .clone()
            .and_then(|status| status.allocatable)
            .unwrap_or_else(|| {
                BTreeMap::from([
                    ("cpu".to_owned(), Quantity(CPU.into())),
                    ("memory".to_owned(), Quantity(MEMORY.into())),
                ])
            }),
    }
}

fn conditions(now: &Time, transition: bool) -> Vec<Value> {
    let healthy = [
        (
            "Ready",
            "True",
            "KubeletReady",
            "the plumbline node agent is running",
        ),
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "memory is not watched by the node agent",
        ),
        (
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "disks are not watched by the node agent",
        ),
        (
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "processes are not counted by the node agent",
        ),
    ];
    healthy
        .map(|(type_, status, reason, message)| {
            let mut condition =
                json!({"type": type_, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now});
            if transition {
                condition["lastTransitionTime"] = json!(now);
            }
            condition
        })
        .to_vec()
}

const fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    }
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_do_not_touch_transition_times() {
        let now = Time(Timestamp::from_second(5).unwrap());
        assert!(
            conditions(&now, false)
                .iter()
                .all(|condition| condition.get("lastTransitionTime").is_none())
        );
        assert!(
            conditions(&now, true)
                .iter()
                .all(|condition| condition["lastTransitionTime"] == json!(now))
        );
    }

    #[test]
    fn a_cordon_is_seen() {
        let node =
            json!({"metadata": {"name": "one", "labels": {"a": "b"}}, "spec": {"unschedulable": true}});
        let view = view(&serde_json::from_value(node).unwrap());
        assert!(view.unschedulable);
        assert_eq!(view.allocatable["cpu"], Quantity(CPU.into()));
    }
}
