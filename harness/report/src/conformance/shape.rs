//! The shape of the conformance report. Its schema is derived from these very types, and it is read by them, so it is true.

use plumbline_model::{FlakyResult, Level, RequirementId, SkipCause};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a GitOps platform may claim, and the tests that it follows from.
///
/// Everything outside `run` is the same for two runs that end alike. All text that comes from the platform has its control
/// characters written as `\u{…}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "plumbline conformance report")]
pub(super) struct Report {
    /// Version of this shape.
    pub(super) api_version: ApiVersion,
    /// What this is.
    pub(super) kind: Kind,
    /// What the platform may claim: the worst core result of all profiles, and at most `partial` when there is a limit.
    pub(super) verdict: Verdict,
    /// What caps the verdict at `partial`, whatever the tests say.
    pub(super) limits: BTreeSet<Limit>,
    /// What was tested.
    pub(super) subject: Subject,
    /// What it was tested with.
    pub(super) suite: Suite,
    /// The results, in the order of the specification.
    pub(super) profiles: Vec<Profile>,
    /// All that is different from run to run.
    pub(super) run: Run,
}

/// Version of the shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum ApiVersion {
    /// The first.
    #[default]
    #[serde(rename = "plumbline.conformance/v1alpha1")]
    V1Alpha1,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Kind {
    /// This.
    #[default]
    ConformanceReport,
}

/// What follows from the tests, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// Everything was tested for real and holds.
    Success,
    /// What was tested holds; something was skipped, simulated or not run.
    Partial,
    /// Something does not hold, or could not be tested because of a fault.
    Failure,
}

impl Verdict {
    /// The word of the report.
    pub(super) const fn word(self) -> &'static str {
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
pub(super) enum Limit {
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

/// What was tested, as it was seen on the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Subject {
    /// Kind of cluster: `embedded`, `kind` or `existing`.
    pub(super) provider: String,
    /// What it simulates, by what is simulated.
    pub(super) simulations: BTreeMap<String, String>,
    /// The API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kubernetes: Option<Kubernetes>,
    /// Flux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flux: Option<Flux>,
    /// The Flux Operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<Program>,
    /// The controllers of Flux, by name.
    pub(super) components: BTreeMap<String, Program>,
    /// The CustomResourceDefinitions of Flux and its operator, with the versions that are served.
    pub(super) definitions: BTreeMap<String, Vec<String>>,
    /// The repository that Flux is driven by, when the tests began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fleet: Option<Fleet>,
    /// Every known feature, and whether the cluster has it. Inferred from the facts above.
    pub(super) features: BTreeMap<String, bool>,
}

/// Which Kubernetes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Kubernetes {
    /// Version of the API server.
    pub(super) version: String,
    /// What it was built for.
    pub(super) platform: String,
}

/// Which Flux, and how it is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Flux {
    /// Namespace and name of the FluxInstance.
    pub(super) instance: String,
    /// The distribution.
    pub(super) version: String,
    /// Digest of what the operator applied.
    pub(super) digest: String,
    /// Digest of the artifact that the manifests were taken from, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact: Option<String>,
    /// Digest of the FluxInstance's `spec` as JSON with sorted keys and no blanks.
    pub(super) spec_digest: String,
    /// The settings that decide what it can do, by their paths in `spec`.
    pub(super) settings: BTreeMap<String, String>,
}

/// Which program runs in a Deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    /// The repository of its image.
    pub(super) image: String,
    /// The tag of its image.
    pub(super) version: String,
    /// The digest of its image; empty when nothing tells it.
    pub(super) digest: String,
    /// What it is started with.
    pub(super) arguments: Vec<String>,
}

/// Which state of which repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fleet {
    /// Its name.
    pub(super) repository: String,
    /// The branch of the environment.
    pub(super) branch: String,
    /// The commit.
    pub(super) revision: String,
}

/// What it was tested with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Suite {
    /// Version of plumbline.
    pub(super) plumbline: String,
    /// `sha256:…` over the ids and contents of all scenario files.
    pub(super) digest: String,
    /// How many scenarios there are in all.
    pub(super) scenarios: usize,
    /// The commit of the repository that they are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<String>,
    /// What the user asked for.
    pub(super) options: Options,
}

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Options {
    /// How many scenarios ran side by side.
    pub(super) parallel: usize,
    /// The part of the plan that was run, such as `2/4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<String>,
    /// Whether nothing new was to be started after the first that does not pass.
    pub(super) fail_fast: bool,
    /// Whether a requirement that held only at a further attempt counts as met.
    #[schemars(with = "String", extend("enum" = ["pass", "fail"]))]
    pub(super) flaky: FlakyResult,
    /// Paths, names and tags of the selection; empty for everything.
    pub(super) selection: Vec<String>,
}

/// A group of requirements that a platform claims together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// Its name: what the ids of its requirements begin with.
    pub(super) name: String,
    /// What it is about.
    pub(super) title: String,
    /// What a platform needs to conform; absent when the profile has none of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) core: Option<Core>,
    /// What it may offer besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extended: Option<Extended>,
    /// Requirement by requirement.
    pub(super) tests: Vec<Test>,
}

