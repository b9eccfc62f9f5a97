//! What is different from run to run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that is different from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Run {
    /// Identifies it.
    pub(crate) id: String,
    /// When it began: RFC 3339, UTC.
    pub(crate) started: String,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// The exit code of the program.
    pub(crate) exit_code: u8,
    /// What the order was shuffled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// The machines that shared it; empty for a run of one.
    pub(crate) shards: Vec<Shard>,
    /// What went wrong beside the scenarios.
    pub(crate) troubles: Vec<Trouble>,
    /// What of the subject was different when it was seen again, or on another machine.
    pub(crate) subject_changes: Vec<Change>,
    /// How long each scenario took, and what it said when it did not pass; by id.
    pub(crate) scenarios: BTreeMap<String, Course>,
    /// What else is known of it, by name.
    pub(crate) facts: BTreeMap<String, String>,
    /// The commands that run it again.
    pub(crate) reproduce: Vec<String>,
}

/// One machine's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Shard {
    /// Such as `2/4`.
    pub(crate) shard: String,
    /// Identifies its run.
    pub(crate) run: String,
    /// When it began.
    pub(crate) started: String,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
}

/// Something beside the scenarios that went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Trouble {
    /// The exit code that it earns.
    pub(crate) exit_code: u8,
    /// What it is about.
    pub(crate) subject: String,
    /// What happened.
    pub(crate) message: String,
}

/// Something that is no longer what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// What.
    pub(crate) path: String,
    /// What it was.
    pub(crate) before: String,
    /// What it is.
    pub(crate) after: String,
}

/// How a scenario went this time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Course {
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// Why it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}
