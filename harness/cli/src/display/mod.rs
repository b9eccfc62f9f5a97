//! What is shown on standard error while a command runs.

mod bars;
mod lines;

use crate::arguments::ProgressStyle;
use bars::Bars;
use lines::Lines;
use plumbline_model::{Activity, LogEntry, Progress};
use plumbline_report::Palette;
use std::{
    io::IsTerminal as _,
    sync::{Arc, Mutex, PoisonError},
};

/// Shows events and activities.
trait Show: Send {
    fn event(&mut self, entry: &LogEntry);
    fn activity(&mut self, activity: Activity);
}

/// The display of one command; cheap to clone.
#[derive(Clone)]
pub struct Display {
    show: Arc<Mutex<Option<Box<dyn Show>>>>,
}

impl Display {
    /// Chooses bars or lines.
    pub fn new(style: ProgressStyle) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let show: Option<Box<dyn Show>> = match style {
            ProgressStyle::None => None,
            ProgressStyle::Bars => Some(Box::new(Bars::new(palette(terminal)))),
            ProgressStyle::Auto if terminal => Some(Box::new(Bars::new(palette(terminal)))),
            ProgressStyle::Auto | ProgressStyle::Lines => Some(Box::new(Lines::new(palette(terminal)))),
        };
        Self {
            show: Arc::new(Mutex::new(show)),
        }
    }

    /// Shows `entry`.
    pub fn event(&self, entry: &LogEntry) {
        self.with(|show| show.event(entry));
    }

    /// A progress that shows its activities here.
    pub fn progress(&self) -> Progress {
        let display = self.clone();
        Progress::new(move |activity| display.with(|show| show.activity(activity)))
    }

    /// Ends the display: nothing of it stays on a terminal.
    pub fn finish(&self) {
        self.show.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn with(&self, act: impl FnOnce(&mut dyn Show)) {
        if let Some(show) = self.show.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            act(show.as_mut());
        }
    }
}

/// Colours on a terminal, unless the user says otherwise.
pub fn palette(terminal: bool) -> Palette {
    if terminal && !crate::directories::plain_output() {
        Palette::Ansi
    } else {
        Palette::Plain
    }
}
