//! What was there before a scenario began, so that what it expects of its own time is not met by what is older.

use plumbline_cluster::kubernetes::{KindReference, KindSelector};
use plumbline_flux::{LogMarks, Platform, VerbError};
use plumbline_scenario::{
    Scenario, Step,
    steps::{Expect, Subject},
};

/// The past of a scenario: noted at its first step, and only as far as its expectations ask for it.
#[derive(Default)]
pub(crate) struct Before {
    noted: Option<Noted>,
}

struct Noted {
    events: u64,
    logs: LogMarks,
}

impl Before {
    /// Notes what is there now, unless that was done before.
    pub(super) async fn note(&mut self, scenario: &Scenario, platform: &Platform) -> Result<(), VerbError> {
        if self.noted.is_some() {
            return Ok(());
        }
        let asks = |of: fn(&Subject) -> bool| {
            let steps = scenario.all_steps();
            steps
                .filter_map(|placed| match &placed.step {
                    Step::Expect(Expect { subject, .. }) => Some(subject),
                    _ => None,
                })
                .any(of)
        };
        let events = match asks(|subject| matches!(subject, Subject::Event(_))) {
            true => {
                let events = KindSelector::all(KindReference::new("", "v1", "Event"));
                let there = platform.kubernetes().list(&events).await?;
                there.iter().map(|event| event.version()).max().unwrap_or(0)
            }
            false => 0,
        };
        let logs = match asks(|subject| matches!(subject, Subject::Log(_))) {
            true => platform.log_marks(),
            false => LogMarks::default(),
        };
        self.noted = Some(Noted { events, logs });
        Ok(())
    }

    /// The newest version of an Event that was there.
    pub(super) fn events(&self) -> u64 {
        self.noted.as_ref().map_or(0, |noted| noted.events)
    }

    /// How long the logs were.
    pub(super) fn logs(&self) -> LogMarks {
        self.noted
            .as_ref()
            .map_or_else(LogMarks::default, |noted| noted.logs.clone())
    }
}
