//! Rules for a scenario that writes on clusters that others live on: it keeps to its own namespace, and that can be read from it.

use super::{Findings, look};
use crate::{Scenario, ScenarioStep, Step, steps::Manifests};
use serde_json::{Map, Value};

/// How steps write the namespace that is made for the scenario.
const OWN: &str = "${namespace}";

pub(super) fn check(scenario: &Scenario, findings: &mut Findings<'_>) {
    let Some(writes) = &scenario.writes else {
        return;
    };
    if scenario.given.is_none() {
        findings.note(
            writes.span,
            "`writes` says what a scenario does on an existing cluster, and without `given` it is never run there",
            "add `given: []`, or what clusters of ours need first",
        );
        return;
    }
    for step in scenario.steps.iter().chain(&scenario.finally) {
        check_step(step, findings);
    }
    if !scenario.steps.iter().any(|step| is_write(&step.step)) {
        findings.note(
            writes.span,
            "nothing is written here: no step changes anything",
            "leave `writes` out: a scenario with `given` looks",
        );
    }
    let cannot = |findings: &mut Findings<'_>, span, field: &str, help: &str| {
        let message = format!("a scenario with `writes` is for existing clusters too, and `{field}` is not");
        findings.note(span, message, help);
    };
    if let Some(provides) = &scenario.provides {
        cannot(
            findings,
            provides.span,
            "provides",
            "leave out `provides`, or `given` and `writes`",
        );
    }
    if let Some(cluster) = scenario.clusters.values().next() {
        cannot(
            findings,
            cluster.span,
            "clusters",
            "leave out `clusters`, or `given` and `writes`",
        );
    }
    if !scenario.secrets.is_empty() {
        cannot(
            findings,
            scenario.claim.span,
            "secrets",
            "leave out `secrets`, or `given` and `writes`",
        );
    }
    if scenario.uses_registry() {
        cannot(
            findings,
            scenario.claim.span,
            "${registry}",
            "read the registry's name from the FluxInstance, or leave out `given` and `writes`",
        );
    }
}

const fn is_write(step: &Step) -> bool {
    matches!(
        step,
        Step::Apply(_) | Step::Patch(_) | Step::Scale(_) | Step::Annotate(_) | Step::Delete(_)
    )
}

/// A step that looks, or that writes in the namespace of the scenario.
fn check_step(step: &ScenarioStep, findings: &mut Findings<'_>) {
    let object = match &step.step {
        Step::Apply(apply) => {
            let manifests = match &apply.manifests {
                Manifests::Here(manifest) => std::slice::from_ref(&manifest.value),
                Manifests::File { objects, .. } => objects,
            };
            for manifest in manifests
                .iter()
                .filter(|manifest| namespace(manifest) != Some(OWN))
            {
                refuse(step, &name_of(manifest), findings);
            }
            return;
        }
        Step::Patch(patch) => &patch.object,
        Step::Scale(scale) => &scale.object,
        Step::Annotate(annotate) => &annotate.object,
        Step::Delete(delete) => &delete.object,
        Step::Expect(expect) => {
            look::check_kind(step, findings);
            return look::check_subject(step, &expect.subject, findings);
        }
        Step::Read(_) => return look::check_kind(step, findings),
        Step::Snapshot(_) | Step::Compare(_) => return,
        other => {
            findings.at(step).note(
                step.span,
                format!("`{}` is not for existing clusters", other.verb()),
                "beside `expect`, `read`, `snapshot` and `compare`, what writes there is `apply`, `patch`, `scale`, `annotate` and \
                 `delete`; other steps may stand in `given`",
            );
            return;
        }
    };
    if object.namespace.as_deref() != Some(OWN) {
        refuse(step, &object.to_string(), findings);
    }
}

fn refuse(step: &ScenarioStep, what: &str, findings: &mut Findings<'_>) {
    findings.at(step).note(
        step.span,
        format!("`{}` of `{what}` is not in `${{namespace}}`, and on an existing cluster nothing else is written", step.verb()),
        "write `Kind ${namespace}/name`, in a manifest `namespace: ${namespace}`; on clusters of ours `given` may do more",
    );
}

fn namespace(manifest: &Map<String, Value>) -> Option<&str> {
    manifest.get("metadata")?.get("namespace")?.as_str()
}

fn name_of(manifest: &Map<String, Value>) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
    let metadata = manifest.get("metadata");
    let name = text(metadata.and_then(|metadata| metadata.get("name")));
    match namespace(manifest) {
        Some(namespace) => format!("{} {namespace}/{name}", text(manifest.get("kind"))),
        None => format!("{} {name}", text(manifest.get("kind"))),
    }
}
