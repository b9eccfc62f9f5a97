//! The shape of the conformance report. Its schema is derived from these very types, and it is read by them, so it is true.

mod profile;
mod run;
mod subject;

pub(crate) use profile::{
    Core, Extended, Profile, Scenario, ScenarioStatus, Skip, Statistics, Test, TestStatus,
};
pub(crate) use run::{Change, Course, Run, Shard, Trouble};
pub(crate) use subject::{Fleet, Flux, Kubernetes, Options, Program, Subject, Suite};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a GitOps platform may claim, and the tests that it follows from.
///
/// Everything outside `run` is the same for two runs that end alike. All text that comes from the platform has its control
/// characters written as `\u{…}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "plumbline conformance report")]
pub(crate) struct Report {
    /// Version of this shape.
    pub(crate) api_version: ApiVersion,
    /// What this is.
    pub(crate) kind: Kind,
    /// What the platform may claim: the worst core result of all profiles, and at most `partial` when there is a limit.
    pub(crate) verdict: Verdict,
    /// What caps the verdict at `partial`, whatever the tests say.
    pub(crate) limits: BTreeSet<Limit>,
    /// What was tested.
    pub(crate) subject: Subject,
    /// What it was tested with.
    pub(crate) suite: Suite,
    /// The results, in the order of the specification.
    pub(crate) profiles: Vec<Profile>,
    /// All that is different from run to run.
    pub(crate) run: Run,
}

/// Version of the shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ApiVersion {
    /// The first.
    #[default]
    #[serde(rename = "plumbline.conformance/v1alpha1")]
    V1Alpha1,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Kind {
    /// This.
    #[default]
    ConformanceReport,
}

/// What follows from the tests, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Everything was tested for real and holds.
    Success,
    /// What was tested holds; something was skipped, simulated or not run.
    Partial,
    /// Something does not hold, or could not be tested because of a fault.
    Failure,
}

impl Verdict {
    /// The word of the report.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failure => "failure",
        }
    }
}

/// Why a verdict is at most `partial`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Limit {
    /// Something beside the scenarios went wrong: `run.troubles` says what.
    RunIncomplete,
    /// Only one part of the scenarios was run on this machine, and the others are not merged.
    OneShard,
    /// The cluster could not be asked what is under test.
    SubjectUnknown,
    /// What was under test became something else on the way: `run.subjectChanges` says what.
    SubjectChanged,
    /// The log does not tell which files the scenarios came from.
    SuiteUnknown,
}
