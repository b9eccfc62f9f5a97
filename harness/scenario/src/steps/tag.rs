//! Tags the head of a branch.

use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Tags the head of a branch and pushes the tag. Output: `revision`, `reference`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// The repository, by the same rules as for `commit`.
    pub repository: Located<String>,
    /// The tag; one that is there is an error, unless `move` says otherwise.
    pub name: Located<String>,
    /// The branch whose head is tagged.
    #[serde(default = "super::default_branch")]
    pub branch: String,
    /// Whether a tag that is there is moved.
    #[serde(default, rename = "move")]
    pub moves: bool,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.moves { "move the tag" } else { "tag" };
        write!(
            formatter,
            "{verb} {} of {} to {}",
            self.name, self.repository, self.branch
        )
    }
}
