//! What a file gives a name and nothing reads: it makes scenarios that do not differ, or says what is not so.

use crate::{
    constants::Used,
    document::{Content, Node},
    findings::Findings,
    matrix::Combination,
    template::Scope,
};
use std::collections::BTreeSet;

/// Keys of the matrix, and variables.
pub(crate) fn check_constants(
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

/// Secrets.
pub(crate) fn check_secrets(root: &Node, used: &BTreeSet<String>, findings: &mut Findings<'_>) {
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
