//! From the document of one file to one scenario: that of one combination of its matrix.

use crate::{
    Diagnostic, Located, Scenario, ScenarioStep, Skip, Source, Span, Stage, Step, applied_file,
    constants::{Constants, Used},
    decode,
    document::{Content, Entry, Node},
    expansion::{Expansion, PlacedNode, Site},
    findings::Findings,
    group::Groups,
    header::Header,
    matrix::Combination,
    needs::Needs,
    scenario_step::Use,
    steps::Manifests,
    template::{Place, Scope},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// The common field of all verbs.
const CLUSTER: &str = "cluster";

/// Reads one scenario.
pub(crate) struct ScenarioReader<'load> {
    source: &'load Arc<Source>,
    groups: &'load Groups,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The constants that it reads.
    pub(crate) used: Used,
    /// The files that it applies, also those that could not be read.
    pub(crate) applied: BTreeMap<PathBuf, Option<Arc<Source>>>,
    /// Whether steps are missing because of errors.
    pub(crate) incomplete: bool,
    /// What the groups need that its steps use.
    groups_need: Needs,
}

impl<'load> ScenarioReader<'load> {
    pub(crate) fn new(source: &'load Arc<Source>, groups: &'load Groups) -> Self {
        Self {
            source,
            groups,
            diagnostics: Vec::new(),
            used: Used::default(),
            applied: BTreeMap::new(),
            incomplete: false,
            groups_need: Needs::default(),
        }
    }

    /// Reads it; what could not be read is left out, and `diagnostics` says so.
    pub(crate) fn read(&mut self, written: &Node, id: &str, combination: &Combination) -> Scenario {
        let matrix = match combination.0.is_empty() {
            true => Constants::default(),
            false => Constants::default().with(Scope::Matrix, combination.0.clone()),
        };
        // Variables may hold values of the matrix; all the rest may hold both.
        let values = written.entry("variables").map(|entry| {
            let mut findings = Findings::of_file(self.source, &mut self.diagnostics);
            let variables = Entry {
                value: matrix.fill(&entry.value, Place::Below, &mut self.used, &mut findings),
                ..entry.clone()
            };
            let root = mapping(written.span, vec![variables]);
            self.header(&root, |header| header.variables())
        });
        let constants = match &values {
            None => matrix,
            Some(values) => matrix.with(Scope::Variables, values.clone()),
        };
        let root = self.filled(written, &constants);
        let claim = self.header(&root, |header| header.required::<Located<String>>("claim"));
        let given = root
            .entry("given")
            .is_some()
            .then(|| self.steps(&root, "given", false, &constants));
        let steps = self.steps(&root, "steps", true, &constants);
        let finally = self.steps(&root, "finally", false, &constants);
        let source = self.source;
        let groups_need = std::mem::take(&mut self.groups_need);
        self.header(&root, |header| {
            header.check_fields();
            let provides = header.optional::<Located<Stage>>("provides");
            let mut needs = header.needs();
            // Who provides a stage begins, unless it says otherwise, on the stage below.
            let below = match provides.as_ref().map(|stage| stage.value) {
                Some(Stage::Operator | Stage::Cluster) => Stage::Cluster,
                Some(Stage::Platform) => Stage::Operator,
                Some(Stage::Admission) | None => Stage::Platform,
            };
            needs.stage = needs.stage.or(Some(below));
            needs.add(&groups_need);
            Scenario {
                id: format!("{id}{}", combination.label()),
                source: Arc::clone(source),
                claim: claim.unwrap_or_else(|| Located {
                    value: String::new(),
                    span: root.span,
                }),
                requirements: header.requirements(),
                needs: needs.stage.unwrap_or(below),
                provides,
                capabilities: needs.capabilities,
                when: header.optional("when"),
                tags: header.words("tags", "a tag"),
                exclusive: header.exclusive(),
                retries: header.retries(),
                matrix: combination.to_json(),
                variables: values.as_ref().map(crate::constants::to_json).unwrap_or_default(),
                secrets: header.secrets(),
                clusters: header.clusters(),
                timeout: header.timeout(),
                skip: header.optional::<Skip>("skip"),
                given,
                writes: header.optional("writes"),
                steps,
                finally,
            }
        })
    }

