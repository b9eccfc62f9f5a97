//! How long a verb may take, and who hears what it sees meanwhile.

use crate::VerbError;
use plumbline_cluster::{
    conditions::Verdict,
    watch::{Observed, Target, View, WaitError, Watches},
};
use plumbline_model::{Failure, FaultClass};
use tokio::time::Instant;

type Observer<'a> = dyn Fn(&str, &str) + Send + Sync + 'a;

/// A deadline, and an observer that is told what is waited for and what was seen last.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// When to give up.
    pub deadline: Instant,
    observer: &'a Observer<'a>,
}

impl<'a> Patience<'a> {
    /// Gives up at `deadline` and tells `observer` what is waited for and what was seen last.
    pub fn new(deadline: Instant, observer: &'a Observer<'a>) -> Self {
        Self { deadline, observer }
    }

    /// Tells the observer.
    pub fn saw(&self, waiting_for: &str, last_seen: &str) {
        (self.observer)(waiting_for, last_seen);
    }

    /// Waits until `condition` is met; `what` is the condition in words.
    ///
    /// # Errors
    /// The platform's fault when the cluster showed that it is not so, the cluster's when it could not be asked.
    pub async fn wait(
        &self,
        watches: &Watches,
        target: impl Into<Target>,
        what: &str,
        condition: impl Fn(&View) -> Verdict,
    ) -> Result<Observed, VerbError> {
        self.saw(what, "nothing yet");
        watches
            .wait(target, condition, self.deadline, |seen| self.saw(what, seen))
            .await
            .map_err(|error| unmet(what, error))
    }
}

/// A wait that ended without its condition, as the end of a verb.
pub fn unmet(what: &str, error: WaitError) -> VerbError {
    match error {
        WaitError::Fault(fault) => VerbError::Fault(*fault),
        WaitError::Kubernetes(error) => error.into(),
        error if !error.is_about_the_platform() => VerbError::fault(FaultClass::Cluster, error.to_string()),
        error => {
            let actual = match &error {
                WaitError::TimedOut(timeout) if timeout.seen.is_empty() => timeout.last.summary(),
                WaitError::TimedOut(timeout) => timeout.seen.clone(),
                WaitError::Never { reason, .. } => reason.clone(),
                WaitError::Violated { seen, .. } => seen.clone(),
                _ => error.to_string(),
            };
            VerbError::Unmet(Box::new(Failure {
                message: error.to_string(),
                expected: Some(what.to_owned()),
                actual: Some(actual),
                attachments: Vec::new(),
            }))
        }
    }
}
