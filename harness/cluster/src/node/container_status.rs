//! What a container's task shows of itself: states, events, records.

use super::{
    container::{ContainerTask, Report, RunEnd},
    events::PodEvent,
    process,
    records::ContainerRecord,
    status::{ended, waiting},
};
use k8s_openapi::{
    api::core::v1::{ContainerState, ContainerStateRunning, ContainerStateTerminated, Pod},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::Timestamp,
};
use plumbline_keeper::Child;
use std::time::Duration;

impl ContainerTask {
    pub(crate) fn restarts_after(&self, end: &RunEnd) -> bool {
        let policy = self
            .shared
            .pod()
            .spec
            .as_ref()
            .and_then(|spec| spec.restart_policy.as_deref());
        match policy.unwrap_or("Always") {
            "Never" => false,
            "OnFailure" => end.exit_code != 0,
            _ => true,
        }
    }

    pub(crate) fn back_off(&mut self, delay: Duration) {
        if delay.is_zero() {
            return;
        }
        let (pod, name) = (self.shared.pod(), &self.container.name);
        let metadata = &pod.metadata;
        let full_name = format!(
            "{}_{}({})",
            metadata.name.as_deref().unwrap_or_default(),
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.uid.as_deref().unwrap_or_default()
        );
        let event = format!("Back-off restarting failed container {name} in pod {full_name}");
        let message = format!(
            "back-off {}s restarting failed container={name} pod={full_name}",
            delay.as_secs()
        );
        self.event(|pod| PodEvent::warning(pod, "BackOff", event));
        self.status.last_state = self.status.state.take();
        self.status.state = Some(waiting("CrashLoopBackOff", Some(message)));
        self.report();
    }

    /// Moves the end of the last run to where the next run finds it.
    pub(crate) fn prepare_restart(&mut self) {
        if let Some(state) = self.status.state.take()
            && state.terminated.is_some()
        {
            self.status.last_state = Some(state);
        } else {
            self.status.state = None;
        }
        self.status.restart_count = self.status.restart_count.saturating_add(1);
    }

    pub(crate) fn set_running(&mut self, ready: bool) {
        let running = ContainerStateRunning {
            started_at: Some(Time(Timestamp::now())),
        };
        self.status.state = Some(ContainerState {
            running: Some(running),
            ..ContainerState::default()
        });
        self.status.started = Some(ready);
        self.status.ready = ready;
        self.record();
    }

    pub(crate) fn finish(&mut self, end: &RunEnd, began: Timestamp) {
        self.status.state = Some(ended(ContainerStateTerminated {
            container_id: self.status.container_id.clone(),
            exit_code: end.exit_code,
            signal: end.signal,
            reason: Some(if end.exit_code == 0 { "Completed" } else { "Error" }.to_owned()),
            message: end.message.clone(),
            started_at: Some(Time(began)),
            finished_at: Some(Time(Timestamp::now())),
        }));
        self.status.ready = false;
        self.status.started = Some(false);
        self.record();
    }

    pub(crate) fn report(&self) {
        // The pod's task outlives its containers; when it is gone there is no status to write.
        let _ = self.shared.reports.send(Report {
            init: self.init,
            status: self.status.clone(),
        });
    }

    /// Keeps what log requests need to know.
    pub(crate) fn record(&self) {
        let (image, restarts) = (self.container.image.clone().unwrap_or_default(), self.restarts());
        let process = !self.init && self.shared.context.profile_of(&image).is_some();
        let running = self
            .status
            .state
            .as_ref()
            .is_some_and(|state| state.running.is_some());
        self.shared.context.records.update(self.shared.pod(), |record| {
            record.containers.insert(
                self.container.name.clone(),
                ContainerRecord {
                    image,
                    process,
                    restarts,
                    running,
                },
            );
        });
    }

    /// Keeps the process that runs, or that none does.
    pub(crate) fn record_process(&self, process: Option<Child>) {
        let name = self.container.name.clone();
        self.shared.context.records.update(self.shared.pod(), |record| {
            match process {
                Some(child) => record.processes.insert(name, child),
                None => record.processes.remove(&name),
            };
        });
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.status.restart_count.unsigned_abs()
    }

    pub(crate) fn event(&self, event: impl FnOnce(&Pod) -> PodEvent) {
        self.shared
            .context
            .events
            .record(event(self.shared.pod()).of_container(&self.container.name));
    }

    pub(crate) fn simulated_id(&self) -> String {
        format!(
            "simulated://{}",
            self.shared.pod().metadata.uid.as_deref().unwrap_or_default()
        )
    }

    /// How long the process may take to end by itself.
    pub(crate) fn grace(&self) -> Duration {
        if self.shared.context.stop.is_cancelled() {
            return process::FINAL_GRACE;
        }
        let seconds = match self.shared.current() {
            // Removed from the API without waiting: whoever did that wants it gone.
            None => 0,
            Some(pod) => {
                let asked = pod.metadata.deletion_grace_period_seconds;
                asked
                    .or_else(|| pod.spec.as_ref()?.termination_grace_period_seconds)
                    .unwrap_or(30)
            }
        };
        Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    }
}
