//! The matrix of a scenario: one scenario per combination of values.

use crate::{
    constants,
    document::{Content, Entry, Node},
    findings::Findings,
    name::{IDENTIFIER, is_identifier},
    suggestion,
    template::as_text,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One value for each key of the matrix; none at all for a scenario without one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Combination(pub(crate) BTreeMap<String, Node>);

/// More than this is not a matrix but a search.
const MOST: usize = 64;
/// The values are a part of the scenario's name.
const LONGEST: usize = 64;

impl Combination {
    /// `[environment=dev,system=ledger]`, keys in order; empty without a matrix.
    pub(crate) fn label(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{key}={}", as_text(&value.content).unwrap_or_default()))
            .collect();
        if pairs.is_empty() {
            return String::new();
        }
        format!("[{}]", pairs.join(","))
    }

    pub(crate) fn to_json(&self) -> Map<String, Value> {
        constants::to_json(&self.0)
    }
}

/// The combinations of a matrix: the product of lists, or mappings one by one. `None` if it is not one.
pub(crate) fn combinations(matrix: &Entry, findings: &mut Findings<'_>) -> Option<Vec<Combination>> {
    let before = findings.diagnostics.len();
    let combinations = match &matrix.value.content {
        Content::Mapping(entries) if !entries.is_empty() => product(matrix, entries, findings),
        Content::Sequence(items) if !items.is_empty() => listed(items, findings),
        _ => {
            findings.note(
                matrix.key_span,
                "`matrix` is a mapping of lists, or a list of mappings",
                "write `matrix: {system: [ledger, storefront]}`",
            );
            return None;
        }
    };
    check_differences(&combinations, matrix, findings);
    (findings.diagnostics.len() == before).then_some(combinations)
}

fn product(matrix: &Entry, entries: &[Entry], findings: &mut Findings<'_>) -> Vec<Combination> {
    let mut combinations = vec![Combination::default()];
    for entry in entries {
        check_key(entry, findings);
        let values = match &entry.value.content {
            Content::Sequence(values) if !values.is_empty() => values,
            _ => {
                let message = format!("`{}` of a matrix needs a list of values", entry.key);
                findings.note(entry.value.span, message, "list at least one");
                continue;
            }
        };
        if combinations.len() * values.len() > MOST {
            too_many(matrix, findings);
            return Vec::new();
        }
        for value in values {
            check_value(value, findings);
        }
        combinations = combinations
            .iter()
            .flat_map(|combination| {
                values.iter().map(|value| {
                    let mut longer = combination.clone();
                    longer.0.insert(entry.key.clone(), value.clone());
                    longer
                })
            })
            .collect();
    }
    combinations
}

fn listed(items: &[Node], findings: &mut Findings<'_>) -> Vec<Combination> {
    let mut combinations: Vec<Combination> = Vec::new();
    if let Some(item) = items.get(MOST) {
        let message = format!("a matrix of more than {MOST} combinations");
        findings.note(item.span, message, "split the scenario");
        return combinations;
    }
    for item in items {
        let Content::Mapping(entries) = &item.content else {
            findings.note(
                item.span,
                "a combination of a matrix is a mapping",
                "write `{system: ledger, environment: dev}`",
            );
            continue;
        };
        for entry in entries {
            check_key(entry, findings);
            check_value(&entry.value, findings);
        }
        let combination = Combination(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.clone()))
                .collect(),
        );
        if let Some(first) = combinations.first() {
            let same = first.0.keys().eq(combination.0.keys());
            if !same {
                let message = "this combination has other keys than the first one";
                let help = format!(
                    "give it {}",
                    suggestion::listed(first.0.keys().map(String::as_str))
                );
                findings.note(item.span, message, help);
            }
        }
        combinations.push(combination);
    }
    combinations
}

fn too_many(matrix: &Entry, findings: &mut Findings<'_>) {
    let message = format!("a matrix of more than {MOST} combinations");
    findings.note(
        matrix.key_span,
        message,
        "leave values out, or split the scenario",
    );
}

fn check_key(entry: &Entry, findings: &mut Findings<'_>) {
    if !is_identifier(&entry.key) {
        let message = format!("`{}` cannot be a key of a matrix", entry.key);
        findings.note(entry.key_span, message, IDENTIFIER);
    }
}

/// Values are a part of the scenario's name, so they are plain words.
fn check_value(value: &Node, findings: &mut Findings<'_>) {
    let is_plain = |text: &str| {
        (1..=LONGEST).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match &value.content {
        Content::Float(number) => findings.note(
            value.span,
            format!("`{number}` is a number with a point, and may not be shown as it is written"),
            "put it in quotes",
        ),
        content if as_text(content).is_some_and(|text| is_plain(&text)) => {}
        _ => findings.note(
            value.span,
            "a value of a matrix is a plain word or a whole number: it becomes a part of the scenario's name",
            format!(
                "letters, digits, `-`, `_` and `.`, at most {LONGEST}; longer values go into `variables`"
            ),
        ),
    }
}

fn check_differences(combinations: &[Combination], matrix: &Entry, findings: &mut Findings<'_>) {
    let mut labels: Vec<String> = combinations.iter().map(Combination::label).collect();
    labels.sort_unstable();
    if let Some(pair) = labels.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = format!("the combination `{}` is in the matrix twice", pair[0]);
        findings.note(matrix.key_span, message, "leave one of them out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Diagnostic, Source, document};
    use proptest::prelude::*;
    use std::path::Path;

    fn read(text: &str) -> Result<Vec<String>, Vec<Diagnostic>> {
        let source = Source::from_bytes(Path::new("x.yaml"), text.into()).unwrap();
        let root = document::parse(&source).map_err(|diagnostic| vec![diagnostic])?;
        let mut diagnostics = Vec::new();
        let mut findings = Findings::of_file(&source, &mut diagnostics);
        let matrix = root.entry("matrix").unwrap();
        combinations(matrix, &mut findings)
            .map(|combinations| combinations.iter().map(Combination::label).collect())
            .ok_or(diagnostics)
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(
            read("matrix: {system: [a, b], environment: [dev, 2]}").unwrap(),
            [
                "[environment=dev,system=a]",
                "[environment=2,system=a]",
                "[environment=dev,system=b]",
                "[environment=2,system=b]"
            ]
        );
        assert_eq!(
            read("matrix: [{y: a, x: true}, {x: false, y: '2.10'}]").unwrap(),
            ["[x=true,y=a]", "[x=false,y=2.10]"]
        );
    }

    #[test]
    fn there_is_a_limit() {
        let eight = "[1, 2, 3, 4, 5, 6, 7, 8]";
        assert_eq!(
            read(&format!("matrix: {{a: {eight}, b: {eight}}}"))
                .unwrap()
                .len(),
            64
        );
        assert!(read(&format!("matrix: {{a: {eight}, b: {eight}, c: [1, 2]}}")).is_err());
    }

    proptest! {
        /// The name of a combination tells it from all others.
        #[test]
        fn labels_are_distinct(
            one in prop::collection::btree_set("[a-z0-9.=,-]{1,3}", 1..5),
            other in prop::collection::btree_set("[a-z0-9.=,-]{1,3}", 1..5),
        ) {
            let list = |values: &std::collections::BTreeSet<String>| {
                values.iter().map(|value| format!("'{value}'")).collect::<Vec<_>>().join(", ")
            };
            let text = format!("matrix: {{a: [{}], b: [{}]}}", list(&one), list(&other));
            if let Ok(mut labels) = read(&text) {
                labels.sort_unstable();
                labels.dedup();
                prop_assert_eq!(labels.len(), one.len() * other.len());
            }
        }
    }
}
