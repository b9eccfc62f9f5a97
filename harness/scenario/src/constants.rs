//! `${matrix.x}`, `${variables.x}` and `${parameters.x}`: filled in when files are loaded, before anything is decoded.
//!
//! A string that is nothing but one of them takes the value's own type, so that `replicas: ${matrix.replicas}` is a number. What is filled in stands,
//! for every error, where it is used.

use crate::{
    decode,
    document::{Content, Entry, Node},
    findings::Findings,
    position, suggestion,
    template::{Part, Place, Placeholder, Scope, as_text, parts, whole},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The values that are known in one place: the matrix and the variables in a scenario, the parameters in a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constants(BTreeMap<Scope, BTreeMap<String, Node>>);

/// What was read of constants, by whatever reads them.
#[derive(Debug, Default)]
pub(crate) struct Used {
    pub(crate) names: BTreeSet<(Scope, String)>,
    /// Bytes and values that were filled in.
    size: usize,
}

impl Used {
    /// Values that are filled in may hold others that are: without a limit a small file could become as large as one likes.
    const LARGEST: usize = 4 << 20;

    /// Takes note of one more value; `false` once it is too much.
    fn takes(&mut self, content: &Content) -> bool {
        if self.size <= Self::LARGEST {
            self.size += size(content);
        }
        self.size <= Self::LARGEST
    }
}

fn size(content: &Content) -> usize {
    match content {
        Content::Text(text) => 1 + text.len(),
        Content::Sequence(items) => 1 + items.iter().map(|item| size(&item.content)).sum::<usize>(),
        Content::Mapping(entries) => {
            let entry = |entry: &Entry| 1 + entry.key.len() + size(&entry.value.content);
            1 + entries.iter().map(entry).sum::<usize>()
        }
        _ => 1,
    }
}

impl Constants {
    /// The same with the values of one more scope.
    pub(crate) fn with(mut self, scope: Scope, values: BTreeMap<String, Node>) -> Self {
        self.0.insert(scope, values);
        self
    }

    /// As CEL reads them.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        self.0
            .iter()
            .map(|(scope, values)| (scope.word().to_owned(), to_json(values).into()))
            .collect()
    }

    /// The node with every constant filled in.
    pub(crate) fn fill(
        &self,
        node: &Node,
        place: Place,
        used: &mut Used,
        findings: &mut Findings<'_>,
    ) -> Node {
        let content = match &node.content {
            Content::Text(text) if place == Place::Cel => {
                self.note_reads(text, used);
                node.content.clone()
            }
            Content::Text(text) if text.contains("${") => self.fill_text(node, text, used, findings),
            Content::Sequence(items) => Content::Sequence(
                items
                    .iter()
                    .map(|item| self.fill(item, Place::Below, used, findings))
                    .collect(),
            ),
            Content::Mapping(entries) => self.fill_entries(entries, place, used, findings),
            other => other.clone(),
        };
        Node {
            span: node.span,
            content,
        }
    }

    fn fill_entries(
        &self,
        entries: &[Entry],
        place: Place,
        used: &mut Used,
        findings: &mut Findings<'_>,
    ) -> Content {
        let mut filled: Vec<Entry> = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = if entry.key.contains("${") {
                let node = Node {
                    span: entry.key_span,
                    content: Content::Text(entry.key.clone()),
                };
                match self.fill_text(&node, &entry.key, used, findings) {
                    Content::Text(key) => key,
                    other => as_text(&other).unwrap_or_else(|| {
                        let message = format!("`{}` is a list or a mapping: it cannot be a key", entry.key);
                        findings.note(entry.key_span, message, "write a word or a number");
                        entry.key.clone()
                    }),
                }
            } else {
                entry.key.clone()
            };
            if filled.iter().any(|other| other.key == key) {
                let message = format!("the key `{key}` is here twice, with its variables filled in");
                findings.note(entry.key_span, message, "make the keys differ");
            }
            filled.push(Entry {
                value: self.fill(&entry.value, place.of_value(&entry.key), used, findings),
                key,
                key_span: entry.key_span,
            });
        }
        Content::Mapping(filled)
    }

    /// What is not a constant stays as it is written: it is filled in while the scenario runs.
    fn fill_text(&self, node: &Node, text: &str, used: &mut Used, findings: &mut Findings<'_>) -> Content {
        let is_whole = whole(text).is_some();
        let mut filled = String::new();
        let mut done = 0;
        for part in parts(text) {
            let Part::Placeholder {
                offset,
                length,
                placeholder: Placeholder::Constant { scope, name },
            } = part
            else {
                continue;
            };
            let span = position::inside(findings.source, node.span, text, offset, length);
            let Some(value) = self.value(scope, name, used) else {
                let (message, help) = self.unknown(scope, name);
                findings.note(span, message, help);
                continue;
            };
            if !used.takes(&value.content) {
                let message = format!("more than {} MiB are filled in", Used::LARGEST >> 20);
                findings.note(span, message, "large content belongs to a fixture");
                return Content::Null;
            }
            if is_whole {
                return moved(&value.content, node);
            }
            match as_text(&value.content) {
                Some(value) => {
                    filled.push_str(&text[done..offset]);
                    filled.push_str(&value);
                    done = offset + length;
                }
                None => findings.note(
                    span,
                    format!(
                        "`{}.{name}` is a list or a mapping: it can only stand alone",
                        scope.word()
                    ),
                    "let the string be this placeholder and nothing else",
                ),
            }
        }
        filled.push_str(&text[done..]);
        Content::Text(filled)
    }

    fn value(&self, scope: Scope, name: &str, used: &mut Used) -> Option<&Node> {
        let value = self.0.get(&scope)?.get(name)?;
        used.names.insert((scope, name.to_owned()));
        Some(value)
    }

    fn unknown(&self, scope: Scope, name: &str) -> (String, String) {
        let word = scope.word();
        if let Some(values) = self.0.get(&scope) {
            let help = suggestion::instead(name, values.keys().map(String::as_str));
            return (format!("unknown variable `${{{word}.{name}}}`"), help);
        }
        match (scope, self.0.contains_key(&Scope::Parameters)) {
            (Scope::Parameters, _) => (
                format!("`${{parameters.{name}}}` belongs to a step group, and this is a scenario"),
                "use `${variables.<name>}` or `${matrix.<name>}`".to_owned(),
            ),
            (_, true) => (
                format!("a step group knows only its parameters, not `${{{word}.{name}}}`"),
                format!(
                    "give it a parameter, and hand the value over with `with: {{{name}: \"${{{word}.{name}}}\"}}`"
                ),
            ),
            (_, false) => (
                format!("unknown variable `${{{word}.{name}}}`: there is no `{word}` here"),
                match scope {
                    Scope::Variables => format!("give the scenario `variables: {{{name}: …}}`"),
                    _ => format!("give the scenario `matrix: {{{name}: […]}}`"),
                },
            ),
        }
    }

    /// Notes the constants that a CEL expression names. Whether it names others is for the checker of types to say.
    fn note_reads(&self, expression: &str, used: &mut Used) {
        for (scope, values) in &self.0 {
            for name in values.keys() {
                if reads(expression, scope.word(), name) {
                    used.names.insert((*scope, name.clone()));
                }
            }
        }
    }
}

