//! The exit codes of the program and their precedence.

use serde::{Deserialize, Serialize};

/// What the program's exit says, as documented in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitCode {
    /// 0: every selected scenario passed.
    Passed,
    /// 1: at least one scenario failed; the platform under test is at fault.
    Failed,
    /// 2: wrong usage, or an invalid scenario file; nothing was started.
    Usage,
    /// 3: the environment or plumbline itself is at fault.
    Environment,
    /// 4: the selection is empty.
    NothingSelected,
    /// 5: something was left behind that plumbline could not remove.
    LeftBehind,
    /// 130: interrupted by SIGINT.
    Interrupted,
    /// 143: ended by SIGTERM.
    Terminated,
}

impl ExitCode {
    /// The number that the operating system sees.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::NothingSelected => 4,
            Self::LeftBehind => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Higher wins when several apply: interruption, then usage and selection (which stop a run before it starts),
    /// then environment, failure, left-behind, passed.
    const fn precedence(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::LeftBehind => 1,
            Self::Failed => 2,
            Self::Environment => 3,
            Self::NothingSelected => 4,
            Self::Usage => 5,
            Self::Terminated => 6,
            Self::Interrupted => 7,
        }
    }

    /// The code that stands when both `self` and `other` apply.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        if other.precedence() > self.precedence() {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_interrupted_then_environment_then_failed_then_left_behind() {
        let mut code = ExitCode::Passed;
        for (next, number) in [
            (ExitCode::LeftBehind, 5),
            (ExitCode::Failed, 1),
            (ExitCode::Environment, 3),
            (ExitCode::Terminated, 143),
            (ExitCode::Interrupted, 130),
            (ExitCode::LeftBehind, 130),
        ] {
            code = code.and(next);
            assert_eq!(code.number(), number);
        }
    }
}
