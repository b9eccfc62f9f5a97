//! Progress as lines, for logs: one for each thing that ends, and a sign of life when nothing does.

use super::{Show, print_line};
use plumbline_model::{Activity, ActivityId, Event, LogEntry, Outcome};
use plumbline_report::{Palette, Summary, duration, printable, render_scenario_end};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long nothing may be printed while something goes on.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// Work that ends sooner is not worth a line of its own.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

pub(super) struct Lines {
    palette: Palette,
    activities: BTreeMap<ActivityId, (String, Instant)>,
    printed: Instant,
}

impl Lines {
    pub(super) fn new(palette: Palette) -> Self {
        Self {
            palette,
            activities: BTreeMap::new(),
            printed: Instant::now(),
        }
    }

    fn sign_of_life(&mut self, text: impl FnOnce() -> String) {
        if self.printed.elapsed() >= SIGN_OF_LIFE {
            let text = text();
            self.print(&text);
        }
    }
}

impl Show for Lines {
    fn event(&mut self, entry: &LogEntry, summary: &Summary) {
        match &entry.event {
            Event::PhaseStarted { phase } => self.print(&format!("      {phase} ...")),
            Event::PhaseFinished {
                phase,
                duration: took,
                outcome,
            } => {
                let word = if *outcome == Outcome::Passed {
                    "done in"
                } else {
                    "failed after"
                };
                self.print(&format!("      {phase}: {word} {}", duration(*took)));
            }
            Event::ScenarioFinished { scenario, .. } => {
                if let Some(result) = summary.scenario(scenario).filter(|result| !result.is_forborne()) {
                    let text = render_scenario_end(result, self.palette);
                    self.print(&text);
                }
            }
            Event::StepWaiting {
                scenario,
                waiting_for,
                last_seen,
                ..
            } => self.sign_of_life(|| {
                let text = format!("      {scenario}: waits for {waiting_for}; last seen: {last_seen}");
                printable(&text)
            }),
            Event::Noted { scenario, text } => self.print(&printable(&format!("      {scenario}: {text}"))),
            Event::Interrupted { signal } => self.print(&format!("      {signal}: stopping")),
            _ => {}
        }
    }

    fn activity(&mut self, activity: Activity) {
        match activity {
            Activity::Started {
                id, what, last_time, ..
            } => {
                if let Some(last_time) = last_time.filter(|last| *last >= WORTH_A_LINE) {
                    let took = duration(u64::try_from(last_time.as_millis()).unwrap_or(u64::MAX));
                    self.print(&format!("      {what} (took {took} last time)"));
                }
                self.activities.insert(id, (what, Instant::now()));
            }
            Activity::Noted { id, note } => {
                if let Some((what, since)) = self.activities.get(&id).cloned() {
                    self.sign_of_life(|| {
                        format!(
                            "      {what}: {} so far, {note}",
                            duration(milliseconds(since.elapsed()))
                        )
                    });
                }
            }
            Activity::Advanced { .. } => {}
            Activity::Finished { id } => {
                if let Some((what, since)) = self.activities.remove(&id)
                    && since.elapsed() >= WORTH_A_LINE
                {
                    self.print(&format!(
                        "      {what}: {}",
                        duration(milliseconds(since.elapsed()))
                    ));
                }
            }
        }
    }

    fn print(&mut self, text: &str) {
        self.printed = Instant::now();
        print_line(text);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
