//! The parts of a pod's status that change while it runs.

use super::{
    container::{Report, first_status},
    status::{ended, terminated},
};
use k8s_openapi::{
    api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodCondition},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::Timestamp,
};
use std::net::Ipv4Addr;

/// The parts of the status that change.
pub(crate) struct PodState {
    pub(crate) address: Ipv4Addr,
    pub(crate) start_time: Time,
    pub(crate) init_containers: Vec<ContainerStatus>,
    pub(crate) containers: Vec<ContainerStatus>,
    pub(crate) conditions: Vec<PodCondition>,
    pub(crate) written_generation: Option<i64>,
}

impl PodState {
    pub(crate) fn new(pod: &Pod, address: Ipv4Addr) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let first = |init| move |container| first_status(container, init);
        Self {
            address,
            start_time: Time(Timestamp::now()),
            init_containers: spec.init_containers.iter().flatten().map(first(true)).collect(),
            containers: spec.containers.iter().map(first(false)).collect(),
            conditions: pod
                .status
                .clone()
                .and_then(|status| status.conditions)
                .unwrap_or_default(),
            written_generation: pod.metadata.generation,
        }
    }

    /// Takes over a container's state; false if it is not news.
    pub(crate) fn apply(&mut self, report: Report) -> bool {
        let statuses = if report.init {
            &mut self.init_containers
        } else {
            &mut self.containers
        };
        match statuses
            .iter_mut()
            .find(|status| status.name == report.status.name)
        {
            Some(status) if *status != report.status => {
                *status = report.status;
                true
            }
            _ => false,
        }
    }

    /// Nobody looks after the containers any more: their processes have been ended.
    pub(crate) fn all_lost(&mut self) {
        for status in self
            .containers
            .iter_mut()
            .filter(|status| terminated(status).is_none())
        {
            status.ready = false;
            status.state = Some(ended(ContainerStateTerminated {
                exit_code: 137,
                reason: Some("NodeAgentBug".to_owned()),
                finished_at: Some(Time(Timestamp::now())),
                ..ContainerStateTerminated::default()
            }));
        }
    }
}
