//! How a wait can end without its condition: late, never, violated, or because the cluster died.

use super::target::{Target, View};
use crate::kubernetes::KubernetesError;
use plumbline_model::Fault;
use std::{fmt, time::Duration};

/// A wait that did not see what it waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline passed.
    #[error("{0}")]
    TimedOut(Box<WaitTimeout>),
    /// The condition cannot become true any more.
    #[error("{target} will not get there: {reason}")]
    Never {
        /// What the wait was about.
        target: Target,
        /// Why it cannot become true.
        reason: String,
        /// How long that took to show.
        elapsed: Duration,
        /// The state that shows it.
        last: View,
    },
    /// A condition that should have held all the time did not.
    #[error("{target} did not stay so: {seen} after {}", Seconds(*.elapsed))]
    Violated {
        /// What the wait was about.
        target: Target,
        /// What was seen instead.
        seen: String,
        /// How long it had held.
        elapsed: Duration,
        /// The state that violates the condition.
        last: View,
    },
    /// A program of the cluster died; nothing can be said about the condition.
    #[error("{}", .0.message)]
    Fault(Box<Fault>),
    /// The API server refused to show the objects.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
}

impl WaitError {
    /// The state that was seen last, where one was seen.
    #[must_use]
    pub fn last(&self) -> Option<&View> {
        match self {
            Self::TimedOut(timeout) => Some(&timeout.last),
            Self::Never { last, .. } | Self::Violated { last, .. } => Some(last),
            Self::Fault(_) | Self::Kubernetes(_) => None,
        }
    }

    /// Whether the cluster showed that the expectation does not hold, as opposed to not being able to show anything.
    #[must_use]
    pub const fn is_about_the_platform(&self) -> bool {
        match self {
            Self::TimedOut(timeout) => !timeout.is_blind,
            Self::Never { .. } | Self::Violated { .. } => true,
            Self::Fault(_) | Self::Kubernetes(_) => false,
        }
    }
}

/// A deadline that passed, with all that is known about why.
#[derive(Debug)]
pub struct WaitTimeout {
    /// What the wait was about.
    pub target: Target,
    /// What the condition said last; empty when no state could be seen at all.
    pub seen: String,
    /// Why the state at the deadline is not known, or why there is none.
    pub last_error: Option<String>,
    /// Whether the API server could not be asked at the deadline: then `seen` may be out of date.
    pub is_blind: bool,
    /// How long the wait took.
    pub elapsed: Duration,
    /// The state seen last.
    pub last: View,
}

impl fmt::Display for WaitTimeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: not so within {}",
            self.target,
            Seconds(self.elapsed)
        )?;
        if !self.seen.is_empty() {
            write!(formatter, "; last seen: {}", self.seen)?;
        }
        if let Some(error) = &self.last_error {
            write!(formatter, "; last error: {error}")?;
        }
        Ok(())
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.1} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_says_what_was_seen_and_what_went_wrong_with_the_connection() {
        let timeout = WaitTimeout {
            target: Target::Object("Kustomization flux-system/ledger".parse().unwrap()),
            seen: "Ready=False BuildFailed: no file".into(),
            last_error: Some("connection refused".into()),
            is_blind: true,
            elapsed: Duration::from_millis(2500),
            last: View::default(),
        };
        assert_eq!(
            WaitError::TimedOut(Box::new(timeout)).to_string(),
            "Kustomization flux-system/ledger: not so within 2.5 s; last seen: Ready=False BuildFailed: no file; \
             last error: connection refused"
        );
    }
}
