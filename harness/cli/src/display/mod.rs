//! What is shown on standard error while a command runs.

mod bars;
mod lines;

use crate::arguments::ProgressStyle;
use bars::Bars;
use lines::Lines;
use plumbline_model::{Activity, LogEntry, Progress};
use plumbline_report::{Palette, Summary, render_running};
use std::{
    io::{IsTerminal as _, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Shows events and activities.
trait Show: Send {
    /// `summary` has the event in it.
    fn event(&mut self, entry: &LogEntry, summary: &Summary);
    fn activity(&mut self, activity: Activity);
    /// Prints lines that stay.
    fn print(&mut self, text: &str);
}

/// The display of one command; cheap to clone.
#[derive(Clone)]
pub struct Display {
    state: Arc<Mutex<State>>,
    palette: Palette,
}

struct State {
    summary: Summary,
    show: Option<Box<dyn Show>>,
}

impl Display {
    /// Chooses bars or lines.
    pub fn new(style: ProgressStyle) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let palette = palette(terminal);
        let show: Option<Box<dyn Show>> = match style {
            ProgressStyle::None => None,
            ProgressStyle::Bars => Some(Box::new(Bars::new(palette))),
            ProgressStyle::Auto if terminal => Some(Box::new(Bars::new(palette))),
            ProgressStyle::Auto | ProgressStyle::Lines => Some(Box::new(Lines::new(palette))),
        };
        let state = State {
            summary: Summary::default(),
            show,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            palette,
        }
    }

    /// Shows `entry`.
    pub fn event(&self, entry: &LogEntry) {
        let mut state = self.state();
        let State { summary, show } = &mut *state;
        summary.push(entry);
        if let Some(show) = show {
            show.event(entry, summary);
        }
    }

    /// A progress that shows its activities here.
    pub fn progress(&self) -> Progress {
        let display = self.clone();
        Progress::new(move |activity| {
            if let Some(show) = &mut display.state().show {
                show.activity(activity);
            }
        })
    }

    /// Prints what every running scenario waits for, `now` milliseconds after the run began.
    pub fn tell_running(&self, now: u64) {
        let mut state = self.state();
        let State { summary, show } = &mut *state;
        let text = render_running(summary, now, self.palette);
        match show {
            Some(show) => show.print(&text),
            None => print_line(&text),
        }
    }

    /// Ends the display: nothing of it stays on a terminal.
    pub fn finish(&self) {
        self.state().show.take();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints to standard error; a closed one must not end the run.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end());
}

/// Colours on a terminal, unless the user says otherwise.
pub fn palette(terminal: bool) -> Palette {
    if terminal && !crate::directories::plain_output() {
        Palette::Ansi
    } else {
        Palette::Plain
    }
}