/// Whether `root.name` stands in an expression as a word.
pub(crate) fn reads(expression: &str, root: &str, name: &str) -> bool {
    let is_inner = |character: char| character.is_alphanumeric() || character == '_';
    expression.match_indices(root).any(|(start, _)| {
        let after = &expression[start + root.len()..];
        let named = after.trim_start().strip_prefix('.').map(str::trim_start);
        !expression[..start].ends_with(|before| is_inner(before) || before == '.')
            && named
                .and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| !rest.starts_with(is_inner))
    })
}

/// Values by name as JSON.
pub(crate) fn to_json(values: &BTreeMap<String, Node>) -> Map<String, Value> {
    values
        .iter()
        .map(|(name, node)| (name.clone(), decode::from_node(node).unwrap_or_default()))
        .collect()
}

/// A value at the place where it is used.
fn moved(content: &Content, place: &Node) -> Content {
    let node = |node: &Node| Node {
        span: place.span,
        content: moved(&node.content, place),
    };
    match content {
        Content::Sequence(items) => Content::Sequence(items.iter().map(node).collect()),
        Content::Mapping(entries) => Content::Mapping(
            entries
                .iter()
                .map(|entry| Entry {
                    key: entry.key.clone(),
                    key_span: place.span,
                    value: node(&entry.value),
                })
                .collect(),
        ),
        leaf => leaf.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Diagnostic, Source, document};
    use proptest::prelude::*;
    use std::path::Path;

    /// The filled text of `text`, and what was said about it.
    fn fill(text: &str) -> (Value, Vec<Diagnostic>) {
        let source = Source::from_bytes(Path::new("x.yaml"), "{}".into()).unwrap();
        let values = "{system: ledger, replicas: 3, list: [1]}";
        let values = Source::from_bytes(Path::new("values.yaml"), values.into()).unwrap();
        let Content::Mapping(entries) = document::parse(&values).unwrap().content else {
            panic!()
        };
        let values = entries
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        let constants = Constants::default().with(Scope::Matrix, values);
        let mut diagnostics = Vec::new();
        let mut findings = Findings::of_file(&source, &mut diagnostics);
        let node = Node {
            span: Default::default(),
            content: Content::Text(text.to_owned()),
        };
        let filled = constants.fill(&node, Place::Below, &mut Used::default(), &mut findings);
        (decode::from_node(&filled).unwrap(), diagnostics)
    }

    #[test]
    fn a_constant_alone_keeps_its_type_and_the_rest_stays() {
        assert_eq!(fill("${matrix.replicas}").0, 3);
        assert_eq!(fill("${matrix.list}").0, serde_json::json!([1]));
        assert_eq!(
            fill("$${matrix.system} ${matrix.system}-${matrix.replicas} ${registry} $${HOME}").0,
            "$${matrix.system} ledger-3 ${registry} $${HOME}"
        );
        let (_, diagnostics) = fill("${matrix.sytem} x${matrix.list}");
        assert_eq!(diagnostics[0].help_text(), Some("did you mean `system`?"));
        assert_eq!(diagnostics.len(), 2);
    }

    #[test]
    fn a_read_in_cel_is_a_word() {
        assert!(reads("object.x == matrix.system", "matrix", "system"));
        assert!(reads("[matrix . system]", "matrix", "system"));
        for other in [
            "matrix.systems == 1",
            "object.matrix.system",
            "xmatrix.system",
            "matrix['x']",
        ] {
            assert!(!reads(other, "matrix", "system"), "{other}");
        }
    }

    proptest! {
        #[test]
        fn text_without_constants_stays_as_it_is(text in "[ab${}.]{0,30}") {
            prop_assert_eq!(fill(&text).0, text);
        }
    }
}
