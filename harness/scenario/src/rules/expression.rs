//! Rules for CEL: it compiles, reads only what there is, looks at its subject, and what it says of it can be true and can be false.

use super::{Findings, steps::Made};
use crate::{
    Environment, Facts, Flaw, Located, Predicate, Scenario, Span, Type, position,
    steps::Subject,
    suggestion,
    template::{self, Scope},
};
use serde_json::Value;

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
const VARIABLES: [(&str, &str); 7] = [
    ("object", "object"),
    ("objects", "objects"),
    ("payload", "webhook"),
    ("allowed", "egress"),
    ("refused", "egress"),
    ("event", "event"),
    ("line", "log"),
];

pub(super) const OUTPUTS: &str = "outputs";

/// Where an expression stands.
pub(super) struct Place<'place> {
    /// What it may read.
    pub(super) environment: &'place Environment,
    /// What it must read some of, or it can never change.
    pub(super) changing: &'place [&'place str],
    /// Whether it is wanted to become true, or, as under `never`, to stay false.
    pub(super) wanted: bool,
}

pub(super) fn check(
    predicate: &Located<Predicate>,
    place: &Place<'_>,
    made: &Made<'_>,
    findings: &mut Findings<'_>,
) {
    if let Some(error) = predicate.syntax_error() {
        let span = span_of(predicate, error.offset, 1, findings);
        findings.note(
            span,
            format!("not a valid CEL expression: {}", error.message),
            "CEL is described at https://cel.dev",
        );
        return;
    }
    if let Some(offset) = predicate.source().find("${") {
        let span = span_of(predicate, offset, "${".len(), findings);
        findings.note(
            span,
            "`${…}` is not filled in in CEL: this compares with the very characters",
            "CEL reads values by their names, such as `outputs.<name>.<field>`; for a secret use `matches` or `contains` in place of CEL",
        );
    }
    let all_known = check_variables(predicate, place.environment, findings);
    let reads = predicate.variables();
    let can_change = place.changing.iter().any(|name| reads.contains(*name));
    if !can_change && all_known {
        let has_subject = place.changing.len() > 1;
        let subject = place.changing.iter().copied();
        let subject = subject.filter(|name| *name != OUTPUTS || !has_subject);
        findings.note(
            predicate.span,
            "an expectation that looks at nothing: it can never change",
            format!("use {}", suggestion::listed(subject)),
        );
    }
    for (name, field) in predicate.output_reads() {
        let word = field
            .as_deref()
            .filter(|_| made.outputs.contains_key(name.as_str()))
            .unwrap_or(&name);
        let span = span_of_word(predicate, word, findings);
        check_output(&name, field.as_deref(), span, made, findings);
    }
    for flaw in predicate.check(place.environment) {
        note_flaw(predicate, flaw, findings);
    }
    if can_change && all_known {
        for flaw in predicate.vacuities(place.environment, place.wanted) {
            note_flaw(predicate, flaw, findings);
        }
    }
}

/// Whether every variable is known.
fn check_variables(
    predicate: &Located<Predicate>,
    environment: &Environment,
    findings: &mut Findings<'_>,
) -> bool {
    let mut all_known = true;
    for variable in predicate.variables() {
        if environment.get(&variable).is_some() || WORDS.contains(&variable.as_str()) {
            continue;
        }
        all_known = false;
        let span = span_of_word(predicate, &variable, findings);
        let help = match VARIABLES.iter().find(|(name, _)| *name == variable) {
            Some((_, subject)) => {
                format!(
                    "it belongs to the subject `{subject}`; known here are {}",
                    suggestion::listed(environment.names())
                )
            }
            None if variable == "secrets" => {
                "what CEL reads is shown when it is not true: a secret goes only into other strings, as `${secrets.<name>}`".to_owned()
            }
            None => suggestion::instead(&variable, environment.names()),
        };
        findings.note(span, format!("unknown variable `{variable}`"), help);
    }
    all_known
}

fn note_flaw(predicate: &Located<Predicate>, flaw: Flaw, findings: &mut Findings<'_>) {
    let span = span_of(predicate, flaw.offset, flaw.length, findings);
    match flaw.help {
        Some(help) => findings.note(span, flaw.message, help),
        None => findings.note_alone(span, flaw.message),
    }
}

