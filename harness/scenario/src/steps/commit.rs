//! Commits a change to a repository.

use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// Commits a change and pushes it. Output: `revision`, `reference`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The repository: `k8s-<name>` of a system that this scenario brought on board; `k8s-gitops` and
    /// `k8s-platform-charts` only with `exclusive: true`.
    pub repository: Located<String>,
    /// The branch.
    #[serde(default = "super::default_branch")]
    pub branch: String,
    /// The commit's message.
    pub message: String,
    /// Whole files to write, by path.
    #[serde(default)]
    pub write: BTreeMap<String, String>,
    /// Replacements of text in files.
    #[serde(default)]
    pub replace: Vec<Replacement>,
    /// Files or folders to remove.
    #[serde(default)]
    pub remove: Vec<Located<String>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

/// A replacement of text in a file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The file.
    pub file: Located<String>,
    /// The text to look for; a step whose text is not found once or more is an error.
    pub from: String,
    /// What to put in its place, at every occurrence.
    pub to: String,
}

impl Commit {
    /// What later steps can read: the hash, and `branch@sha1:hash` as Flux writes it.
    pub const OUTPUT: &'static [&'static str] = &["revision", "reference"];
}

impl fmt::Display for Commit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = self.message.lines().next().unwrap_or_default();
        write!(
            formatter,
            "commit “{title}” to {} ({})",
            self.repository, self.branch
        )
    }
}
