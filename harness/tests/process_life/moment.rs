//! Moments in the life of a run, as they can be seen from outside.

use crate::running::Running;

/// A moment that has come once it can be seen.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// The event log has this text.
    Logged(&'static str),
    /// Standard output has this text.
    Printed(&'static str),
    /// Standard error has this text.
    Complained(&'static str),
    /// A process with this name belongs to the run.
    Process(&'static str),
}

impl Moment {
    /// The very first event.
    pub const STARTED: Self = Self::Logged(r#""run-started""#);
    /// The platform is being set up.
    pub const SETTING_UP: Self = Self::Logged(r#""phase-started","phase":"platform""#);
    /// Everything that plumbline itself brings is up.
    pub const SET_UP: Self = Self::Logged(r#""phase-finished","phase":"platform""#);
    /// Helm is at work.
    pub const INSTALLING: Self = Self::Logged(r#""verb":"install""#);
    /// A signal was noted.
    pub const INTERRUPTED: Self = Self::Logged(r#""interrupted","signal""#);
    /// Every report is there, and the platform stays up.
    pub const STAYS_UP: Self = Self::Printed("\nexport KUBECONFIG=");

    /// Whether it has come.
    pub fn has_come(self, run: &Running) -> bool {
        match self {
            Self::Logged(text) => run.log().contains(text),
            Self::Printed(text) => run.read("output").contains(text),
            Self::Complained(text) => run.read("error").contains(text),
            // The kernel keeps the first 15 bytes of a name.
            Self::Process(name) => run
                .traces()
                .processes
                .iter()
                .any(|process| process.name == name[..name.len().min(15)]),
        }
    }
}