    fn header<T>(&mut self, root: &Node, read: impl FnOnce(&mut Header<'_, '_>) -> T) -> T {
        read(&mut Header {
            root,
            findings: Findings::of_file(self.source, &mut self.diagnostics),
        })
    }

    /// The header with its constants filled in; steps are filled in one by one, and the rest is not text.
    fn filled(&mut self, written: &Node, constants: &Constants) -> Node {
        let Content::Mapping(entries) = &written.content else {
            return written.clone();
        };
        let mut findings = Findings::of_file(self.source, &mut self.diagnostics);
        let filled = entries
            .iter()
            .map(|entry| match entry.key.as_str() {
                "matrix" | "variables" | "given" | "steps" | "finally" => entry.clone(),
                "when" => {
                    constants.fill(&entry.value, Place::Cel, &mut self.used, &mut findings);
                    entry.clone()
                }
                _ => Entry {
                    value: constants.fill(&entry.value, Place::Below, &mut self.used, &mut findings),
                    ..entry.clone()
                },
            })
            .collect();
        mapping(written.span, filled)
    }

    fn steps(
        &mut self,
        root: &Node,
        field: &str,
        required: bool,
        constants: &Constants,
    ) -> Vec<ScenarioStep> {
        let written = self.header(root, |header| header.steps(field, required).to_vec());
        let mut expansion = Expansion {
            groups: self.groups,
            diagnostics: &mut self.diagnostics,
            used: &mut self.used,
            needs: &mut self.groups_need,
            incomplete: false,
            steps_so_far: 0,
        };
        let site = Site::of_scenario(self.source, constants.clone());
        let placed = expansion.expand(&written, &site);
        self.incomplete |= expansion.incomplete;
        placed
            .into_iter()
            .filter_map(|placed| self.step(placed))
            .collect()
    }

    fn step(&mut self, placed: PlacedNode) -> Option<ScenarioStep> {
        let PlacedNode {
            mut node,
            source,
            uses,
            constants,
            cluster,
        } = placed;
        let span = match &node.content {
            Content::Mapping(entries) => entries.first().map_or(node.span, |entry| entry.key_span),
            _ => node.span,
        };
        let mut findings = Findings {
            source: &source,
            uses: &uses,
            diagnostics: &mut self.diagnostics,
        };
        let cluster = match take_cluster(&mut node) {
            Some(entry) => match decode::from_node(&entry.value) {
                Ok(name) => Some(name),
                Err(error) => {
                    findings.refuse(error.span.unwrap_or(entry.key_span), error.message, error.help);
                    None
                }
            },
            None => cluster,
        };
        let mut step: Step = match decode::from_node(&node) {
            Ok(step) => step,
            Err(error) => {
                findings.refuse(error.span.unwrap_or(node.span), error.message, error.help);
                return None;
            }
        };
        let objects = match &mut step {
            Step::Apply(apply) => match &mut apply.manifests {
                Manifests::File { path, objects } => {
                    let file = applied_file::read(path, &mut self.applied, &mut findings)?;
                    *objects = file
                        .objects
                        .iter()
                        .map(|object| decode::from_node(object).unwrap_or_default())
                        .collect();
                    Some(file)
                }
                Manifests::Here(_) => None,
            },
            _ => None,
        };
        Some(ScenarioStep {
            span,
            step,
            cluster,
            used_at: uses.iter().map(Use::position).collect(),
            uses,
            constants,
            node,
            objects,
            source,
        })
    }
}

/// Takes the field that all verbs have out of the step.
fn take_cluster(step: &mut Node) -> Option<Entry> {
    let Content::Mapping(verbs) = &mut step.content else {
        return None;
    };
    let [verb] = &mut verbs[..] else { return None };
    let Content::Mapping(fields) = &mut verb.value.content else {
        return None;
    };
    let index = fields.iter().position(|field| field.key == CLUSTER)?;
    Some(fields.remove(index))
}

fn mapping(span: Span, entries: Vec<Entry>) -> Node {
    Node {
        span,
        content: Content::Mapping(entries),
    }
}
