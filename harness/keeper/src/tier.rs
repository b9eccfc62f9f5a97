//! How strongly the children are held.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The means by which no child can outlive a run, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The keeper is the first process of a PID namespace: the kernel ends every child with it, however it dies.
    PidNamespace,
    /// The keeper is a child subreaper with a second process that watches over it: `kill -9` of any one of harness,
    /// keeper and watcher leaves nothing; all at once leave the children to [`gc`](crate::gc).
    ChildSubreaper,
}

impl Tier {
    pub(crate) const fn argument(self) -> &'static str {
        match self {
            Self::PidNamespace => "pid-namespace",
            Self::ChildSubreaper => "child-subreaper",
        }
    }

    pub(crate) fn from_argument(argument: &str) -> Option<Self> {
        [Self::PidNamespace, Self::ChildSubreaper]
            .into_iter()
            .find(|tier| tier.argument() == argument)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::PidNamespace => "PID namespace",
            Self::ChildSubreaper => "child subreaper",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Tier;

    #[test]
    fn arguments_round_trip() {
        for tier in [Tier::PidNamespace, Tier::ChildSubreaper] {
            assert_eq!(Tier::from_argument(tier.argument()), Some(tier));
        }
        assert_eq!(Tier::from_argument("hope"), None);
    }
}
