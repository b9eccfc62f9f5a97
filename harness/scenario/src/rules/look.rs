//! Rules for a scenario that only looks: what it does it may do on a cluster that others live on.

use super::Findings;
use crate::{
    ObjectKind, Scenario, ScenarioStep, Step,
    steps::{ReadSubject, Subject},
};

pub(super) fn check(scenario: &Scenario, findings: &mut Findings<'_>) {
    if !scenario.only_looks() {
        return;
    }
    for step in &scenario.steps {
        check_step(step, findings);
        check_kind(step, findings);
    }
    if let Some(first) = scenario.finally.first() {
        findings.at(first).note(
            first.span,
            "a scenario with `given` only looks, so at its end there is nothing to do",
            "leave `finally` out: what `given` brings on board leaves by itself",
        );
    }
    let claim = scenario.claim.span;
    let cannot = |findings: &mut Findings<'_>, span, field| {
        findings.note(
            span,
            format!("a scenario with `given` only looks, and `{field}` is for those that do more"),
            format!("leave `{field}` out, or `given`"),
        );
    };
    if let Some(provides) = &scenario.provides {
        cannot(findings, provides.span, "provides");
    }
    if let Some(cluster) = scenario.clusters.values().next() {
        cannot(findings, cluster.span, "clusters");
    }
    if !scenario.secrets.is_empty() {
        cannot(findings, claim, "secrets");
    }
    if scenario.uses_registry() {
        findings.note(
            claim,
            "a scenario with `given` only looks, and `${registry}` is not the registry of an existing cluster",
            "read the registry's name from the FluxInstance, or leave out `given`",
        );
    }
    if scenario.uses_namespace() {
        findings.note(
            claim,
            "a scenario with `given` only looks, and `${namespace}` would be made for it",
            "name the namespace that it looks at, or leave out `given`",
        );
    }
}

/// What is in Secrets is for nobody to see: waits watch all objects of a kind.
pub(super) fn check_kind(step: &ScenarioStep, findings: &mut Findings<'_>) {
    if let Some(kind) = kind_of(&step.step).filter(|kind| kind.kind == "Secret") {
        findings.at(step).note(
            step.span,
            format!("a look at a `{kind}` could show what is in it, and on an existing cluster that is real"),
            "look at what uses it, such as a condition of the object that names it",
        );
    }
}

/// The kind that a step looks at.
fn kind_of(step: &Step) -> Option<&ObjectKind> {
    match step {
        Step::Read(read) => Some(match &read.subject {
            ReadSubject::Field { object, .. } => &object.kind,
            ReadSubject::Objects(chosen) => &chosen.kind,
        }),
        Step::Expect(expect) => match &expect.subject {
            Subject::Object(object) => Some(&object.kind),
            Subject::Objects(chosen) | Subject::Every(chosen) => Some(&chosen.kind),
            _ => None,
        },
        _ => None,
    }
}

/// A step that makes, changes or asks for nothing.
fn check_step(step: &ScenarioStep, findings: &mut Findings<'_>) {
    match &step.step {
        Step::Read(_) => {}
        Step::Expect(expect) => check_subject(step, &expect.subject, findings),
        other => findings.at(step).note(
            step.span,
            format!("a scenario with `given` only looks, and `{}` does more than that", other.verb()),
            "such a step may stand in `given`, which is for clusters of ours; the steps of a look are `expect` and `read`; \
             those that write in `${namespace}` alone may beside them with `writes: own-namespace`",
        ),
    }
}

/// What an expectation is about that can be met where nothing is ours.
pub(super) fn check_subject(step: &ScenarioStep, subject: &Subject, findings: &mut Findings<'_>) {
    let subject = match subject {
        Subject::Object(_) | Subject::Objects(_) | Subject::Every(_) | Subject::Outputs => return,
        Subject::Webhook(_) => "webhook",
        Subject::Egress => "egress",
        Subject::Event(_) => "event",
        Subject::Log(_) => "log",
    };
    findings.at(step).note(
        step.span,
        format!("`{subject}` cannot be looked at on an existing cluster"),
        "look at `object`, `objects` or `every`, or leave out `given`",
    );
}