/// The core requirements of a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Core {
    /// What follows.
    pub(super) result: Verdict,
    /// From what.
    pub(super) statistics: Statistics,
}

/// The extended requirements of a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Extended {
    /// What follows; absent when the cluster supports none of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Verdict>,
    /// From what.
    pub(super) statistics: Statistics,
    /// The features of these requirements that the cluster has.
    pub(super) supported_features: BTreeSet<String>,
    /// Those that it lacks.
    pub(super) unsupported_features: BTreeSet<String>,
    /// Requirements that the cluster supports by all that can be seen, and that nothing proved.
    #[schemars(with = "BTreeSet<String>")]
    pub(super) unproven: BTreeSet<RequirementId>,
}

/// How many requirements have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Statistics {
    /// Held at the first attempt.
    pub(super) passed: u32,
    /// Held at a further attempt.
    pub(super) flaky: u32,
    /// Did not hold.
    pub(super) failed: u32,
    /// Could not be tested because of a fault.
    pub(super) errored: u32,
    /// A scenario was left out or stopped.
    pub(super) skipped: u32,
    /// Held, where what it takes is only simulated.
    pub(super) simulated: u32,
    /// No scenario of the run is about it.
    pub(super) not_run: u32,
    /// The cluster lacks what it takes; only of extended requirements.
    pub(super) not_supported: u32,
}

/// What was found for a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TestStatus {
    /// Held at the first attempt.
    Passed,
    /// Held at a further attempt.
    Flaky,
    /// Did not hold.
    Failed,
    /// Could not be tested because of a fault.
    Errored,
    /// A scenario was left out or stopped.
    Skipped,
    /// Held, where what it takes is only simulated.
    Simulated,
    /// No scenario of the run is about it.
    NotRun,
    /// The cluster lacks what it takes.
    NotSupported,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// Its id.
    #[schemars(with = "String")]
    pub(super) requirement: RequirementId,
    /// Core or extended.
    #[schemars(with = "String", extend("enum" = ["core", "extended"]))]
    pub(super) level: Level,
    /// What it says.
    pub(super) statement: String,
    /// What it takes of the cluster.
    pub(super) features: BTreeSet<String>,
    /// What was found.
    pub(super) status: TestStatus,
    /// The scenarios that are about it, by id.
    pub(super) scenarios: Vec<Scenario>,
}

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// Its id.
    pub(super) id: String,
    /// How it ended.
    pub(super) status: ScenarioStatus,
    /// How many attempts were made.
    pub(super) attempts: u32,
    /// Why it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) skip: Option<Skip>,
    /// What it leans on that is simulated.
    pub(super) simulated: BTreeSet<String>,
}

/// How a scenario ended, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ScenarioStatus {
    /// At the first attempt, everything held.
    Passed,
    /// At a further attempt, everything held.
    Flaky,
    /// Left out.
    Skipped,
    /// Stopped by a signal.
    Interrupted,
    /// The machine's fault, or plumbline's.
    Errored,
    /// The platform's fault.
    Failed,
}

/// Why a scenario was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Skip {
    /// In words.
    pub(super) reason: String,
    /// Whose decision it was.
    #[schemars(with = "String", extend("enum" = ["author", "unsupported", "prerequisite", "stopped"]))]
    pub(super) cause: SkipCause,
    /// Where it is followed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issue: Option<String>,
    /// The day from which on it is run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
}

/// All that is different from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Run {
    /// Identifies it.
    pub(super) id: String,
    /// When it began: RFC 3339, UTC.
    pub(super) started: String,
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// The exit code of the program.
    pub(super) exit_code: u8,
    /// What the order was shuffled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    /// The machines that shared it; empty for a run of one.
    pub(super) shards: Vec<Shard>,
    /// What went wrong beside the scenarios.
    pub(super) troubles: Vec<Trouble>,
    /// What of the subject was different when it was seen again, or on another machine.
    pub(super) subject_changes: Vec<Change>,
    /// How long each scenario took, and what it said when it did not pass; by id.
    pub(super) scenarios: BTreeMap<String, Course>,
    /// What else is known of it, by name.
    pub(super) facts: BTreeMap<String, String>,
    /// The commands that run it again.
    pub(super) reproduce: Vec<String>,
}

/// One machine's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Shard {
    /// Such as `2/4`.
    pub(super) shard: String,
    /// Identifies its run.
    pub(super) run: String,
    /// When it began.
    pub(super) started: String,
    /// Milliseconds.
    pub(super) duration_ms: u64,
}

/// Something beside the scenarios that went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Trouble {
    /// The exit code that it earns.
    pub(super) exit_code: u8,
    /// What it is about.
    pub(super) subject: String,
    /// What happened.
    pub(super) message: String,
}

/// Something that is no longer what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// What.
    pub(super) path: String,
    /// What it was.
    pub(super) before: String,
    /// What it is.
    pub(super) after: String,
}

/// How a scenario went this time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Course {
    /// Milliseconds.
    pub(super) duration_ms: u64,
    /// Why it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}
