//! One container of a pod, from its image to its end: pull, start, run, restart.

use super::{
    backoff::Backoff,
    context::{Context, PodUpdate, PullFailure},
    events::PodEvent,
    fault::Fault,
    fields::PodFacts,
    process::{self, Process},
    status::waiting,
};
use k8s_openapi::{
    api::core::v1::{Container, ContainerStatus, Pod},
    jiff::Timestamp,
};
use plumbline_images::Resolved;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A container that ran this long starts its back-off anew.
const GOOD_RUN: Duration = Duration::from_secs(600);

/// The state of a container, for the pod's status.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) init: bool,
    pub(crate) status: ContainerStatus,
}

/// What the containers of a pod share.
pub(crate) struct PodShared {
    pub(crate) context: Arc<Context>,
    pub(crate) facts: PodFacts,
    pub(crate) twin: std::net::Ipv4Addr,
    pub(crate) directory: PathBuf,
    pub(crate) updates: watch::Receiver<PodUpdate>,
    pub(crate) reports: mpsc::UnboundedSender<Report>,
    /// Ends all containers.
    pub(crate) stop: CancellationToken,
}

impl PodShared {
    pub(crate) fn pod(&self) -> &Pod {
        &self.facts.pod
    }

    /// The pod as it is now, whose annotations and grace may have changed.
    pub(crate) fn current(&self) -> Option<Arc<Pod>> {
        match &*self.updates.borrow() {
            PodUpdate::Present(pod) => Some(pod.clone()),
            PodUpdate::Gone => None,
        }
    }

    /// The fault that is asked for now; one that is not understood is told once, where `told` is false.
    pub(crate) fn fault(&self, told: &mut bool) -> Option<Fault> {
        match Fault::asked_by(self.current().as_deref()?) {
            Ok(fault) => fault,
            Err(message) => {
                if !std::mem::replace(told, true) {
                    self.context
                        .events
                        .record(PodEvent::warning(self.pod(), "UnknownFault", message));
                }
                None
            }
        }
    }
}

/// The end of one run of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunEnd {
    pub(crate) exit_code: i32,
    pub(crate) signal: Option<i32>,
    pub(crate) message: Option<String>,
}

/// Why a run could not even begin: reason and message of a waiting state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartFailure {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// Looks after one container.
pub(crate) struct ContainerTask {
    pub(crate) shared: Arc<PodShared>,
    pub(crate) container: Container,
    pub(crate) status: ContainerStatus,
    pub(crate) init: bool,
    pub(crate) told: bool,
}

impl ContainerTask {
    pub(crate) fn new(shared: Arc<PodShared>, container: Container, init: bool) -> Self {
        let status = first_status(&container, init);
        Self {
            shared,
            container,
            status,
            init,
            told: false,
        }
    }

    /// Runs an init container: it is simulated and complete at once, or started for good if it is a sidecar.
    pub(crate) async fn initialize(mut self) {
        let Some((resolved, _)) = self.pull().await else {
            return;
        };
        self.status.image_id = resolved.image_id();
        self.status.container_id = Some(self.simulated_id());
        let sidecar = self.container.restart_policy.as_deref() == Some("Always");
        self.set_running(sidecar);
        if sidecar {
            self.report();
            return;
        }
        self.finish(
            &RunEnd {
                exit_code: 0,
                signal: None,
                message: None,
            },
            Timestamp::now(),
        );
        self.status.ready = true;
        self.report();
    }

