//! Kubernetes Events about an object since the scenario began.

use super::{objects::wait, variables};
use crate::{judge, steps::ScenarioState};
use plumbline_cluster::{
    Object, ObjectReference,
    kubernetes::{KindReference, KindSelector},
    watch::{Target, View},
};
use plumbline_flux::VerbError;
use plumbline_scenario::steps::Expect;
use serde_json::Value;

/// One Event that satisfies the condition is enough, unless the condition is about how many there are.
pub(super) async fn about(
    expect: &Expect,
    object: &ObjectReference,
    state: &ScenarioState,
) -> Result<(), VerbError> {
    let variables = variables(state);
    // A further cluster is no older than the scenario.
    let before = match state.platform.name() {
        None => state.before.events(),
        Some(_) => 0,
    };
    let condition = |view: &View| {
        let mut events: Vec<&Object> = view
            .objects()
            .filter(|event| event.version() > before && is_about(event, object))
            .collect();
        events.sort_by_key(|event| event.version());
        let events: Vec<Value> = events.into_iter().map(|event| event.value().clone()).collect();
        judge::any_of(&expect.condition, "event", &events, &variables)
    };
    wait(expect, Target::Set(events_of(object)), &state.look(), condition)
        .await
        .map_err(|error| match error {
            VerbError::Unmet(mut failure) => {
                failure.message = format!("no such Event about {}: {}", object.short(), failure.message);
                VerbError::Unmet(failure)
            }
            fault => fault,
        })
}

/// Events are in the namespace of what they are about; those about objects without one may be anywhere.
fn events_of(object: &ObjectReference) -> KindSelector {
    KindSelector {
        namespace: object.namespace.clone(),
        ..KindSelector::all(KindReference::new("", "v1", "Event"))
    }
}

fn is_about(event: &Object, object: &ObjectReference) -> bool {
    let text = |pointer: &str| event.text_at(pointer).unwrap_or_default();
    let group = text("/involvedObject/apiVersion")
        .rsplit_once('/')
        .map_or("", |(group, _)| group);
    text("/involvedObject/kind") == object.kind.kind
        && text("/involvedObject/name") == object.name
        && text("/involvedObject/namespace") == object.namespace.as_deref().unwrap_or_default()
        && object.kind.group.as_deref().is_none_or(|asked| asked == group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_about_the_very_object() {
        let event = Object::from(json!({"involvedObject": {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "namespace": "flux-system", "name": "drift",
        }}));
        let about = |reference: &str| is_about(&event, &reference.parse().unwrap());
        assert!(about("Kustomization flux-system/drift"));
        assert!(about(
            "kustomize.toolkit.fluxcd.io/v1/Kustomization flux-system/drift"
        ));
        assert!(!about(
            "kustomize.config.k8s.io/v1/Kustomization flux-system/drift"
        ));
        assert!(!about("Kustomization flux-system/other"));
        assert!(!about("Kustomization other/drift"));
        assert!(!about("HelmRelease flux-system/drift"));
    }
}
