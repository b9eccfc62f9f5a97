//! Rules for `${…}` in the strings of steps.

use super::{Findings, expression::check_output, steps::Made};
use crate::{
    Diagnostic, Scenario, ScenarioStep, Source, Span,
    constants::reads,
    group::visit_conditions,
    position, suggestion,
    template::{Part, Place, Placeholder, Scope, parts, visit_strings},
};
use std::sync::Arc;

pub(super) fn check(step: &ScenarioStep, scenario: &Scenario, made: &Made<'_>, findings: &mut Findings<'_>) {
    let mut strings = Vec::new();
    visit_strings(&step.node, Place::Step, &mut |span, text| {
        strings.push((span, text))
    });
    for (span, text) in strings {
        check_text(span, text, scenario, made, findings);
    }
    if let Some(file) = &step.objects {
        check_file(&file.source, step, scenario, made, findings);
    }
    check_reads(step, findings);
}

/// The strings of a file that is applied: errors stand in that file.
fn check_file(
    source: &Arc<Source>,
    step: &ScenarioStep,
    scenario: &Scenario,
    made: &Made<'_>,
    findings: &mut Findings<'_>,
) {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut inner = Findings::of_file(source, &mut diagnostics);
    for object in step.applied() {
        let mut strings = Vec::new();
        visit_strings(object, Place::Below, &mut |span, text| strings.push((span, text)));
        for (span, text) in strings {
            check_text(span, text, scenario, made, &mut inner);
        }
    }
    findings.diagnostics.extend(
        diagnostics
            .into_iter()
            .map(|diagnostic| diagnostic.with_related(&step.source, step.span, "it is applied here")),
    );
}

fn check_text(place: Span, text: &str, scenario: &Scenario, made: &Made<'_>, findings: &mut Findings<'_>) {
    for part in parts(text) {
        let Part::Placeholder {
            offset,
            length,
            placeholder,
        } = part
        else {
            continue;
        };
        let span = position::inside(findings.source, place, text, offset, length);
        match placeholder {
            Placeholder::Registry | Placeholder::Namespace => {}
            Placeholder::Output { name, field } => check_output(name, Some(field), span, made, findings),
            Placeholder::Secret(name) if scenario.secrets.contains_key(name) => {}
            Placeholder::Secret(name) => {
                let help = match scenario.secrets.is_empty() {
                    true => format!("give the scenario `secrets: {{{name}: generated}}`"),
                    false => suggestion::instead(name, scenario.secrets.keys().map(String::as_str)),
                };
                findings.note(span, format!("this scenario has no secret `{name}`"), help);
            }
            Placeholder::Constant { scope, name } => {
                let message = format!("`${{{}.{name}}}` is not known in a file", scope.word());
                findings.note(
                    span,
                    message,
                    "write the manifest into the step: `apply: {manifest: …}`",
                );
            }
            Placeholder::Unknown(body) => {
                let help = match suggestion::nearest(body, ["registry", "namespace"]) {
                    Some(nearest) => format!("did you mean `${{{nearest}}}`?"),
                    None => "known are `${registry}`, `${namespace}`, `${outputs.<name>.<field>}`, and `matrix`, `variables`, `parameters` and `secrets` with a name; write `$${` for a literal `${`".to_owned(),
                };
                findings.note(span, format!("unknown variable `${{{body}}}`"), help);
            }
            Placeholder::Unclosed => {
                findings.note(
                    span,
                    "`${` without its `}`",
                    "close it, or write `$${` for a literal `${`",
                );
            }
        }
    }
}

/// What CEL reads may be shown when it is not true: no secret may come in through a parameter.
fn check_reads(step: &ScenarioStep, findings: &mut Findings<'_>) {
    let parameters = Scope::Parameters.word();
    let Some(values) = step
        .constants
        .get(parameters)
        .and_then(|values| values.as_object())
    else {
        return;
    };
    let mut expressions = Vec::new();
    visit_conditions(&step.node, Place::Step, &mut |expression| {
        expressions.push(expression)
    });
    for (name, value) in values {
        let holds_secret = value.to_string().contains("${secrets.");
        if holds_secret
            && expressions
                .iter()
                .any(|expression| reads(expression, parameters, name))
        {
            findings.note(
                step.span,
                format!("CEL cannot read `parameters.{name}`: its value here is a secret"),
                "what CEL reads is shown when it is not true",
            );
        }
    }
}
