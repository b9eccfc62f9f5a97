//! What kind of cluster a run is on.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where the clusters of a run come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// A control plane of processes, with a node that simulates pods.
    #[default]
    Embedded,
    /// kind: real nodes, in containers.
    Kind,
}

impl Provider {
    /// The word for it, on the command line and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Kind => "kind",
        }
    }

    /// Whether its pods are containers of a real kubelet.
    #[must_use]
    pub const fn has_real_pods(self) -> bool {
        match self {
            Self::Embedded => false,
            Self::Kind => true,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}
