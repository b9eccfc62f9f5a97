//! What a condition says about the state it was shown.

/// The answer of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The condition holds.
    Met,
    /// It does not hold now, but may later: what was seen instead.
    NotYet(String),
    /// It will not hold without somebody changing something: why.
    Never(String),
}

impl Verdict {
    /// Whether the condition holds.
    #[must_use]
    pub const fn is_met(&self) -> bool {
        matches!(self, Self::Met)
    }

    /// What was seen instead; empty when the condition holds.
    #[must_use]
    pub fn seen(&self) -> &str {
        match self {
            Self::Met => "",
            Self::NotYet(seen) | Self::Never(seen) => seen,
        }
    }

    /// This verdict unless it is met, else the next one.
    #[must_use]
    pub fn and_then(self, next: impl FnOnce() -> Self) -> Self {
        if self.is_met() { next() } else { self }
    }

    pub(crate) fn not_yet(seen: impl Into<String>) -> Self {
        Self::NotYet(seen.into())
    }
}
