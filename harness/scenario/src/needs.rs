//! What a scenario needs, or a group of steps: the words of `needs`, each a stage or a capability.

use crate::{Capability, Located, Stage, document::Content, header::Header};
use schemars::JsonSchema;
use serde::Deserialize;

/// The stage and the capabilities that a scenario needs, or a group of steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) stage: Option<Stage>,
    pub(crate) capabilities: Vec<Located<Capability>>,
}

impl Needs {
    /// Adds what a group needs: the higher of two stages stands on the other.
    pub(crate) fn add(&mut self, others: &Self) {
        self.stage = self.stage.max(others.stage);
        for capability in &others.capabilities {
            if !self.capabilities.contains(capability) {
                self.capabilities.push(*capability);
            }
        }
    }
}

/// A word of `needs`.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Need {
    Cluster,
    Operator,
    Platform,
    Admission,
    Pods,
    NetworkPolicy,
    NodeVerification,
}

/// What meets a need.
enum MetBy {
    Stage(Stage),
    Capability(Capability),
}

impl Need {
    const fn met_by(self) -> MetBy {
        match self {
            Self::Cluster => MetBy::Stage(Stage::Cluster),
            Self::Operator => MetBy::Stage(Stage::Operator),
            Self::Platform => MetBy::Stage(Stage::Platform),
            Self::Admission => MetBy::Stage(Stage::Admission),
            Self::Pods => MetBy::Capability(Capability::Pods),
            Self::NetworkPolicy => MetBy::Capability(Capability::NetworkPolicy),
            Self::NodeVerification => MetBy::Capability(Capability::NodeVerification),
        }
    }
}

impl Header<'_, '_> {
    /// One word or a list: a stage, and capabilities.
    pub(crate) fn needs(&mut self) -> Needs {
        let mut needs = Needs::default();
        let Some(entry) = self.entry("needs", false) else {
            return needs;
        };
        let words = match &entry.value.content {
            Content::Sequence(items) => &items[..],
            _ => std::slice::from_ref(&entry.value),
        };
        for word in words {
            let stage = match self.decode::<Need>(word).map(Need::met_by) {
                Some(MetBy::Stage(stage)) => stage,
                Some(MetBy::Capability(value)) => {
                    let span = word.span;
                    needs.capabilities.push(Located { value, span });
                    continue;
                }
                None => continue,
            };
            match needs.stage {
                Some(other) => self.findings.note(
                    word.span,
                    format!("a scenario begins on one stage, not on `{other}` and `{stage}`"),
                    "name the higher one: it stands on the others",
                ),
                None => needs.stage = Some(stage),
            }
        }
        needs
    }
}
