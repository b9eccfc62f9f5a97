//! Rules against expectations that prove nothing: met before the step that they are about, said twice, or met by everything.

use super::Findings;
use crate::{
    ObjectReference, ScenarioStep, Span, Step, decode,
    document::Node,
    steps::{Condition, Expect, Subject},
};
use serde_json::{Map, Value, json};

pub(super) fn check(steps: &[ScenarioStep], findings: &mut Findings<'_>) {
    check_repetitions(steps, findings);
    check_waits(steps, findings);
    for step in steps {
        if let Step::Expect(expect) = &step.step
            && let Condition::Matches(part) = &expect.condition
            && is_trivial(part, &expect.subject)
        {
            findings.at(step).note(
                condition_span(step),
                "every such object matches this",
                "give at least one field a value that only the right object has",
            );
        }
    }
}

/// What a step does to what later ones see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It only looks.
    None,
    /// It changes a repository, and nothing on the cluster until Flux has fetched it.
    Repository,
    /// It may change anything.
    Anything,
}

fn effect(step: &ScenarioStep) -> Effect {
    match step.verb() {
        "expect" | "compare" | "verify" | "snapshot" | "read" => Effect::None,
        "commit" | "revert" | "merge" | "tag" | "branch" => Effect::Repository,
        _ => Effect::Anything,
    }
}

/// The same expectation twice, with nothing between that could have changed the answer.
fn check_repetitions(steps: &[ScenarioStep], findings: &mut Findings<'_>) {
    let mut since: Vec<&ScenarioStep> = Vec::new();
    for step in steps {
        if effect(step) != Effect::None {
            since.clear();
        }
        let Step::Expect(expect) = &step.step else {
            continue;
        };
        if expect.holds.is_none()
            && let Some(first) = since
                .iter()
                .find(|first| first.cluster == step.cluster && expects_the_same(&first.node, &step.node))
        {
            let message = "the same expectation again, with no step between that could change the answer";
            let diagnostic = findings
                .at(step)
                .diagnostic(step.span, message)
                .with_related(&first.source, first.span, "it is met here already")
                .with_help("leave it out, or give it `holds`");
            findings.diagnostics.push(diagnostic);
        }
        since.push(step);
    }
}

/// Whether two steps are written the same way but for times, reasons and names.
fn expects_the_same(one: &Node, other: &Node) -> bool {
    let essence = |node: &Node| {
        let mut step: Value = decode::from_node(node).ok()?;
        let fields = step.as_object_mut()?;
        fields.remove("name");
        for verb in fields.values_mut().filter_map(Value::as_object_mut) {
            verb.retain(|field, _| !["within", "holds", "because"].contains(&field.as_str()));
        }
        Some(step)
    };
    matches!((essence(one), essence(other)), (Some(one), Some(other)) if one == other)
}

/// Behind a change of a repository, a Flux object is Ready from before until Flux has seen the change.
fn check_waits(steps: &[ScenarioStep], findings: &mut Findings<'_>) {
    let mut change: Option<&ScenarioStep> = None;
    for step in steps {
        match effect(step) {
            Effect::Repository => change = Some(step),
            Effect::Anything => change = None,
            Effect::None => {}
        }
        if let (Some(change), Step::Expect(expect)) = (change, &step.step)
            && let Some(object) = waits_for_ready(expect)
        {
            let message = format!(
                "this was true before the `{}` and may be met at once",
                change.verb()
            );
            let help = format!(
                "put `reconcile: {object}` before it, or compare the revision in `object.status` with the output of `{}`",
                change.verb()
            );
            let diagnostic = findings
                .at(step)
                .diagnostic(condition_span(step), message)
                .with_related(
                    &change.source,
                    change.span,
                    "Flux need not have seen this change yet",
                )
                .with_help(help);
            findings.diagnostics.push(diagnostic);
        }
    }
}

/// The Flux object that an expectation only wants to be Ready, without saying at which revision.
fn waits_for_ready(expect: &Expect) -> Option<&ObjectReference> {
    let (Subject::Object(object), None) = (&expect.subject, &expect.holds) else {
        return None;
    };
    if !is_reconciled(object) {
        return None;
    }
    let is_met = match &expect.condition {
        // It is true of an object of which nothing is known but that it is Ready, and not without that.
        Condition::That(predicate) => {
            let is_true = |conditions: Value| {
                let variables = json!({"object": ready(object, conditions)});
                variables
                    .as_object()
                    .is_some_and(|variables| predicate.evaluate(variables) == Ok(true))
            };
            !is_true(json!([])) && REASONS.iter().any(|reason| is_true(conditions(reason)))
        }
        Condition::Matches(part) => {
            part.len() == 1
                && part
                    .get("status")
                    .and_then(Value::as_object)
                    .is_some_and(|status| {
                        status.keys().all(|key| key == "conditions")
                            && Value::Object(status.clone())
                                .pointer("/conditions/0/status")
                                .is_some_and(|status| status == "True")
                    })
        }
        _ => false,
    };
    is_met.then_some(object)
}

/// Why Flux objects are Ready.
const REASONS: [&str; 5] = [
    "ReconciliationSucceeded",
    "Succeeded",
    "UpgradeSucceeded",
    "InstallSucceeded",
    "ChartPullSucceeded",
];

fn conditions(reason: &str) -> Value {
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2020-01-01T00:00:00Z",
        })
    };
    json!(["Ready", "Released", "ArtifactInStorage"].map(condition))
}

fn ready(object: &ObjectReference, conditions: Value) -> Value {
    json!({
        "kind": object.kind.kind,
        "metadata": {"name": object.name, "namespace": object.namespace, "generation": 1},
        "status": {"observedGeneration": 1, "conditions": conditions},
    })
}

/// Kinds that Flux and its operator reconcile from somewhere else.
fn is_reconciled(object: &ObjectReference) -> bool {
    const KINDS: [&str; 11] = [
        "Bucket",
        "FluxInstance",
        "GitRepository",
        "HelmChart",
        "HelmRelease",
        "HelmRepository",
        "ImagePolicy",
        "ImageRepository",
        "Kustomization",
        "OCIRepository",
        "ResourceSet",
    ];
    let kind = &object.kind;
    let in_group = kind
        .group_version
        .as_ref()
        .is_none_or(|(group, _)| group.ends_with("fluxcd.io") || group.ends_with("fluxcd.controlplane.io"));
    in_group && KINDS.contains(&kind.kind.as_str())
}

/// Whether a part has nothing in it but empty mappings and what the subject's name says already.
fn is_trivial(part: &Map<String, Value>, subject: &Subject) -> bool {
    part.iter()
        .all(|(key, value)| match (key.as_str(), value, subject) {
            ("metadata", Value::Object(metadata), Subject::Object(object)) => {
                metadata.iter().all(|(key, value)| match key.as_str() {
                    "name" => *value == object.name.as_str(),
                    "namespace" => value.as_str() == object.namespace.as_deref(),
                    _ => is_empty(value),
                })
            }
            ("kind", value, Subject::Object(object)) => *value == object.kind.kind.as_str(),
            (_, value, _) => is_empty(value),
        })
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Object(fields) if fields.values().all(is_empty))
}

/// The place of what an expectation wants.
fn condition_span(step: &ScenarioStep) -> Span {
    let fields = step.node.entry(step.verb()).map(|entry| &entry.value);
    let entry = |key| fields.and_then(|fields| fields.entry(key));
    match (entry("that"), entry("matches")) {
        (Some(that), _) => that.value.span,
        (None, Some(matches)) => matches.key_span,
        (None, None) => step.span,
    }
}