    /// Runs the container until it is stopped or has ended for good.
    pub(crate) async fn run(mut self) {
        let Some((resolved, rootfs)) = self.pull().await else {
            return;
        };
        self.status.image_id = resolved.image_id();
        let mut restarts = Backoff::restarts();
        let mut failures = Backoff::requests();
        loop {
            let began = (Instant::now(), Timestamp::now());
            let outcome = match &rootfs {
                Some(rootfs) => self.run_process(&resolved, rootfs).await,
                None => Ok(self.run_simulated().await),
            };
            let delay = match outcome {
                Err(failure) => {
                    let delay = failures.delay();
                    self.event(|pod| PodEvent::warning(pod, "Failed", format!("Error: {}", failure.message)));
                    self.status.state = Some(waiting(failure.reason, Some(failure.message)));
                    self.report();
                    delay
                }
                Ok(end) => {
                    self.finish(&end, began.1);
                    if self.shared.stop.is_cancelled() || !self.restarts_after(&end) {
                        self.report();
                        return;
                    }
                    if began.0.elapsed() > GOOD_RUN {
                        restarts = Backoff::restarts();
                    }
                    let delay = restarts.delay();
                    self.back_off(delay);
                    self.prepare_restart();
                    delay
                }
            };
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.shared.stop.cancelled() => return,
            }
        }
    }

    /// Pulls the image, for as long as it takes; nothing if the pod is stopped first.
    async fn pull(&mut self) -> Option<(Resolved, Option<PathBuf>)> {
        let image = self.container.image.clone().unwrap_or_default();
        let mut backoff = Backoff::pulls();
        loop {
            self.event(|pod| PodEvent::normal(pod, "Pulling", format!("Pulling image \"{image}\"")));
            let started = Instant::now();
            let fault = self.shared.fault(&mut self.told);
            let pulled = tokio::select! {
                pulled = self.shared.context.pull(&image, fault) => pulled,
                () = self.shared.stop.cancelled() => return None,
            };
            let failure = match pulled {
                Ok(pulled) => {
                    let took = started.elapsed().as_millis();
                    let size = pulled.0.size();
                    let message = format!(
                        "Successfully pulled image \"{image}\" in {took}ms. Image size: {size} bytes."
                    );
                    self.event(|pod| PodEvent::normal(pod, "Pulled", message));
                    return Some(pulled);
                }
                Err(failure) => failure,
            };
            let delay = backoff.delay();
            self.pull_failed(&image, failure);
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.shared.stop.cancelled() => return None,
            }
        }
    }

    /// Shows the failure, then that the next try has to wait; the message stays the real one in both.
    fn pull_failed(&mut self, image: &str, failure: PullFailure) {
        let PullFailure { reason, message } = failure;
        self.event(|pod| PodEvent::warning(pod, "Failed", message.clone()));
        self.event(|pod| PodEvent::warning(pod, "Failed", format!("Error: {reason}")));
        self.status.state = Some(waiting(reason, Some(message.clone())));
        self.report();
        if reason == "ErrImagePull" {
            self.event(|pod| PodEvent::normal(pod, "BackOff", format!("Back-off pulling image \"{image}\"")));
            let message = format!("Back-off pulling image \"{image}\": {reason}: {message}");
            self.status.state = Some(waiting("ImagePullBackOff", Some(message)));
            self.report();
        }
    }

    async fn run_process(
        &mut self,
        resolved: &Resolved,
        rootfs: &std::path::Path,
    ) -> Result<RunEnd, StartFailure> {
        let name = self.container.name.clone();
        let mut process =
            match process::start(&self.shared, &self.container, resolved, rootfs, self.restarts()).await {
                Ok(process) => process,
                Err(failure) if self.shared.stop.is_cancelled() => {
                    return Ok(RunEnd {
                        exit_code: 137,
                        signal: None,
                        message: Some(failure.message),
                    });
                }
                Err(failure) => return Err(failure),
            };
        self.event(|pod| PodEvent::normal(pod, "Created", format!("Created container: {name}")));
        self.event(|pod| PodEvent::normal(pod, "Started", format!("Started container {name}")));
        self.status.container_id = Some(format!("process://{}", process.id()));
        self.set_running(false);
        self.report();
        self.record_process(process.child().cloned());
        let end = self.attend(&mut process).await;
        self.record_process(None);
        Ok(end)
    }

    /// Follows a running process to its end.
    async fn attend(&mut self, process: &mut Process) -> RunEnd {
        use super::probing::{ProbeSignal, probe};
        let (sender, mut signals) = mpsc::unbounded_channel();
        let container = self.container.clone();
        let probing = probe(&container, self.shared.twin, &sender);
        tokio::pin!(probing);
        loop {
            let killed_by = tokio::select! {
                end = process.wait() => return end,
                Some(signal) = signals.recv() => {
                    match signal {
                        ProbeSignal::Started => self.status.started = Some(true),
                        ProbeSignal::Ready(ready) => self.status.ready = ready,
                        ProbeSignal::Unhealthy(message) => {
                            self.event(|pod| PodEvent::warning(pod, "Unhealthy", message));
                            continue;
                        }
                    }
                    self.report();
                    continue;
                }
                probe = &mut probing => {
                    format!("Container {} failed {probe} probe, will be restarted", container.name)
                }
                () = self.shared.stop.cancelled() => format!("Stopping container {}", container.name),
            };
            self.event(|pod| PodEvent::normal(pod, "Killing", killed_by));
            return process.stop(self.grace()).await;
        }
    }

    /// Stands for a program: ready at once, complete at once for a Job, or ill as the pod's annotation asks.
    async fn run_simulated(&mut self) -> RunEnd {
        self.status.container_id = Some(self.simulated_id());
        let name = self.container.name.clone();
        self.event(|pod| PodEvent::normal(pod, "Created", format!("Created container: {name} (simulated)")));
        self.event(|pod| PodEvent::normal(pod, "Started", format!("Started container {name} (simulated)")));
        self.set_running(true);
        let shared = self.shared.clone();
        let mut updates = shared.updates.clone();
        loop {
            updates.mark_unchanged();
            let fault = shared.fault(&mut self.told);
            if fault == Some(Fault::CrashLoop) {
                self.status.ready = false;
                let message = Some("asked for by annotation".to_owned());
                return RunEnd {
                    exit_code: 1,
                    signal: None,
                    message,
                };
            }
            if belongs_to_job(shared.pod()) {
                return RunEnd {
                    exit_code: 0,
                    signal: None,
                    message: None,
                };
            }
            let ready = fault != Some(Fault::NotReady);
            if !ready && self.status.ready {
                self.event(|pod| {
                    PodEvent::warning(
                        pod,
                        "Unhealthy",
                        "Readiness probe failed: asked for by annotation",
                    )
                });
            }
            self.status.ready = ready;
            self.report();
            tokio::select! {
                changed = updates.changed() => if changed.is_err() {
                    shared.stop.cancelled().await;
                },
                () = shared.stop.cancelled() => {}
            }
            if shared.stop.is_cancelled() {
                return RunEnd {
                    exit_code: 0,
                    signal: None,
                    message: None,
                };
            }
        }
    }
}

/// The status of a container that nothing has been done for.
pub(crate) fn first_status(container: &Container, init: bool) -> ContainerStatus {
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        state: Some(waiting(
            if init {
                "PodInitializing"
            } else {
                "ContainerCreating"
            },
            None,
        )),
        started: Some(false),
        ..ContainerStatus::default()
    }
}

fn belongs_to_job(pod: &Pod) -> bool {
    pod.metadata
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.kind == "Job" && owner.controller == Some(true))
}
