//! Runs a pipeline of a repository.

use super::default_branch;
use crate::{Located, Span, TextCondition, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Runs a pipeline of a repository, as an agent does when a branch was pushed or a pull request was opened: from a fresh checkout, with the
/// tools that the pipeline has checked and nothing else. Output: `result`, `failed` (the name of the step that failed), `steps`
/// (`name`, `result`), `log`, `credentials` (files with credentials that were left behind), `exposed` (those that others could read meanwhile).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The pipeline's file.
    pub run: Located<String>,
    /// The repository.
    #[serde(default = "k8s_gitops")]
    pub repository: Located<String>,
    /// The branch that was pushed, or that a pull request is about.
    #[serde(default = "default_branch")]
    pub branch: String,
    /// The branch that a pull request is to be merged into; without it, it is a push.
    #[serde(default)]
    pub into: Option<Located<String>>,
    /// What must come of it; without it, it must succeed, which alone counts as no expectation.
    #[serde(default)]
    pub expect: Option<PipelineExpectation>,
    /// How long it may take.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

/// What must come of a pipeline.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineExpectation {
    /// How it must end.
    #[serde(default)]
    pub result: PipelineResult,
    /// What the name of the step that fails must be.
    #[serde(default)]
    pub step: Option<Located<TextCondition>>,
    /// What its steps must print.
    #[serde(default)]
    pub log: Option<Located<TextCondition>>,
}

/// How a pipeline ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PipelineResult {
    /// Every step went well.
    #[default]
    Succeeded,
    /// A step failed.
    Failed,
    /// It does not run on such a change.
    NotTriggered,
}

impl Pipeline {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(120);
    /// What later steps can read.
    pub const OUTPUT: &'static [&'static str] =
        &["result", "failed", "steps", "log", "credentials", "exposed"];
}

/// The repository with the platform's own pipelines.
fn k8s_gitops() -> Located<String> {
    Located {
        value: "k8s-gitops".to_owned(),
        span: Span::default(),
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            run,
            repository,
            branch,
            ..
        } = self;
        match &self.into {
            Some(into) => write!(
                formatter,
                "run {run} of {repository} for a pull request of {branch} into {into}"
            ),
            None => write!(formatter, "run {run} of {repository} for a push to {branch}"),
        }
    }
}