/// What an expectation about this subject may read.
pub(super) fn environment(subject: &Subject, made: &Made<'_>) -> Environment {
    let environment = outside(made);
    match subject {
        Subject::Object(object) => environment.with("object", Type::object(Some(&object.kind))),
        Subject::Objects(selector) => {
            environment.with("objects", Type::list(Type::object(Some(&selector.kind))))
        }
        Subject::Every(selector) => environment.with("object", Type::object(Some(&selector.kind))),
        Subject::Webhook(_) => environment.with("payload", Type::Dynamic),
        Subject::Egress => environment
            .with("allowed", Type::map(Type::Int))
            .with("refused", Type::map(Type::Int)),
        Subject::Event(_) => environment.with("event", event()),
        Subject::Log(_) => environment.with("line", Type::String),
        Subject::Outputs => environment,
    }
}

/// What every expectation may read besides its subject.
pub(super) fn outside(made: &Made<'_>) -> Environment {
    let environment = Environment::default().with(OUTPUTS, outputs(made));
    made.constants
        .iter()
        .fold(environment, |environment, (name, values)| {
            environment.with(name, type_of_constant(values))
        })
}

/// A value that is known only while the scenario runs may be of any type.
fn type_of_constant(value: &Value) -> Type {
    match value {
        Value::String(text) if template::whole(text).is_some() => Type::Dynamic,
        Value::Object(fields) => Type::record(
            fields
                .iter()
                .map(|(name, value)| (name.as_str(), type_of_constant(value))),
        ),
        other => Type::of(other),
    }
}

/// What comes back from a request.
pub(super) fn answer(made: &Made<'_>) -> Environment {
    outside(made)
        .with("status", Type::Int)
        .with("headers", Type::map(Type::String))
        .with("body", Type::Dynamic)
}

/// What comes out of a program.
pub(super) fn finished(made: &Made<'_>) -> Environment {
    outside(made)
        .with("exit", Type::Int)
        .with("stdout", Type::String)
        .with("stderr", Type::String)
}

/// What `when` may read.
pub(super) fn cluster(scenario: &Scenario) -> Environment {
    let constants = [
        (Scope::Matrix, &scenario.matrix),
        (Scope::Variables, &scenario.variables),
    ];
    let facts = Type::of(&Facts::example().to_value());
    let environment = Environment::default().with(Facts::VARIABLE, facts);
    constants
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .fold(environment, |environment, (scope, values)| {
            environment.with(scope.word(), Type::of(&Value::Object(values.clone())))
        })
}

/// An Event of Kubernetes.
fn event() -> Type {
    Type::open_record([
        ("type", Type::String),
        ("reason", Type::String),
        ("message", Type::String),
    ])
}

/// Open, because [`check_output`] has better words for what is missing.
fn outputs(made: &Made<'_>) -> Type {
    Type::open_record(made.outputs.iter().map(|(name, fields)| {
        let fields = fields.iter().map(|field| (*field, type_of_field(field)));
        (*name, Type::open_record(fields))
    }))
}

/// Fields of outputs have the same type in every step, but for `revision`: a hash of Git's or a number of Helm's.
fn type_of_field(field: &str) -> Type {
    match field {
        "exit" | "images" | "copied" | "packages" | "critical" | "high" | "medium" | "low" | "unknown" => {
            Type::Int
        }
        "stdout" | "stderr" | "reference" | "reason" | "log" | "result" | "failed" | "block" => Type::String,
        _ => Type::Dynamic,
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

fn span_of(predicate: &Located<Predicate>, offset: usize, length: usize, findings: &Findings<'_>) -> Span {
    position::inside(
        findings.source,
        predicate.span,
        predicate.source(),
        offset,
        length,
    )
}

/// The first place where the word stands by itself.
fn span_of_word(predicate: &Located<Predicate>, word: &str, findings: &Findings<'_>) -> Span {
    let text = predicate.source();
    let is_inner = |character: char| character.is_alphanumeric() || character == '_';
    let alone = text.match_indices(word).find(|(start, _)| {
        !text[..*start].ends_with(is_inner) && !text[start + word.len()..].starts_with(is_inner)
    });
    alone.map_or(predicate.span, |(start, _)| {
        span_of(predicate, start, word.len(), findings)
    })
}
