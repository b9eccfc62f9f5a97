//! A step of a scenario, with where it was written: filled in when it is performed.

use crate::{
    Located, ResolveError, Source, Span, Step, Variables, decode,
    document::Node,
    steps::Manifests,
    template::{self, Part, Place, Placeholder},
};
use plumbline_model::StepPosition;
use serde_json::{Map, Value};
use std::{borrow::Cow, sync::Arc};

/// The name of the outputs in CEL.
const OUTPUTS: &str = "outputs";

/// A step and where it was written.
#[derive(Debug)]
pub struct ScenarioStep {
    /// The file.
    pub source: Arc<Source>,
    /// The place of its verb.
    pub span: Span,
    /// The step as it was written, what is known only while it runs not yet filled in.
    pub step: Step,
    /// The cluster that it is about, unless it is the main one.
    pub cluster: Option<Located<String>>,
    /// Where the group that it belongs to was used, innermost first.
    pub used_at: Vec<StepPosition>,
    pub(crate) uses: Vec<Use>,
    /// What CEL reads as `matrix` and `variables`, or in a group as `parameters`.
    pub(crate) constants: Arc<Map<String, Value>>,
    pub(crate) node: Node,
    /// The objects of the file that it applies.
    pub(crate) objects: Option<AppliedFile>,
}

/// Where a group is used.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) source: Arc<Source>,
    pub(crate) span: Span,
}

/// A file of manifests.
#[derive(Clone, Debug)]
pub(crate) struct AppliedFile {
    pub(crate) source: Arc<Source>,
    pub(crate) objects: Vec<Node>,
}

impl Use {
    pub(crate) fn position(&self) -> StepPosition {
        position(&self.source, self.span)
    }
}

fn position(source: &Source, span: Span) -> StepPosition {
    StepPosition {
        file: source.name().to_owned(),
        line: span.line,
        column: span.column,
    }
}

impl ScenarioStep {
    /// Where it was written, for events and reports.
    #[must_use]
    pub fn position(&self) -> StepPosition {
        position(&self.source, self.span)
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
        let invalid = |error: decode::DecodeError| ResolveError::Invalid(error.to_string());
        let mut step = match template::fill(&self.node, Place::Step, variables)? {
            None => Cow::Borrowed(&self.step),
            Some(node) => Cow::Owned(decode::from_node(&node).map_err(invalid)?),
        };
        let filled =
            self.applied()
                .map(|object| {
                    Ok(template::fill(object, Place::Below, variables)?
                        .map_or(Cow::Borrowed(object), Cow::Owned))
                })
                .collect::<Result<Vec<_>, ResolveError>>()?;
        let is_templated = filled.iter().any(|object| matches!(object, Cow::Owned(_)));
        if (is_templated || matches!(step, Cow::Owned(_)))
            && let Step::Apply(apply) = step.to_mut()
            && let Manifests::File { objects, .. } = &mut apply.manifests
        {
            *objects = filled
                .iter()
                .map(|object| decode::from_node(object).map_err(invalid))
                .collect::<Result<_, _>>()?;
        }
        Ok(step)
    }

    /// What CEL reads besides the subject: `outputs`, and `matrix` and `variables`, or in a group `parameters`.
    ///
    /// # Errors
    /// A value of them names an output that was not left.
    pub fn cel_variables(&self, variables: &Variables) -> Result<Map<String, Value>, ResolveError> {
        let constants = Node::from(&Value::Object((*self.constants).clone()));
        let mut values = match template::fill(&constants, Place::Below, variables)? {
            None => (*self.constants).clone(),
            Some(filled) => {
                decode::from_node(&filled).map_err(|error| ResolveError::Invalid(error.to_string()))?
            }
        };
        values.insert(OUTPUTS.to_owned(), variables.outputs.clone().into());
        Ok(values)
    }

    /// The objects of the file that it applies.
    pub(crate) fn applied(&self) -> impl Iterator<Item = &Node> {
        self.objects.iter().flat_map(|file| &file.objects)
    }

    pub(crate) fn mentions(&self, wanted: Placeholder<'_>) -> bool {
        let mut found = false;
        self.visit_placeholders(&mut |placeholder| found |= placeholder == wanted);
        found
    }

    /// Calls `visit` with every placeholder in it.
    pub(crate) fn visit_placeholders(&self, visit: &mut impl FnMut(Placeholder<'_>)) {
        let constants = Node::from(&Value::Object((*self.constants).clone()));
        let mut look = |_, text: &str| {
            for part in template::parts(text) {
                if let Part::Placeholder { placeholder, .. } = part {
                    visit(placeholder);
                }
            }
        };
        template::visit_strings(&self.node, Place::Step, &mut look);
        template::visit_strings(&constants, Place::Below, &mut look);
        for object in self.applied() {
            template::visit_strings(object, Place::Below, &mut look);
        }
    }
}
