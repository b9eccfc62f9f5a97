//! A pod's status from the states of its containers: phase and conditions, as a kubelet computes them.

use k8s_openapi::{
    api::core::v1::{
        ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, HostIP, Pod,
        PodCondition, PodIP, PodStatus,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use std::net::Ipv4Addr;

/// All that a pod's status is made from.
#[derive(Clone, Debug)]
pub(crate) struct StatusInputs<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) host_ip: Ipv4Addr,
    /// Absent until the pod has been accepted.
    pub(crate) pod_ip: Option<Ipv4Addr>,
    pub(crate) start_time: &'a Time,
    pub(crate) init_containers: &'a [ContainerStatus],
    pub(crate) containers: &'a [ContainerStatus],
    /// The conditions last written, whose transition times are kept.
    pub(crate) previous: &'a [PodCondition],
    pub(crate) now: Time,
}

/// The status to write.
pub(crate) fn pod_status(inputs: &StatusInputs<'_>) -> PodStatus {
    let phase = phase(inputs);
    PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(conditions(inputs, phase)),
        host_ip: Some(inputs.host_ip.to_string()),
        host_ips: Some(vec![HostIP {
            ip: inputs.host_ip.to_string(),
        }]),
        pod_ip: inputs.pod_ip.map(|address| address.to_string()),
        pod_ips: inputs.pod_ip.map(|address| {
            vec![PodIP {
                ip: address.to_string(),
            }]
        }),
        start_time: Some(inputs.start_time.clone()),
        init_container_statuses: Some(inputs.init_containers.to_vec())
            .filter(|statuses| !statuses.is_empty()),
        container_statuses: Some(inputs.containers.to_vec()),
        observed_generation: inputs.pod.metadata.generation,
        ..PodStatus::default()
    }
}

/// Whether all the init containers have done their part.
fn initialized(inputs: &StatusInputs<'_>) -> bool {
    let expected = inputs
        .pod
        .spec
        .as_ref()
        .and_then(|spec| spec.init_containers.as_ref())
        .map_or(0, Vec::len);
    inputs.init_containers.len() == expected
        && inputs.init_containers.iter().all(|status| {
            terminated(status).is_some_and(|ended| ended.exit_code == 0) || status.started == Some(true)
        })
}

