//! The arithmetic of probes: thresholds, and what a row of results means.

use k8s_openapi::api::core::v1::Probe;
use std::time::Duration;

/// When a probe runs and how many results decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) initial_delay: Duration,
    pub(crate) period: Duration,
    pub(crate) timeout: Duration,
    pub(crate) successes: u32,
    pub(crate) failures: u32,
}

impl Schedule {
    /// The schedule of `probe`, with the defaults of Kubernetes.
    pub(crate) fn of(probe: &Probe) -> Self {
        let number = |value: Option<i32>, default: u32| {
            value
                .and_then(|value| u32::try_from(value).ok())
                .filter(|value| *value > 0)
                .unwrap_or(default)
        };
        let seconds = |value, default| Duration::from_secs(u64::from(number(value, default)));
        Self {
            initial_delay: seconds(probe.initial_delay_seconds, 0),
            period: seconds(probe.period_seconds, 10),
            timeout: seconds(probe.timeout_seconds, 1),
            successes: number(probe.success_threshold, 1),
            failures: number(probe.failure_threshold, 3),
        }
    }
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Not enough results in a row.
    None,
    /// The probe counts as passing from now on.
    Passing,
    /// The probe counts as failing from now on.
    Failing,
}

/// Results in a row.
#[derive(Clone, Debug)]
pub(crate) struct ProbeState {
    schedule: Schedule,
    passing: Option<bool>,
    last: bool,
    row: u32,
}

impl ProbeState {
    /// No result yet.
    pub(crate) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            passing: None,
            last: false,
            row: 0,
        }
    }

    /// Counts a result.
    pub(crate) fn observe(&mut self, success: bool) -> Change {
        self.row = if self.last == success {
            self.row.saturating_add(1)
        } else {
            1
        };
        self.last = success;
        let threshold = if success {
            self.schedule.successes
        } else {
            self.schedule.failures
        };
        if self.row < threshold || self.passing == Some(success) {
            return Change::None;
        }
        self.passing = Some(success);
        if success { Change::Passing } else { Change::Failing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(successes: i32, failures: i32) -> ProbeState {
        ProbeState::new(Schedule::of(&Probe {
            success_threshold: Some(successes),
            failure_threshold: Some(failures),
            ..Probe::default()
        }))
    }

    fn changes(mut state: ProbeState, results: &str) -> Vec<Change> {
        results
            .chars()
            .map(|result| state.observe(result == '+'))
            .collect()
    }

    #[test]
    fn only_a_full_row_changes_anything() {
        use Change::{Failing, None, Passing};
        assert_eq!(
            changes(state(1, 3), "--+--+---+"),
            [
                None, None, Passing, None, None, None, None, None, Failing, Passing
            ]
        );
        assert_eq!(changes(state(2, 1), "+-++"), [None, Failing, None, Passing]);
        assert_eq!(changes(state(1, 1), "++--"), [Passing, None, Failing, None]);
    }

    #[test]
    fn defaults_are_those_of_kubernetes() {
        let schedule = Schedule::of(&Probe::default());
        assert_eq!(schedule.period, Duration::from_secs(10));
        assert_eq!(schedule.timeout, Duration::from_secs(1));
        assert_eq!((schedule.successes, schedule.failures), (1, 3));
        assert_eq!(schedule.initial_delay, Duration::ZERO);
    }
}
