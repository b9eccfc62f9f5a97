//! A scenario: one claim, what it proves and needs, and its steps.

use crate::{
    Located, Predicate, ResolveError, Source, Span, Step, Variables, decode, document::Node, template,
};
use plumbline_model::{RequirementId, StepPosition};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// What stands when a scenario begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A cluster with nothing on it.
    Cluster,
    /// The Flux Operator is installed.
    Operator,
    /// The FluxInstance is Ready.
    Platform,
}

/// Why a scenario is not run.
#[derive(Clone, Debug, Deserialize)]
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
    /// What it does, in order.
    pub steps: Vec<ScenarioStep>,
    /// What it does at its end, however it ended.
    pub finally: Vec<ScenarioStep>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Containers of workloads that really run.
    Pods,
}

/// Where the value of a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// Made for the run.
    Generated,
    /// A variable of plumbline's own environment.
    Environment(String),
}

/// A cluster besides the main one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
}

/// A step and where it was written.
#[derive(Debug)]
pub struct ScenarioStep {
    /// The file.
    pub source: Arc<Source>,
    /// The place of its verb.
    pub span: Span,
    /// The step as it was written, `${…}` not yet filled in.
    pub step: Step,
    /// The cluster that it is about, unless it is the main one.
    pub cluster: Option<Located<String>>,
    /// Where the group that it belongs to was used, innermost first.
    pub used_at: Vec<StepPosition>,
    pub(crate) node: Node,
}

impl ScenarioStep {
    /// Where it was written, for events and reports.
    #[must_use]
    pub fn position(&self) -> StepPosition {
        StepPosition {
            file: self.source.name().to_owned(),
            line: self.span.line,
            column: self.span.column,
        }
    }

    /// The verb as it is written.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.step.verb()
    }

    /// The step in one line of words.
    #[must_use]
    pub fn summary(&self) -> String {
        self.step.summary()
    }

    /// The step with every `${…}` filled in.
    ///
    /// # Errors
    /// A variable has no value, or what comes out is not a valid step.
    pub fn resolve(&self, variables: &Variables) -> Result<Cow<'_, Step>, ResolveError> {
        match template::fill(&self.node, variables)? {
            None => Ok(Cow::Borrowed(&self.step)),
            Some(node) => decode::from_node(&node)
                .map(Cow::Owned)
                .map_err(|error| ResolveError::Invalid(error.to_string())),
        }
    }
}

impl Scenario {
    /// All its steps, those of its end included.
    pub fn all_steps(&self) -> impl Iterator<Item = &ScenarioStep> {
        self.steps.iter().chain(&self.finally)
    }

    /// Whether it runs alone.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.exclusive == Exclusive::Alone
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pods => "pods",
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cluster => "cluster",
            Self::Operator => "operator",
            Self::Platform => "platform",
        })
    }
}