fn phase(inputs: &StatusInputs<'_>) -> &'static str {
    let policy = inputs
        .pod
        .spec
        .as_ref()
        .and_then(|spec| spec.restart_policy.as_deref())
        .unwrap_or("Always");
    let expected = inputs.pod.spec.as_ref().map_or(0, |spec| spec.containers.len());
    let (mut waiting, mut running, mut stopped, mut succeeded) = (0, 0, 0, 0);
    for status in inputs.containers {
        let state = status.state.as_ref();
        if state.is_some_and(|state| state.running.is_some()) {
            running += 1;
        } else if let Some(ended) = terminated(status) {
            stopped += 1;
            succeeded += usize::from(ended.exit_code == 0);
        } else if let Some(ended) = status
            .last_state
            .as_ref()
            .and_then(|state| state.terminated.as_ref())
        {
            stopped += 1;
            succeeded += usize::from(ended.exit_code == 0);
        } else {
            waiting += 1;
        }
    }
    if !initialized(inputs) || waiting > 0 || inputs.containers.len() < expected {
        "Pending"
    } else if running > 0 || policy == "Always" {
        "Running"
    } else if stopped == succeeded {
        "Succeeded"
    } else if policy == "Never" {
        "Failed"
    } else {
        "Running"
    }
}

fn conditions(inputs: &StatusInputs<'_>, phase: &str) -> Vec<PodCondition> {
    let spec = inputs.pod.spec.as_ref();
    let unready = unready(inputs.containers);
    let (containers_ready, reason, message) = match phase {
        "Succeeded" => (false, Some("PodCompleted"), None),
        "Failed" => (false, Some("PodFailed"), None),
        _ if unready.is_empty() && !inputs.containers.is_empty() => (true, None, None),
        _ => (
            false,
            Some("ContainersNotReady"),
            Some(format!("containers with unready status: [{}]", unready.join(" "))),
        ),
    };
    let existing = inputs
        .pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let missing_gates: Vec<_> = spec
        .into_iter()
        .flat_map(|spec| spec.readiness_gates.iter().flatten())
        .filter(|gate| {
            !existing
                .iter()
                .any(|condition| condition.type_ == gate.condition_type && condition.status == "True")
        })
        .map(|gate| gate.condition_type.as_str())
        .collect();
    let initialized = initialized(inputs);
    let completed = (phase == "Succeeded").then_some("PodCompleted");
    let mut conditions = vec![
        condition(
            "PodReadyToStartContainers",
            inputs.pod_ip.is_some() && completed.is_none(),
            None,
            None,
        ),
        if initialized {
            condition("Initialized", true, completed, None)
        } else {
            condition("Initialized", false, Some("ContainersNotInitialized"), None)
        },
        if containers_ready && !missing_gates.is_empty() {
            let message = format!(
                "corresponding condition of pod readiness gate {:?} does not exist.",
                missing_gates[0]
            );
            condition("Ready", false, Some("ReadinessGatesNotReady"), Some(message))
        } else {
            condition("Ready", containers_ready, reason, message.clone())
        },
        condition("ContainersReady", containers_ready, reason, message),
        condition("PodScheduled", true, None, None),
    ];
    for condition in &mut conditions {
        keep_transition(condition, inputs.previous, &inputs.now);
        condition.observed_generation = inputs.pod.metadata.generation;
    }
    conditions
}

/// The names of the containers that are not ready.
fn unready(statuses: &[ContainerStatus]) -> Vec<&str> {
    statuses
        .iter()
        .filter(|status| !status.ready)
        .map(|status| status.name.as_str())
        .collect()
}

/// A condition without a transition time.
pub(crate) fn condition(
    type_: &str,
    met: bool,
    reason: Option<&str>,
    message: Option<String>,
) -> PodCondition {
    PodCondition {
        type_: type_.to_owned(),
        status: if met { "True" } else { "False" }.to_owned(),
        reason: reason.map(str::to_owned),
        message,
        ..PodCondition::default()
    }
}

fn keep_transition(condition: &mut PodCondition, previous: &[PodCondition], now: &Time) {
    let kept = previous
        .iter()
        .find(|other| other.type_ == condition.type_ && other.status == condition.status)
        .and_then(|other| other.last_transition_time.clone());
    condition.last_transition_time = Some(kept.unwrap_or_else(|| now.clone()));
}

/// The state of a container that waits for `reason`.
pub(crate) fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    let waiting = ContainerStateWaiting {
        reason: Some(reason.to_owned()),
        message,
    };
    ContainerState {
        waiting: Some(waiting),
        ..ContainerState::default()
    }
}

/// The state of a container that ended.
pub(crate) fn ended(terminated: ContainerStateTerminated) -> ContainerState {
    ContainerState {
        terminated: Some(terminated),
        ..ContainerState::default()
    }
}

