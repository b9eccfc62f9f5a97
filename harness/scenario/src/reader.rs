//! From the document of one file to its scenarios: one, or one per combination of its matrix.

use crate::{
    Diagnostic, Scenario, Source, Vocabulary,
    constants::Used,
    document::{Content, Entry, Node},
    findings::Findings,
    group::Groups,
    matrix::{self, Combination},
    rules,
    scenario_reader::ScenarioReader,
    unused,
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

/// Reads one file.
pub(crate) fn read(
    root: &Node,
    source: &Arc<Source>,
    id: &str,
    groups: &Groups,
    vocabulary: &Vocabulary,
) -> Loaded {
    let mut loaded = Loaded::default();
    let mut findings = Findings::of_file(source, &mut loaded.diagnostics);
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
        let mut reader = ScenarioReader::new(source, groups);
        let scenario = reader.read(root, id, combination);
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
    let mut findings = Findings::of_file(source, &mut loaded.diagnostics);
    unused::check_constants(root, &combinations, &used, &mut findings);
    if loaded.complete {
        unused::check_secrets(root, &used_secrets, &mut findings);
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
