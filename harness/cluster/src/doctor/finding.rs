//! What was found about one thing.

use serde::Serialize;
use std::fmt;

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The thing.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub found: String,
    /// What to do about it, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Good,
    /// Good enough, but trouble may come of it.
    Doubtful,
    /// kind cannot be used.
    Wrong,
    /// Another thing that is wrong hides it.
    Hidden,
}

impl Finding {
    pub(super) fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Good,
            found: found.into(),
            remedy: None,
        }
    }

    pub(super) fn hidden(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            state: State::Hidden,
            ..Self::good(check, found)
        }
    }

    pub(super) fn doubtful(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Doubtful,
            remedy: Some(remedy.into()),
            ..Self::good(check, found)
        }
    }

    pub(super) fn wrong(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Wrong,
            ..Self::doubtful(check, found, remedy)
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Good => "ok",
            Self::Doubtful => "doubtful",
            Self::Wrong => "wrong",
            Self::Hidden => "-",
        })
    }
}