/// How the container ended, if its present state is that it did.
pub(crate) fn terminated(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.state.as_ref().and_then(|state| state.terminated.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ContainerStateRunning;
    use serde_json::{Value, json};

    fn time(second: i64) -> Time {
        Time(jiff::Timestamp::from_second(second).unwrap())
    }

    fn status(state: Value, ready: bool) -> ContainerStatus {
        ContainerStatus {
            name: "main".into(),
            state: Some(serde_json::from_value(state).unwrap()),
            ready,
            ..ContainerStatus::default()
        }
    }

    fn running() -> Value {
        serde_json::to_value(ContainerState {
            running: Some(ContainerStateRunning::default()),
            ..ContainerState::default()
        })
        .unwrap()
    }

    fn evaluate(policy: &str, containers: &[ContainerStatus], previous: &[PodCondition]) -> PodStatus {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"generation": 3},
            "spec": {"restartPolicy": policy, "containers": [{"name": "main"}]}}))
        .unwrap();
        pod_status(&StatusInputs {
            pod: &pod,
            host_ip: Ipv4Addr::LOCALHOST,
            pod_ip: Some(Ipv4Addr::new(10, 244, 1, 2)),
            start_time: &time(1),
            init_containers: &[],
            containers,
            previous,
            now: time(9),
        })
    }

    fn of<'a>(status: &'a PodStatus, type_: &str) -> &'a PodCondition {
        status
            .conditions
            .as_ref()
            .unwrap()
            .iter()
            .find(|condition| condition.type_ == type_)
            .unwrap()
    }

    #[test]
    fn the_phase_follows_the_containers_and_the_restart_policy() {
        let done = |code: i32| json!({"terminated": {"exitCode": code}});
        let mut crashing = status(json!({"waiting": {"reason": "CrashLoopBackOff"}}), false);
        crashing.last_state = Some(serde_json::from_value(done(1)).unwrap());
        for (policy, container, expected) in [
            (
                "Always",
                status(json!({"waiting": {"reason": "ContainerCreating"}}), false),
                "Pending",
            ),
            ("Always", status(running(), true), "Running"),
            ("Always", crashing, "Running"),
            ("Always", status(done(0), false), "Running"),
            ("Never", status(done(0), false), "Succeeded"),
            ("Never", status(done(2), false), "Failed"),
            ("OnFailure", status(done(0), false), "Succeeded"),
            ("OnFailure", status(done(2), false), "Running"),
        ] {
            let evaluated = evaluate(policy, &[container], &[]);
            assert_eq!(
                evaluated.phase.as_deref(),
                Some(expected),
                "{policy}: {evaluated:?}"
            );
        }
        assert_eq!(evaluate("Always", &[], &[]).phase.as_deref(), Some("Pending"));
    }

    #[test]
    fn a_ready_pod_has_every_condition_and_a_pod_that_is_not_says_which_container() {
        let ready = evaluate("Always", &[status(running(), true)], &[]);
        for type_ in [
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        ] {
            assert_eq!(of(&ready, type_).status, "True", "{type_}");
            assert_eq!(of(&ready, type_).observed_generation, Some(3));
        }
        let unready = evaluate("Always", &[status(running(), false)], &[]);
        assert_eq!(of(&unready, "Ready").status, "False");
        assert_eq!(
            of(&unready, "Ready").message.as_deref(),
            Some("containers with unready status: [main]")
        );
    }

    #[test]
    fn transition_times_move_only_with_the_status() {
        let mut first = evaluate("Always", &[status(running(), false)], &[])
            .conditions
            .unwrap();
        for condition in &mut first {
            condition.last_transition_time = Some(time(5));
        }
        let second = evaluate("Always", &[status(running(), true)], &first);
        assert_eq!(of(&second, "Initialized").last_transition_time, Some(time(5)));
        assert_eq!(of(&second, "Ready").last_transition_time, Some(time(9)));
    }

    #[test]
    fn a_readiness_gate_holds_readiness_back() {
        let pod: Pod = serde_json::from_value(json!({
            "spec": {"containers": [{"name": "main"}], "readinessGates": [{"conditionType": "x/y"}]}}))
        .unwrap();
        let containers = [status(running(), true)];
        let evaluated = pod_status(&StatusInputs {
            pod: &pod,
            host_ip: Ipv4Addr::LOCALHOST,
            pod_ip: None,
            start_time: &time(1),
            init_containers: &[],
            containers: &containers,
            previous: &[],
            now: time(9),
        });
        assert_eq!(
            of(&evaluated, "Ready").reason.as_deref(),
            Some("ReadinessGatesNotReady")
        );
        assert_eq!(of(&evaluated, "ContainersReady").status, "True");
    }
}
