//! Progress as bars, for terminals: what is waited for, for how long, and what was seen last.

use super::Show;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use plumbline_model::{Activity, ActivityId, Event, LogEntry, Unit};
use plumbline_report::{Palette, Summary, duration, printable, render_scenario_end};
use std::{collections::BTreeMap, time::Duration};

/// Redraws per second, at most.
const HERTZ: u8 = 10;
/// So that seconds go on while nothing is reported.
const TICK: Duration = Duration::from_millis(250);

pub(super) struct Bars {
    palette: Palette,
    bars: MultiProgress,
    scenarios: BTreeMap<String, ProgressBar>,
    phases: BTreeMap<String, ProgressBar>,
    activities: BTreeMap<ActivityId, ProgressBar>,
}

impl Bars {
    pub(super) fn new(palette: Palette) -> Self {
        Self {
            palette,
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(HERTZ)),
            scenarios: BTreeMap::new(),
            phases: BTreeMap::new(),
            activities: BTreeMap::new(),
        }
    }

    fn bar(&self, template: &str, prefix: &str, total: Option<u64>) -> ProgressBar {
        let bar = self
            .bars
            .add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(prefix.to_owned());
        bar.enable_steady_tick(TICK);
        bar
    }
}

const SPINNER: &str = "{spinner} {elapsed:>4} {prefix}  {wide_msg}";
const COUNT: &str = "{spinner} {elapsed:>4} {prefix}  {bar:24} {pos}/{len}  {wide_msg}";
const BYTES: &str = "{spinner} {elapsed:>4} {prefix}  {bar:24} {bytes}/{total_bytes}  {wide_msg}";

impl Show for Bars {
    fn event(&mut self, entry: &LogEntry, summary: &Summary) {
        match &entry.event {
            Event::PhaseStarted { phase } => {
                let bar = self.bar(SPINNER, phase, None);
                self.phases.insert(phase.clone(), bar);
            }
            Event::PhaseFinished {
                phase,
                duration: took,
                ..
            } => {
                if let Some(bar) = self.phases.remove(phase) {
                    bar.finish_and_clear();
                }
                self.print(&format!("      {:>8}  {phase}", duration(*took)));
            }
            Event::ScenarioStarted { scenario, .. } => {
                let bar = self.bar(SPINNER, scenario, None);
                self.scenarios.insert(scenario.clone(), bar);
            }
            Event::StepStarted {
                scenario,
                summary: step,
                ..
            } => {
                if let Some(bar) = self.scenarios.get(scenario) {
                    bar.set_message(printable(step));
                }
            }
            Event::StepWaiting {
                scenario,
                waiting_for,
                last_seen,
                ..
            } => {
                if let Some(bar) = self.scenarios.get(scenario) {
                    bar.set_message(printable(&format!("{waiting_for} (last seen: {last_seen})")));
                }
            }
            Event::ScenarioFinished { scenario, .. } => {
                if let Some(bar) = self.scenarios.remove(scenario) {
                    bar.finish_and_clear();
                }
                if let Some(result) = summary.scenario(scenario).filter(|result| !result.is_forborne()) {
                    let text = render_scenario_end(result, self.palette);
                    self.print(&text);
                }
            }
            Event::Noted { scenario, text } => self.print(&printable(&format!("      {scenario}: {text}"))),
            Event::Interrupted { signal } => self.print(&format!("      {signal}: stopping")),
            _ => {}
        }
    }

    fn activity(&mut self, activity: Activity) {
        match activity {
            Activity::Started {
                id,
                what,
                total,
                last_time,
            } => {
                let (template, length) = match total {
                    None => (SPINNER, None),
                    Some((length, Unit::Items)) => (COUNT, Some(length)),
                    Some((length, Unit::Bytes)) => (BYTES, Some(length)),
                };
                let bar = self.bar(template, &what, length);
                if let Some(last_time) = last_time {
                    let milliseconds = u64::try_from(last_time.as_millis()).unwrap_or(u64::MAX);
                    bar.set_message(format!("took {} last time", duration(milliseconds)));
                }
                self.activities.insert(id, bar);
            }
            Activity::Advanced { id, done } => {
                if let Some(bar) = self.activities.get(&id) {
                    bar.set_position(done);
                }
            }
            Activity::Noted { id, note } => {
                if let Some(bar) = self.activities.get(&id) {
                    bar.set_message(printable(&note));
                }
            }
            Activity::Finished { id } => {
                if let Some(bar) = self.activities.remove(&id) {
                    bar.finish_and_clear();
                }
            }
        }
    }

    fn print(&mut self, text: &str) {
        // A closed standard error must not end the run.
        let _ = self.bars.println(text.trim_end());
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // Whatever is still drawn belongs to work that was cut short.
        let _ = self.bars.clear();
    }
}
