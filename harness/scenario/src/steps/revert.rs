//! Reverts the last commit of a branch.

use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Reverts the last commit of a branch, as `git revert HEAD` does, and pushes it. Output: `revision`, `reference`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// The repository, by the same rules as for `commit`.
    pub repository: Located<String>,
    /// The branch.
    #[serde(default = "super::default_branch")]
    pub branch: String,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl fmt::Display for Revert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "revert the last commit of {} ({})",
            self.repository, self.branch
        )
    }
}
