//! Makes a branch.

use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Makes a branch at the head of another one and pushes it. Output: `revision`, `reference`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The repository, by the same rules as for `commit`.
    pub repository: Located<String>,
    /// The new branch.
    pub name: Located<String>,
    /// The branch that it begins at.
    #[serde(default = "super::default_branch")]
    pub from: String,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl fmt::Display for Branch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "make the branch {} of {} from {}",
            self.name, self.repository, self.from
        )
    }
}
