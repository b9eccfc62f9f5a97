//! Rules for CEL: it compiles, reads only what there is, and looks at its subject.

use super::{Findings, steps::Made};
use crate::{Located, Predicate, Span, position, steps::Subject, suggestion};

/// Words that stand for types and for libraries of functions.
const WORDS: [&str; 19] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "type",
    "null_type",
    "duration",
    "timestamp",
    "sets",
    "math",
    "base64",
    "jsonpatch",
    "ip",
    "cidr",
    "format",
];

/// Variables of other subjects than the one at hand.
const VARIABLES: [(&str, &str); 5] = [
    ("object", "object"),
    ("objects", "objects"),
    ("payload", "webhook"),
    ("allowed", "egress"),
    ("refused", "egress"),
];

const OUTPUTS: &str = "outputs";

pub(super) fn check(
    predicate: &Located<Predicate>,
    subject: &Subject,
    made: &Made<'_>,
    findings: &mut Findings<'_>,
) {
    if let Some(error) = predicate.syntax_error() {
        let span = place(predicate, error.offset, 1, findings);
        findings.note(
            span,
            format!("not a valid CEL expression: {}", error.message),
            "CEL is described at https://cel.dev",
        );
        return;
    }
    let known = subject.variables();
    let mut can_change = false;
    let mut all_known = true;
    for variable in predicate.variables() {
        if known.contains(&variable.as_str()) || variable == OUTPUTS {
            can_change = true;
        } else if !WORDS.contains(&variable.as_str()) {
            all_known = false;
            let span = place_of_word(predicate, &variable, findings);
            let help = match VARIABLES.iter().find(|(name, _)| *name == variable) {
                Some((_, subject)) => {
                    format!(
                        "it belongs to the subject `{subject}`; known here are {}, `{OUTPUTS}`",
                        suggestion::listed(known.iter().copied())
                    )
                }
                None => suggestion::instead(&variable, known.iter().copied().chain([OUTPUTS])),
            };
            findings.note(span, format!("unknown variable `{variable}`"), help);
        }
    }
    for function in predicate.unknown_functions() {
        let span = place_of_word(predicate, &function, findings);
        findings.note(
            span,
            format!("unknown function `{function}`"),
            "CEL's own functions and those of Kubernetes are known",
        );
    }
    if !can_change && all_known {
        let help = format!("use {}", suggestion::listed(known.iter().copied()));
        findings.note(
            predicate.span,
            "an expectation that looks at nothing: it can never change",
            help,
        );
    }
    for (name, field) in predicate.output_reads() {
        let word = field
            .as_deref()
            .filter(|_| made.outputs.contains_key(name.as_str()))
            .unwrap_or(&name);
        let span = place_of_word(predicate, word, findings);
        check_output(&name, field.as_deref(), span, made, findings);
    }
}

/// An output must be left by an earlier step, with this field.
pub(super) fn check_output(
    name: &str,
    field: Option<&str>,
    span: Span,
    made: &Made<'_>,
    findings: &mut Findings<'_>,
) {
    match (made.outputs.get(name), field) {
        (None, _) if made.incomplete => {}
        (None, _) => {
            let help = match made.outputs.is_empty() {
                true => "name it with `as` in the earlier step".to_owned(),
                false => suggestion::instead(name, made.outputs.keys().copied()),
            };
            findings.note(span, format!("no earlier step has the output `{name}`"), help);
        }
        (Some(fields), Some(field)) if !fields.contains(&field) => {
            let help = suggestion::instead(field, fields.iter().copied());
            findings.note(span, format!("the output `{name}` has no field `{field}`"), help);
        }
        _ => {}
    }
}

fn place(predicate: &Located<Predicate>, offset: usize, length: usize, findings: &Findings<'_>) -> Span {
    position::inside(
        findings.source,
        predicate.span,
        predicate.source(),
        offset,
        length,
    )
}

/// The first place where the word stands by itself.
fn place_of_word(predicate: &Located<Predicate>, word: &str, findings: &Findings<'_>) -> Span {
    let text = predicate.source();
    let is_inner = |character: char| character.is_alphanumeric() || character == '_';
    let alone = text.match_indices(word).find(|(start, _)| {
        !text[..*start].ends_with(is_inner) && !text[start + word.len()..].starts_with(is_inner)
    });
    alone.map_or(predicate.span, |(start, _)| {
        place(predicate, start, word.len(), findings)
    })
}
