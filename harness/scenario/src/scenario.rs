//! A scenario: one claim, what it proves and needs, and its steps.

use crate::{Located, ResolveError, Source, Span, Step, Variables, decode, document::Node, template};
use plumbline_model::{RequirementId, StepPosition};
use serde::Deserialize;
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

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
    /// Whether nothing else may run meanwhile.
    pub exclusive: bool,
    /// How long all its steps together may take.
    pub timeout: Duration,
    /// Why it is not run.
    pub skip: Option<Skip>,
    /// What it does, in order.
    pub steps: Vec<ScenarioStep>,
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

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cluster => "cluster",
            Self::Operator => "operator",
            Self::Platform => "platform",
        })
    }
}
