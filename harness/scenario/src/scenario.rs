//! A scenario: one claim, what it proves and needs, and its steps.

use crate::{
    Facts, Located, Predicate, ScenarioStep, Source,
    template::{Placeholder, Scope},
};
use plumbline_model::RequirementId;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

/// What stands when a scenario begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A cluster with nothing on it.
    Cluster,
    /// The Flux Operator is installed.
    Operator,
    /// The FluxInstance is Ready.
    Platform,
    /// Admission looks at the signatures of images.
    Admission,
}

impl Stage {
    /// Every stage that a scenario can provide, each on top of the one before.
    pub const PROVIDED: [Self; 3] = [Self::Operator, Self::Platform, Self::Admission];

    /// Whether it changes the cluster for every scenario on it, so that it comes up once those that do not need it are over.
    #[must_use]
    pub const fn comes_last(self) -> bool {
        matches!(self, Self::Admission)
    }
}

/// Why a scenario is not run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// In words.
    pub reason: Located<String>,
    /// Where it is followed up.
    #[serde(default)]
    pub issue: Option<String>,
    /// The day, `YYYY-MM-DD`, from which on it is run again.
    #[serde(default)]
    pub until: Option<Located<String>>,
}

/// One file.
#[derive(Debug)]
pub struct Scenario {
    /// The path below the scenario folder, without `.yaml`.
    pub id: String,
    /// The file.
    pub source: Arc<Source>,
    /// One sentence that is true of a platform that conforms.
    pub claim: Located<String>,
    /// The requirements that it proves.
    pub requirements: Vec<Located<RequirementId>>,
    /// What must stand before it begins.
    pub needs: Stage,
    /// What stands after it.
    pub provides: Option<Located<Stage>>,
    /// Real things that the cluster must have, besides the stage.
    pub capabilities: Vec<Located<Capability>>,
    /// A condition over the facts of the cluster without which it is not run.
    pub when: Option<Located<Predicate>>,
    /// Words to choose it by.
    pub tags: Vec<Located<String>>,
    /// What it must not run beside.
    pub exclusive: Exclusive,
    /// How many further attempts are made when one does not pass.
    pub retries: u32,
    /// The values of the matrix that it was made with, by name.
    pub matrix: Map<String, Value>,
    /// Its variables.
    pub variables: Map<String, Value>,
    /// Values that are masked everywhere, by name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Further clusters, by name.
    pub clusters: BTreeMap<String, Located<ExtraCluster>>,
    /// How long all its steps together may take.
    pub timeout: Duration,
    /// Why it is not run.
    pub skip: Option<Skip>,
    /// What is done first, so that the steps have something to look at: not on an existing cluster, where they look at what is there. A
    /// scenario that has it, and be it empty, is for existing clusters too, and only looks unless it says what it `writes`.
    pub given: Option<Vec<ScenarioStep>>,
    /// Where its own steps write, besides looking.
    pub writes: Option<Located<Writes>>,
    /// What it does, in order.
    pub steps: Vec<ScenarioStep>,
    /// What it does at its end, however it ended.
    pub finally: Vec<ScenarioStep>,
}

/// Where a scenario may write on a cluster that others live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Writes {
    /// Inside `${namespace}`, which is made for it and goes with it.
    OwnNamespace,
}

/// What a scenario must not run beside.
#[derive(Clone, Debug, PartialEq)]
pub enum Exclusive {
    /// Nothing: it may run beside any other.
    No,
    /// Anything: it runs alone.
    Alone,
    /// Those that name one of the same lanes.
    Lanes(Vec<Located<String>>),
}

/// Something real that not every kind of cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Containers of workloads that really run.
    Pods,
    /// A network between pods that enforces NetworkPolicy.
    NetworkPolicy,
    /// A node that itself runs only images with a signature that counts.
    NodeVerification,
}

