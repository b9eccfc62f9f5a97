//! Merges a branch into another: the platform's way to promote.

use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Merges a branch into another one and pushes it, as a promotion does. Output: `revision`, `reference`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The repository, by the same rules as for `commit`.
    pub repository: Located<String>,
    /// The branch that is merged.
    pub from: Located<String>,
    /// The branch that receives it.
    pub into: Located<String>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl fmt::Display for Merge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "merge {} of {} into {}",
            self.from, self.repository, self.into
        )
    }
}
