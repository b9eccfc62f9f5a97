//! What a source answers when it does not have a program.

use crate::{ToolchainError, error::Attempt, programs::Source};

/// Why a source did not deliver.
#[derive(Debug)]
pub(crate) enum Miss {
    /// It does not have the program: the next source is tried.
    Absent(Attempt),
    /// Something that no other source makes good.
    Fatal(ToolchainError),
}

impl Miss {
    pub(crate) fn absent(source: Source, reason: impl Into<String>) -> Self {
        Self::Absent(Attempt {
            source,
            reason: reason.into(),
        })
    }
}

impl From<ToolchainError> for Miss {
    fn from(error: ToolchainError) -> Self {
        Self::Fatal(error)
    }
}
