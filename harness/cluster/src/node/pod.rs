//! One pod, from its first appearance to its removal: binding, address, volumes, containers, status, deletion.

use super::{
    container::{PodShared, Report},
    context::{Context, PodUpdate},
    events::PodEvent,
    fields::PodFacts,
    pod_setup,
    pod_state::PodState,
    pod_work::work,
    records::{ContainerRecord, PodRecord},
    requests::{is_status, persist},
    scheduling::obstacle,
    status::{StatusInputs, condition, pod_status},
};
use k8s_openapi::{
    api::core::v1::{Pod, PodStatus},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// How long one request is tried before the task looks around for news.
const PATIENCE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(1);

/// Looks after a pod until it is gone from the API.
pub(crate) async fn attend(context: Arc<Context>, updates: watch::Receiver<PodUpdate>) {
    let mut task = PodTask { context, updates };
    let Some(pod) = task.scheduled().await else { return };
    if finished(&pod) {
        task.until_deleted().await;
        task.delete().await;
        return;
    }
    task.run(pod).await;
}

struct PodTask {
    context: Arc<Context>,
    updates: watch::Receiver<PodUpdate>,
}

impl PodTask {
    fn current(&self) -> Option<Arc<Pod>> {
        match &*self.updates.borrow() {
            PodUpdate::Present(pod) => Some(pod.clone()),
            PodUpdate::Gone => None,
        }
    }

    fn api(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(
            self.context.client.clone(),
            pod.metadata.namespace.as_deref().unwrap_or("default"),
        )
    }

    /// Binds the pod as soon as it fits; nothing if it vanishes first or belongs to another node.
    async fn scheduled(&mut self) -> Option<Arc<Pod>> {
        let mut node = self.context.node.clone();
        let mut said = None;
        loop {
            self.updates.mark_unchanged();
            node.mark_unchanged();
            let pod = self.current()?;
            let spec = pod.spec.as_ref()?;
            if let Some(name) = spec.node_name.as_deref().filter(|name| !name.is_empty()) {
                return (name == self.context.node_name).then_some(pod);
            }
            let gated = spec
                .scheduling_gates
                .as_ref()
                .is_some_and(|gates| !gates.is_empty());
            let obstacle = obstacle(&pod, &node.borrow());
            match obstacle {
                _ if gated => {}
                Some(reason) => {
                    if said.as_ref() != Some(&reason) {
                        self.refuse(&pod, &reason).await;
                        said = Some(reason);
                    }
                }
                None => match self.bind(&pod).await {
                    Ok(()) => return Some(pod),
                    // Bound by someone else, or on its way out: the watch tells which.
                    Err(error) if is_status(&error, 409) || is_status(&error, 404) => {}
                    Err(error) => {
                        tracing::warn!(pod = pod.metadata.name, %error, "a pod was not bound; trying again");
                        tokio::time::sleep(RETRY).await;
                        continue;
                    }
                },
            }
            tokio::select! {
                changed = self.updates.changed() => changed.ok()?,
                changed = node.changed() => changed.ok()?,
            }
        }
    }

    async fn bind(&self, pod: &Pod) -> Result<(), kube::Error> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": name, "namespace": pod.metadata.namespace, "uid": pod.metadata.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self.context.node_name},
        });
        let api = self.api(pod);
        let post = PostParams::default();
        persist(PATIENCE, || {
            api.create_subresource::<_, serde_json::Value>("binding", name, &post, &binding)
        })
        .await?;
        let message = format!(
            "Successfully assigned {}/{name} to {}",
            pod.metadata.namespace.as_deref().unwrap_or_default(),
            self.context.node_name
        );
        self.context
            .events
            .record(PodEvent::normal(pod, "Scheduled", message));
        Ok(())
    }

    async fn refuse(&self, pod: &Pod, reason: &str) {
        self.context
            .events
            .record(PodEvent::warning(pod, "FailedScheduling", reason));
        let mut refused = condition(
            "PodScheduled",
            false,
            Some("Unschedulable"),
            Some(reason.to_owned()),
        );
        refused.last_transition_time = Some(Time(Timestamp::now()));
        let status = PodStatus {
            conditions: Some(vec![refused]),
            ..PodStatus::default()
        };
        // The pod may be gone by now; the watch tells.
        let _ = self.write(pod, &status).await;
    }

    async fn run(&mut self, pod: Arc<Pod>) {
        let Some(address) = self.address(&pod).await else {
            return;
        };
        let facts = PodFacts {
            pod: pod.clone(),
            node_name: self.context.node_name.clone(),
            pod_ip: address.reported(),
            host_ip: self.context.host_ip,
            allocatable: self.context.node.borrow().allocatable.clone(),
        };
        let directory = self.context.pods_directory.join(directory_name(&pod));
        self.record(&pod, directory.clone());
        let (sender, reports) = mpsc::unbounded_channel();
        let shared = Arc::new(PodShared {
            context: self.context.clone(),
            facts,
            twin: address.twin(),
            directory: directory.clone(),
            updates: self.updates.clone(),
            reports: sender,
            stop: self.context.stop.child_token(),
        });
        let mut state = PodState::new(&pod, address.reported());
        self.supervise(&pod, &shared, &mut state, reports).await;
        drop(shared);
        // Before the API forgets the pod, so that nobody finds it here who no longer finds it there.
        self.context.records.remove(&pod);
        if !self.context.stop.is_cancelled() {
            self.delete().await;
        }
        pod_setup::remove_directory(directory).await;
        drop(address);
    }

    /// Keeps the status true to the containers until the pod is deleted and its containers have ended.
    async fn supervise(
        &mut self,
        pod: &Arc<Pod>,
        shared: &Arc<PodShared>,
        state: &mut PodState,
        mut reports: mpsc::UnboundedReceiver<Report>,
    ) {
        // In a task of its own: a bug there ends these containers and nothing else.
        let mut work = tokio::spawn(work(shared.clone()));
        let (mut working, mut dirty, mut followed) = (true, true, true);
        loop {
            self.updates.mark_unchanged();
            let current = self.current();
            if !followed
                || current
                    .as_ref()
                    .is_none_or(|pod| pod.metadata.deletion_timestamp.is_some())
            {
                shared.stop.cancel();
            }
            while let Ok(report) = reports.try_recv() {
                dirty |= state.apply(report);
            }
            if let Some(current) = &current {
                self.context
                    .records
                    .update(current, |record| record.pod = current.clone());
                // The control plane ends together with the agent.
                dirty &= !self.context.stop.is_cancelled();
                if dirty {
                    dirty = !self.write_status(current, state).await;
                }
            }
            // A stop leaves nothing to wait for once the containers have ended.
            if !working && shared.stop.is_cancelled() && (!dirty || current.is_none()) {
                return;
            }
            tokio::select! {
                Some(report) = reports.recv() => dirty |= state.apply(report),
                changed = self.updates.changed(), if followed => followed = changed.is_ok(),
                () = shared.stop.cancelled(), if !shared.stop.is_cancelled() => {}
                ended = &mut work, if working => {
                    working = false;
                    if let Err(error) = ended {
                        tracing::error!(pod = pod.metadata.name, %error, "a bug in the node agent ended a pod");
                        let message = format!("a bug in the plumbline node agent ended this pod: {error}");
                        self.context.events.record(PodEvent::warning(pod, "NodeAgentBug", message));
                        state.all_lost();
                        dirty = true;
                    }
                }
                () = tokio::time::sleep(RETRY), if dirty => {}
            }
            dirty |= generation(&self.updates) != state.written_generation;
        }
    }

    /// Writes the status; false if it has to be tried again.
    async fn write_status(&self, pod: &Pod, state: &mut PodState) -> bool {
        let status = pod_status(&StatusInputs {
            pod,
            host_ip: self.context.host_ip,
            pod_ip: Some(state.address),
            start_time: &state.start_time,
            init_containers: &state.init_containers,
            containers: &state.containers,
            previous: &state.conditions,
            now: Time(Timestamp::now()),
        });
        match self.write(pod, &status).await {
            Ok(()) => {
                state.conditions = status.conditions.unwrap_or_default();
                state.written_generation = pod.metadata.generation;
                true
            }
            // Replaced or removed: there is no status to write any more, and the watch tells so.
            Err(error) if is_status(&error, 404) || is_status(&error, 409) => true,
            Err(error) => {
                tracing::warn!(pod = pod.metadata.name, %error, "the status of a pod was not written; trying again");
                false
            }
        }
    }

    async fn write(&self, pod: &Pod, status: &PodStatus) -> Result<(), kube::Error> {
        let api = self.api(pod);
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let patch = Patch::Strategic(json!({"metadata": {"uid": pod.metadata.uid}, "status": status}));
        let parameters = PatchParams::default();
        persist(PATIENCE, || api.patch_status(name, &parameters, &patch))
            .await
            .map(drop)
    }

    async fn address(&mut self, pod: &Pod) -> Option<super::addresses::PodAddress> {
        let mut records = self.context.records.changes();
        let mut said = false;
        loop {
            if let Some(address) = self.context.addresses.take() {
                return Some(address);
            }
            if !std::mem::replace(&mut said, true) {
                let message = "the node has no pod address left; the pod waits for one";
                self.context
                    .events
                    .record(PodEvent::warning(pod, "FailedCreatePodSandBox", message));
            }
            tokio::select! {
                changed = records.changed() => changed.ok()?,
                changed = self.updates.changed() => changed.ok()?,
            }
            if self.current()?.metadata.deletion_timestamp.is_some() {
                self.delete().await;
                return None;
            }
        }
    }

    fn record(&self, pod: &Arc<Pod>, directory: PathBuf) {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let containers: BTreeMap<_, _> = containers
            .map(|container| {
                let image = container.image.clone().unwrap_or_default();
                let process = self.context.profile_of(&image).is_some();
                (
                    container.name.clone(),
                    ContainerRecord {
                        image,
                        process,
                        restarts: 0,
                        running: false,
                    },
                )
            })
            .collect();
        self.context.records.insert(PodRecord {
            pod: pod.clone(),
            directory,
            containers,
            processes: BTreeMap::new(),
        });
    }

    async fn until_deleted(&mut self) {
        while self
            .current()
            .is_some_and(|pod| pod.metadata.deletion_timestamp.is_none())
        {
            if self.updates.changed().await.is_err() {
                return;
            }
        }
    }

    /// Removes the pod from the API, for as long as it takes. A pod of the same name but another uid is left alone.
    async fn delete(&mut self) {
        while let Some(pod) = self.current() {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let uid = pod.metadata.uid.clone();
            let parameters = DeleteParams {
                grace_period_seconds: Some(0),
                ..DeleteParams::default()
            }
            .preconditions(Preconditions {
                uid,
                resource_version: None,
            });
            let api = self.api(&pod);
            match persist(PATIENCE, || api.delete(name, &parameters)).await {
                Ok(_) => return,
                Err(error) if is_status(&error, 404) || is_status(&error, 409) => return,
                Err(error) => {
                    tracing::warn!(pod = name, %error, "a pod was not removed; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

fn generation(updates: &watch::Receiver<PodUpdate>) -> Option<i64> {
    match &*updates.borrow() {
        PodUpdate::Present(pod) => pod.metadata.generation,
        PodUpdate::Gone => None,
    }
}

fn finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The directory of a pod below the agent's: names are those of Kubernetes, so they hold no slash.
fn directory_name(pod: &Pod) -> String {
    let metadata = &pod.metadata;
    let part = |value: &Option<String>| value.clone().unwrap_or_default();
    format!(
        "{}_{}_{}",
        part(&metadata.namespace),
        part(&metadata.name),
        part(&metadata.uid)
    )
}
