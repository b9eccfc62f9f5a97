//! From the document of one file to its scenarios: one, or one per combination of its matrix.

use crate::{
    Diagnostic, Located, Scenario, ScenarioStep, Skip, Source, Span, Stage, Step, Vocabulary, applied_file,
    constants::{Constants, Used},
    decode,
    document::{Content, Entry, Node},
    expansion::{Expansion, PlacedNode, Site},
    findings::Findings,
    group::Groups,
    header::Header,
    matrix::{self, Combination},
    rules,
    scenario::Use,
    steps::Manifests,
    template::{Place, Scope},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

/// What was read of one file.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The files that it applies, also those that could not be read.
    pub(crate) applied: BTreeMap<PathBuf, Option<Arc<Source>>>,
    /// Whether every part of it could be read.
    pub(crate) complete: bool,
}

/// The common field of all verbs.
const CLUSTER: &str = "cluster";

/// Reads one file.
pub(crate) fn read(
    root: &Node,
    source: &Arc<Source>,
    id: &str,
    groups: &Groups,
    vocabulary: &Vocabulary,
) -> Loaded {
    let mut loaded = Loaded::default();
    let mut findings = Findings {
        source,
        uses: &[],
        diagnostics: &mut loaded.diagnostics,
    };
    if !matches!(root.content, Content::Mapping(_)) {
        let help = "it has a `claim`, `requirements` and `steps`";
        findings.note(root.span, "a scenario is a mapping", help);
        return loaded;
    }
    let matrix = root
        .entry("matrix")
        .filter(|entry| !matches!(entry.value.content, Content::Null));
    let combinations = match matrix {
        None => vec![Combination::default()],
        Some(entry) => match matrix::combinations(entry, &mut findings) {
            Some(combinations) => combinations,
            None => return loaded,
        },
    };
    let mut used = Used::default();
    loaded.complete = true;
    let mut used_secrets = BTreeSet::new();
    let mut said: Vec<(String, Vec<Diagnostic>)> = Vec::new();
    for combination in &combinations {
        let mut reader = Reader {
            source,
            groups,
            diagnostics: Vec::new(),
            used: Used::default(),
            applied: BTreeMap::new(),
            incomplete: false,
        };
        let scenario = reader.scenario(root, id, combination);
        let broken = reader.incomplete || !reader.diagnostics.is_empty();
        rules::alone(&scenario, broken, vocabulary, &mut reader.diagnostics);
        loaded.complete &= !broken;
        used.names.append(&mut reader.used.names);
        used_secrets.extend(scenario.mentioned_secrets());
        loaded.applied.append(&mut reader.applied);
        said.push((combination.label(), reader.diagnostics));
        if !broken {
            loaded.scenarios.push(scenario);
        }
    }
    loaded.diagnostics = told_once(said, source, matrix);
    let mut findings = Findings {
        source,
        uses: &[],
        diagnostics: &mut loaded.diagnostics,
    };
    check_constants_are_used(root, &combinations, &used, &mut findings);
    if loaded.complete {
        check_secrets_are_used(root, &used_secrets, &mut findings);
    }
    loaded
}

/// An error of all combinations is said once; one of some of them names the first.
fn told_once(
    said: Vec<(String, Vec<Diagnostic>)>,
    source: &Arc<Source>,
    matrix: Option<&Entry>,
) -> Vec<Diagnostic> {
    let count = said.len();
    let mut kinds: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    for (label, diagnostics) in said {
        for diagnostic in diagnostics {
            match kinds.iter_mut().find(|(other, _)| other.is_same_as(&diagnostic)) {
                Some((_, labels)) if labels.last() == Some(&label) => {}
                Some((_, labels)) => labels.push(label.clone()),
                None => kinds.push((diagnostic, vec![label.clone()])),
            }
        }
    }
    kinds
        .into_iter()
        .map(|(diagnostic, labels)| match (matrix, &labels[..]) {
            (Some(matrix), [first, others @ ..]) if labels.len() < count => {
                let others = match others.len() {
                    0 => String::new(),
                    1 => " and 1 other combination".to_owned(),
                    count => format!(" and {count} other combinations"),
                };
                diagnostic.with_related(source, matrix.key_span, format!("with `{first}`{others}"))
            }
            _ => diagnostic,
        })
        .collect()
}

