//! What a step waits for and what it saw last: for the terminal now, for the failure later.

use crate::EventLog;
use plumbline_model::Event;
use std::sync::{Arc, Mutex, PoisonError};

/// Shared between a step and whoever looks at it; cheap to clone.
#[derive(Clone)]
pub(crate) struct Waiting {
    log: EventLog,
    scenario: Arc<str>,
    step: usize,
    seen: Arc<Mutex<(String, String)>>,
}

impl Waiting {
    pub(crate) fn new(log: EventLog, scenario: &str, step: usize) -> Self {
        Self {
            log,
            scenario: scenario.into(),
            step,
            seen: Arc::default(),
        }
    }

    /// Notes what is seen; an event is made of it when it is new.
    pub(crate) fn saw(&self, waiting_for: &str, last_seen: &str) {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.0 == waiting_for && seen.1 == last_seen {
                return;
            }
            *seen = (waiting_for.to_owned(), last_seen.to_owned());
        }
        self.log.emit(Event::StepWaiting {
            scenario: self.scenario.to_string(),
            step: self.step,
            waiting_for: waiting_for.to_owned(),
            last_seen: last_seen.to_owned(),
        });
    }

    /// What was waited for and what was seen last, in words.
    pub(crate) fn last(&self) -> (String, String) {
        let (waiting_for, last_seen) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let or = |text: String, otherwise: &str| {
            if text.is_empty() {
                otherwise.to_owned()
            } else {
                text
            }
        };
        (
            or(waiting_for, "the step to end"),
            or(last_seen, "nothing was seen"),
        )
    }
}
