//! What was simulated, so that no report claims more than was real.

use serde::{Deserialize, Serialize};

/// One thing that the environment simulates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Simulation {
    /// What is simulated, for example `workload pods`.
    pub subject: String,
    /// How, and what that means for a result.
    pub description: String,
}