/// A value that nothing reads makes scenarios that do not differ, or says what is not so.
fn check_constants_are_used(
    root: &Node,
    combinations: &[Combination],
    used: &Used,
    findings: &mut Findings<'_>,
) {
    let keys = combinations.first().into_iter().flat_map(|first| first.0.keys());
    for key in keys {
        if !used.names.contains(&(Scope::Matrix, key.clone())) {
            let span = root.entry("matrix").map_or(root.span, |entry| {
                entry.value.entry(key).unwrap_or(entry).key_span
            });
            findings.note(
                span,
                format!("the key `{key}` of the matrix is not used"),
                format!("write `${{matrix.{key}}}` where the combinations differ, or leave it out"),
            );
        }
    }
    if let Some(Content::Mapping(entries)) = root.entry("variables").map(|entry| &entry.value.content) {
        for entry in entries {
            if !used.names.contains(&(Scope::Variables, entry.key.clone())) {
                findings.note(
                    entry.key_span,
                    format!("the variable `{}` is not used", entry.key),
                    format!("write `${{variables.{}}}` in a step, or leave it out", entry.key),
                );
            }
        }
    }
}

fn check_secrets_are_used(root: &Node, used: &BTreeSet<String>, findings: &mut Findings<'_>) {
    if let Some(Content::Mapping(entries)) = root.entry("secrets").map(|entry| &entry.value.content) {
        for entry in entries.iter().filter(|entry| !used.contains(&entry.key)) {
            findings.note(
                entry.key_span,
                format!("the secret `{}` is not used", entry.key),
                format!("write `${{secrets.{}}}` in a step, or leave it out", entry.key),
            );
        }
    }
}

/// Reads one scenario.
struct Reader<'load> {
    source: &'load Arc<Source>,
    groups: &'load Groups,
    diagnostics: Vec<Diagnostic>,
    used: Used,
    applied: BTreeMap<PathBuf, Option<Arc<Source>>>,
    incomplete: bool,
}

impl Reader<'_> {
    fn scenario(&mut self, written: &Node, id: &str, combination: &Combination) -> Scenario {
        let matrix = match combination.0.is_empty() {
            true => Constants::default(),
            false => Constants::default().with(Scope::Matrix, combination.0.clone()),
        };
        // Variables may hold values of the matrix; all the rest may hold both.
        let variables = written.entry("variables").map(|entry| {
            let mut findings = Findings {
                source: self.source,
                uses: &[],
                diagnostics: &mut self.diagnostics,
            };
            Entry {
                value: matrix.fill(&entry.value, Place::Below, &mut self.used, &mut findings),
                ..entry.clone()
            }
        });
        let values = match &variables {
            None => None,
            Some(entry) => {
                let root = mapping(written.span, vec![entry.clone()]);
                Some(self.header(&root, |header| header.variables()))
            }
        };
        let constants = match &values {
            None => matrix,
            Some(values) => matrix.with(Scope::Variables, values.clone()),
        };
        let root = self.filled(written, &constants);
        let claim = self.header(&root, |header| header.required::<Located<String>>("claim"));
        let steps = self.steps(&root, "steps", true, &constants);
        let finally = self.steps(&root, "finally", false, &constants);
        let source = self.source;
        self.header(&root, |header| {
            header.check_fields();
            let provides = header.optional::<Located<Stage>>("provides");
            let needs = header.needs();
            // Who provides a stage begins, unless it says otherwise, on the stage below.
            let below = match provides.as_ref().map(|stage| stage.value) {
                Some(Stage::Operator | Stage::Cluster) => Stage::Cluster,
                Some(Stage::Platform) => Stage::Operator,
                None => Stage::Platform,
            };
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
                steps,
                finally,
            }
        })
    }

    fn header<T>(&mut self, root: &Node, read: impl FnOnce(&mut Header<'_, '_>) -> T) -> T {
        read(&mut Header {
            root,
            findings: Findings {
                source: self.source,
                uses: &[],
                diagnostics: &mut self.diagnostics,
            },
        })
    }

    /// The header with its constants filled in; steps are filled in one by one, and the rest is not text.
    fn filled(&mut self, written: &Node, constants: &Constants) -> Node {
        let Content::Mapping(entries) = &written.content else {
            return written.clone();
        };
        let mut findings = Findings {
            source: self.source,
            uses: &[],
            diagnostics: &mut self.diagnostics,
        };
        let filled = entries
            .iter()
            .map(|entry| match entry.key.as_str() {
                "matrix" | "variables" | "steps" | "finally" => entry.clone(),
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
