//! The results: profile by profile, requirement by requirement.

use super::Verdict;
use plumbline_model::{Level, RequirementId, SkipCause};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A group of requirements that a platform claims together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Its name: what the ids of its requirements begin with.
    pub(crate) name: String,
    /// What it is about.
    pub(crate) title: String,
    /// What a platform needs to conform; absent when the profile has none of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) core: Option<Core>,
    /// What it may offer besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extended: Option<Extended>,
    /// Requirement by requirement.
    pub(crate) tests: Vec<Test>,
}

/// The core requirements of a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Core {
    /// What follows.
    pub(crate) result: Verdict,
    /// From what.
    pub(crate) statistics: Statistics,
}

/// The extended requirements of a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Extended {
    /// What follows; absent when the cluster supports none of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Verdict>,
    /// From what.
    pub(crate) statistics: Statistics,
    /// The features of these requirements that the cluster has.
    pub(crate) supported_features: BTreeSet<String>,
    /// Those that it lacks.
    pub(crate) unsupported_features: BTreeSet<String>,
    /// Requirements that the cluster supports by all that can be seen, and that nothing proved.
    #[schemars(with = "BTreeSet<String>")]
    pub(crate) unproven: BTreeSet<RequirementId>,
}

/// How many requirements have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Statistics {
    /// Held at the first attempt.
    pub(crate) passed: u32,
    /// Held at a further attempt.
    pub(crate) flaky: u32,
    /// Did not hold.
    pub(crate) failed: u32,
    /// Could not be tested because of a fault.
    pub(crate) errored: u32,
    /// A scenario was left out or stopped.
    pub(crate) skipped: u32,
    /// Held, where what it takes is only simulated.
    pub(crate) simulated: u32,
    /// No scenario of the run is about it.
    pub(crate) not_run: u32,
    /// The cluster lacks what it takes; only of extended requirements.
    pub(crate) not_supported: u32,
}

/// What was found for a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TestStatus {
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
pub(crate) struct Test {
    /// Its id.
    #[schemars(with = "String")]
    pub(crate) requirement: RequirementId,
    /// Core or extended.
    #[schemars(with = "String", extend("enum" = ["core", "extended"]))]
    pub(crate) level: Level,
    /// What it says.
    pub(crate) statement: String,
    /// What it takes of the cluster.
    pub(crate) features: BTreeSet<String>,
    /// What was found.
    pub(crate) status: TestStatus,
    /// The scenarios that are about it, by id.
    pub(crate) scenarios: Vec<Scenario>,
}

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Its id.
    pub(crate) id: String,
    /// How it ended.
    pub(crate) status: ScenarioStatus,
    /// How many attempts were made.
    pub(crate) attempts: u32,
    /// Why it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skip: Option<Skip>,
    /// What it leans on that is simulated.
    pub(crate) simulated: BTreeSet<String>,
}

/// How a scenario ended, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScenarioStatus {
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
pub(crate) struct Skip {
    /// In words.
    pub(crate) reason: String,
    /// Whose decision it was.
    #[schemars(with = "String", extend("enum" = ["author", "unsupported", "look-only", "prerequisite", "stopped"]))]
    pub(crate) cause: SkipCause,
    /// Where it is followed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issue: Option<String>,
    /// The day from which on it is run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
}
