//! Colours, and the words that say the same without them.

use plumbline_model::Status;

/// Whether colours are used; the words alone always say everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// No escape sequences.
    Plain,
    /// ANSI colours.
    Ansi,
}

impl Palette {
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn status(self, status: Status) -> String {
        let (code, word) = match status {
            Status::Passed => ("32", "PASS"),
            Status::Flaky => ("1;33", "FLAKY"),
            Status::Failed => ("1;31", "FAIL"),
            Status::Errored => ("1;35", "ERROR"),
            Status::Skipped => ("33", "SKIP"),
            Status::Interrupted => ("33", "STOP"),
        };
        self.paint(code, &format!("{word:>5}"))
    }
}
