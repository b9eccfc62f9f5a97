//! Asks for a reconciliation and waits for its end.

use crate::{Located, ObjectReference, Timespan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// Asks for a reconciliation by annotation, of the object and of its source, and waits until it is done for the revision pushed
/// last. Also written as one word with its object: `reconcile: Kustomization flux-system/drift`. Output: `revision`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// The object.
    pub object: ObjectReference,
    /// How long it may take.
    #[serde(default)]
    pub within: Option<Located<Timespan>>,
    /// How it must end.
    #[serde(default)]
    pub expect: Reconciled,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

/// How a reconciliation ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reconciled {
    /// Ready for the revision.
    #[default]
    Ready,
    /// Not Ready, with the revision attempted.
    Failed,
}

impl Reconcile {
    /// How long it may take unless the step says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(30);
    /// What later steps can read: the revision as the object reports it.
    pub const OUTPUT: &'static [&'static str] = &["revision"];
}

impl From<ObjectReference> for Reconcile {
    fn from(object: ObjectReference) -> Self {
        Self {
            object,
            within: None,
            expect: Reconciled::default(),
            output: None,
        }
    }
}

impl fmt::Display for Reconcile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.expect {
            Reconciled::Ready => "",
            Reconciled::Failed => ", which must fail",
        };
        write!(formatter, "reconcile {}{end}", self.object)
    }
}