/// Where the value of a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// Made for the run.
    Generated,
    /// A variable of plumbline's own environment.
    Environment(String),
}

/// A cluster besides the main one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraCluster {
    /// Its environment: the branch that it follows and the folder that holds its FluxInstance.
    pub environment: Located<String>,
    /// Another version of Flux than the file names: what an upgrade starts from.
    #[serde(default)]
    pub version: Option<Located<String>>,
    /// Only these components of Flux.
    #[serde(default)]
    pub components: Option<Vec<Located<String>>>,
}

impl Scenario {
    /// How long a scenario may take unless it says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(120);

    /// All its steps, those of its beginning and of its end included.
    pub fn all_steps(&self) -> impl Iterator<Item = &ScenarioStep> {
        self.given().iter().chain(&self.steps).chain(&self.finally)
    }

    /// The steps that are done first on a cluster of ours.
    #[must_use]
    pub fn given(&self) -> &[ScenarioStep] {
        self.given.as_deref().unwrap_or_default()
    }

    /// Whether its steps only look, so that they may on an existing cluster.
    #[must_use]
    pub const fn only_looks(&self) -> bool {
        self.given.is_some() && self.writes.is_none()
    }

    /// Whether its steps keep to a namespace of their own with what they write, so that they may on an existing cluster where that was
    /// asked for.
    #[must_use]
    pub const fn writes_in_its_own_namespace(&self) -> bool {
        self.given.is_some() && self.writes.is_some()
    }

    /// The path of its file below the scenario folder, without `.yaml`: its id without the values of the matrix.
    #[must_use]
    pub fn file_id(&self) -> &str {
        match self.id.rsplit_once('[') {
            Some((file, _)) if !self.matrix.is_empty() => file,
            _ => &self.id,
        }
    }

    /// Whether it runs alone.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.exclusive == Exclusive::Alone
    }

    /// Whether it runs before the others: it looks alone at the whole platform, which is as it should be until others do something to it.
    #[must_use]
    pub fn comes_first(&self) -> bool {
        self.only_looks() && self.is_alone() && !self.comes_last()
    }

    /// Whether it waits until all others are over: it needs, or provides, a stage that comes last.
    #[must_use]
    pub fn comes_last(&self) -> bool {
        self.needs.comes_last()
            || self
                .provides
                .as_ref()
                .is_some_and(|stage| stage.value.comes_last())
    }

    /// Whether a step mentions `${namespace}`, so that the scenario needs one of its own.
    #[must_use]
    pub fn uses_namespace(&self) -> bool {
        self.all_steps().any(|step| step.mentions(Placeholder::Namespace))
    }

    /// Whether a step of its own, not of `given`, mentions `${registry}`.
    pub(crate) fn uses_registry(&self) -> bool {
        self.steps.iter().any(|step| step.mentions(Placeholder::Registry))
    }

    /// The secrets that its steps mention.
    pub(crate) fn mentioned_secrets(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for step in self.all_steps() {
            step.visit_placeholders(&mut |placeholder| {
                if let Placeholder::Secret(name) = placeholder {
                    names.insert(name.to_owned());
                }
            });
        }
        names
    }

    /// Whether its `when` is true of a cluster; without one it always is.
    ///
    /// # Errors
    /// It cannot be said, in words.
    pub fn applies_to(&self, facts: &Facts) -> Result<bool, String> {
        let Some(when) = &self.when else {
            return Ok(true);
        };
        let variables: Map<String, Value> = [
            (Facts::VARIABLE, facts.to_value()),
            (Scope::Matrix.word(), self.matrix.clone().into()),
            (Scope::Variables.word(), self.variables.clone().into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        when.evaluate(&variables)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pods => "pods",
            Self::NetworkPolicy => "network-policy",
            Self::NodeVerification => "node-verification",
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cluster => "cluster",
            Self::Operator => "operator",
            Self::Platform => "platform",
            Self::Admission => "admission",
        })
    }
}
