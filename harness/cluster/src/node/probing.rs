//! The probes of a running process, side by side: startup first, then readiness and liveness.
//!
//! A container that is not yet ready is asked far more often than its period says, at first: only a success counts
//! then. So a pod is Ready as soon as its program is, while failures are counted by the pod's own schedule.

use super::{
    probe_state::{Change, ProbeState, Schedule},
    probe_target::ProbeTarget,
};
use k8s_openapi::api::core::v1::{Container, Probe};
use std::{net::Ipv4Addr, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

const EAGER_PERIOD: Duration = Duration::from_millis(100);
const EAGER_SPAN: Duration = Duration::from_secs(20);

/// What a probe found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbeSignal {
    /// The startup probe passed, or there is none.
    Started,
    /// Readiness changed.
    Ready(bool),
    /// A counted failure: the message of an event.
    Unhealthy(String),
}

/// Probes until the startup or the liveness probe has failed for good; the answer says which.
pub(crate) async fn probe(
    container: &Container,
    twin: Ipv4Addr,
    signals: &mpsc::UnboundedSender<ProbeSignal>,
) -> &'static str {
    let started = Instant::now();
    let prober = |probe: &Probe, word| Prober {
        word,
        target: ProbeTarget::of(probe, container, twin),
        schedule: Schedule::of(probe),
        started,
        signals,
    };
    if let Some(startup) = &container.startup_probe
        && !prober(startup, "Startup").first_decision().await
    {
        return "startup";
    }
    // The receiver lives as long as this future: a failed send means that nobody waits for it any more.
    let _ = signals.send(ProbeSignal::Started);
    let readiness = async {
        match &container.readiness_probe {
            Some(readiness) => prober(readiness, "Readiness").follow_readiness().await,
            None => {
                let _ = signals.send(ProbeSignal::Ready(true));
                std::future::pending().await
            }
        }
    };
    let liveness = async {
        match &container.liveness_probe {
            Some(liveness) => prober(liveness, "Liveness").until_failing().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        never = readiness => never,
        () = liveness => "liveness",
    }
}

struct Prober<'a> {
    word: &'static str,
    target: ProbeTarget,
    schedule: Schedule,
    started: Instant,
    signals: &'a mpsc::UnboundedSender<ProbeSignal>,
}

impl Prober<'_> {
    /// Whether the startup probe passes before it has failed too often.
    async fn first_decision(&self) -> bool {
        let mut state = ProbeState::new(self.schedule);
        let mut next = self.started + self.schedule.initial_delay;
        loop {
            match self.eager(&mut state, &mut next).await {
                Change::Passing => return true,
                Change::Failing => return false,
                Change::None => {}
            }
        }
    }

    async fn follow_readiness(&self) -> ! {
        let mut state = ProbeState::new(self.schedule);
        let mut next = self.started + self.schedule.initial_delay;
        let mut ready = false;
        loop {
            let change = if ready {
                self.counted(&mut state, &mut next).await
            } else {
                self.eager(&mut state, &mut next).await
            };
            match change {
                Change::Passing => ready = true,
                Change::Failing => ready = false,
                Change::None => continue,
            }
            let _ = self.signals.send(ProbeSignal::Ready(ready));
        }
    }

    async fn until_failing(&self) {
        let mut state = ProbeState::new(self.schedule);
        let mut next = self.started + self.schedule.initial_delay;
        while self.counted(&mut state, &mut next).await != Change::Failing {}
    }

    /// Waits until `next` and probes; the result counts whatever it is.
    async fn counted(&self, state: &mut ProbeState, next: &mut Instant) -> Change {
        sleep_until(*next).await;
        *next = Instant::now() + self.schedule.period;
        match self.target.check(self.schedule.timeout).await {
            Ok(()) => state.observe(true),
            Err(message) => {
                let _ = self.signals.send(ProbeSignal::Unhealthy(format!(
                    "{} probe failed: {message}",
                    self.word
                )));
                state.observe(false)
            }
        }
    }

    /// Like [`Prober::counted`], but young containers are also probed in between, where only a success counts.
    async fn eager(&self, state: &mut ProbeState, next: &mut Instant) -> Change {
        let early = Instant::now() + EAGER_PERIOD;
        if early >= *next || early > self.started + EAGER_SPAN {
            return self.counted(state, next).await;
        }
        let answer = self.target.check(self.schedule.timeout).await;
        if answer.is_ok() {
            return state.observe(true);
        }
        sleep_until(early).await;
        Change::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::net::SocketAddr;

    const TWIN: Ipv4Addr = Ipv4Addr::LOCALHOST;

    async fn listener() -> plumbline_servers::Listener {
        plumbline_servers::Listener::bind_loopback(SocketAddr::from((TWIN, 0)))
            .await
            .unwrap()
    }

    fn container(probes: Value) -> Container {
        let mut container = json!({"name": "a"});
        container
            .as_object_mut()
            .unwrap()
            .extend(probes.as_object().unwrap().clone());
        serde_json::from_value(container).unwrap()
    }

    fn tcp(port: u16, failures: u32) -> Value {
        json!({"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": failures})
    }

    #[tokio::test]
    async fn without_probes_a_container_is_started_and_ready_at_once() {
        let (sender, mut signals) = mpsc::unbounded_channel();
        let container = container(json!({}));
        tokio::select! {
            _ = probe(&container, TWIN, &sender) => unreachable!("nothing can fail"),
            () = async {
                assert_eq!(signals.recv().await, Some(ProbeSignal::Started));
                assert_eq!(signals.recv().await, Some(ProbeSignal::Ready(true)));
            } => {}
        }
    }

    #[tokio::test]
    async fn a_listening_program_is_ready_long_before_its_period() {
        let listener = listener().await;
        let mut readiness = tcp(listener.address().port(), 3);
        readiness["initialDelaySeconds"] = json!(3000);
        let (sender, mut signals) = mpsc::unbounded_channel();
        let container = container(json!({"readinessProbe": readiness}));
        tokio::select! {
            _ = probe(&container, TWIN, &sender) => unreachable!("nothing can fail"),
            () = async {
                assert_eq!(signals.recv().await, Some(ProbeSignal::Started));
                assert_eq!(signals.recv().await, Some(ProbeSignal::Ready(true)));
            } => {}
        }
    }

    #[tokio::test]
    async fn a_dead_port_fails_startup_and_liveness_by_name() {
        let port = listener().await.address().port();
        for (kind, word) in [("startupProbe", "startup"), ("livenessProbe", "liveness")] {
            let (sender, mut signals) = mpsc::unbounded_channel();
            let container = container(json!({kind: tcp(port, 1)}));
            assert_eq!(probe(&container, TWIN, &sender).await, word);
            drop(sender);
            let mut unhealthy = 0;
            while let Some(signal) = signals.recv().await {
                unhealthy += usize::from(matches!(signal, ProbeSignal::Unhealthy(_)));
            }
            assert_eq!(unhealthy, 1, "{kind}");
        }
    }
}
