//! The run itself: what it ran, on which machines, and what was prepared for it.

use super::Outcome;
use plumbline_model::FlakyResult;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The run itself.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// Identifies it.
    pub(crate) id: String,
    /// Version of plumbline.
    pub(crate) plumbline: String,
    /// When it began: RFC 3339, UTC.
    pub(crate) started: String,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// The exit code of the program.
    pub(crate) exit_code: u8,
    /// `passed`, `not passed` or `nothing ran`.
    pub(crate) verdict: &'static str,
    /// The signal that ended it early.
    pub(crate) interrupted_by: Option<String>,
    /// What the scenarios were chosen from.
    pub(crate) suite: Suite,
    /// What the user asked for.
    pub(crate) options: Options,
}

/// What the scenarios were chosen from.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Suite {
    /// `sha256:…` over the ids and contents of all scenario files; empty in old logs.
    pub(crate) digest: String,
    /// How many scenarios there are in all.
    pub(crate) scenarios: usize,
    /// The commit of the repository that they are in.
    pub(crate) revision: Option<String>,
}

/// What the user asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Options {
    /// How many scenarios ran side by side.
    pub(crate) parallel: usize,
    /// What the order was shuffled with.
    pub(crate) seed: Option<u64>,
    /// The part of the plan that was run, such as `2/4`.
    pub(crate) shard: Option<String>,
    /// Whether nothing new was to be started after the first that does not pass.
    pub(crate) fail_fast: bool,
    /// Whether a flaky scenario makes the run red.
    #[schemars(with = "String", extend("enum" = ["pass", "fail"]))]
    pub(crate) flaky: FlakyResult,
    /// Paths, names and tags of the selection; empty for everything.
    pub(crate) selection: Vec<String>,
}

/// A part of the set-up.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Phase {
    /// Its name.
    pub(crate) phase: String,
    /// The shard that it prepared, in a merged run.
    pub(crate) shard: Option<String>,
    /// When it began, in milliseconds since the run did.
    pub(crate) start_ms: u64,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

/// One machine's part of a merged run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shard {
    /// Such as `2/4`.
    pub(crate) shard: String,
    /// Identifies its run.
    pub(crate) run: String,
    /// When it began.
    pub(crate) started: String,
    /// Milliseconds.
    pub(crate) duration_ms: u64,
    /// How many scenarios it told the end of.
    pub(crate) scenarios: usize,
    /// The exit code that its log earns alone.
    pub(crate) exit_code: u8,
    /// The facts that are not the same on every machine.
    pub(crate) facts: BTreeMap<String, String>,
}
