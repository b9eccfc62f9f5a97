//! When objects of Kubernetes' own kinds are as far as they should be.

use super::{Verdict, reconciled};
use crate::kubernetes::Object;

/// Whether the object is ready, in the sense of its kind: a workload is rolled out, a namespace is active, a
/// CustomResourceDefinition is served, a Flux object is reconciled. A kind that has no such notion is ready at once.
#[must_use]
pub fn ready(object: &Object) -> Verdict {
    let kind = object.kind();
    let group = kind.group.as_deref().unwrap_or_default();
    if group.ends_with(".toolkit.fluxcd.io") || group == "fluxcd.controlplane.io" {
        return reconciled(object, None);
    }
    if object.is_terminating() {
        return Verdict::not_yet("being deleted");
    }
    match (group, kind.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") => rolled_out(object),
        ("batch", "Job") => completed(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => established(object),
        ("", "Namespace") => phase(object, "Active"),
        ("", "Pod") => running(object),
        _ => match object.condition("Ready") {
            Some(ready) if !ready.holds() => Verdict::not_yet(ready.to_string()),
            _ => Verdict::Met,
        },
    }
}

/// Whether all replicas of a workload are of its latest template and available, and none is left of an older one.
#[must_use]
pub fn rolled_out(object: &Object) -> Verdict {
    let count = |pointer: &str| object.number_at(pointer).unwrap_or(0);
    let generation = object.generation().unwrap_or(0);
    if count("/status/observedGeneration") < generation {
        return Verdict::not_yet(format!("generation {generation} is not observed yet"));
    }
    let stuck = object
        .condition("Progressing")
        .filter(|progress| progress.reason == "ProgressDeadlineExceeded");
    if let Some(stuck) = stuck {
        return Verdict::Never(stuck.to_string());
    }
    let (wanted, updated, available, present) = match object.kind().kind.as_str() {
        "DaemonSet" => (
            count("/status/desiredNumberScheduled"),
            count("/status/updatedNumberScheduled"),
            count("/status/numberAvailable"),
            count("/status/currentNumberScheduled"),
        ),
        "ReplicaSet" => {
            let present = count("/status/replicas");
            (
                wanted_replicas(object),
                present,
                count("/status/availableReplicas"),
                present,
            )
        }
        _ => (
            wanted_replicas(object),
            count("/status/updatedReplicas"),
            count("/status/availableReplicas"),
            count("/status/replicas"),
        ),
    };
    if updated == wanted && available == wanted && present == wanted {
        return Verdict::Met;
    }
    let mut seen =
        format!("{available} of {wanted} replicas available, {updated} updated, {present} present");
    if let Some(trouble) = object.conditions().find(|condition| {
        condition.kind == "ReplicaFailure" && condition.holds()
            || condition.kind == "Available" && !condition.holds()
    }) {
        seen.push_str("; ");
        seen.push_str(&trouble.to_string());
    }
    Verdict::NotYet(seen)
}

fn wanted_replicas(object: &Object) -> i64 {
    object.number_at("/spec/replicas").unwrap_or(1)
}

/// Whether a Job is complete; one that has failed never will be.
#[must_use]
pub fn completed(object: &Object) -> Verdict {
    if let Some(failed) = object.condition("Failed").filter(|failed| failed.holds()) {
        return Verdict::Never(failed.to_string());
    }
    match object.condition("Complete") {
        Some(complete) if complete.holds() => Verdict::Met,
        _ => Verdict::not_yet(object.summary()),
    }
}

/// Whether a CustomResourceDefinition is accepted and served.
#[must_use]
pub fn established(object: &Object) -> Verdict {
    if let Some(refused) = object
        .condition("NamesAccepted")
        .filter(|accepted| accepted.status == "False")
    {
        return Verdict::Never(refused.to_string());
    }
    match object.condition("Established") {
        Some(established) if established.holds() => Verdict::Met,
        _ => Verdict::not_yet("not established yet"),
    }
}

/// Whether a pod runs and is ready.
#[must_use]
pub fn running(object: &Object) -> Verdict {
    match (object.text_at("/status/phase"), object.condition("Ready")) {
        (Some("Failed" | "Succeeded"), _) => Verdict::Never(object.summary()),
        (Some("Running"), Some(ready)) if ready.holds() => Verdict::Met,
        _ => {
            let waiting = object
                .at("/status/containerStatuses")
                .and_then(serde_json::Value::as_array)
                .into_iter()
                .flatten()
                .find_map(|container| container.pointer("/state/waiting/reason")?.as_str());
            Verdict::not_yet(match waiting {
                Some(reason) => format!("{} ({reason})", object.summary()),
                None => object.summary(),
            })
        }
    }
}

fn phase(object: &Object, wanted: &str) -> Verdict {
    match object.text_at("/status/phase") {
        Some(phase) if phase == wanted => Verdict::Met,
        phase => Verdict::not_yet(format!("phase {}", phase.unwrap_or("unknown"))),
    }
}

/// Whether the object is not there any more; says what holds it back while it is.
#[must_use]
pub fn gone(object: Option<&Object>) -> Verdict {
    let Some(object) = object else { return Verdict::Met };
    let finalizers: Vec<&str> = ["/metadata/finalizers", "/spec/finalizers"]
        .iter()
        .filter_map(|pointer| object.at(pointer)?.as_array())
        .flatten()
        .filter_map(serde_json::Value::as_str)
        .collect();
    if !object.is_terminating() {
        return Verdict::not_yet("still there, and nobody has deleted it");
    }
    // A namespace says in its conditions what is left in it.
    let left: Vec<String> = object
        .conditions()
        .filter(|condition| condition.holds() && condition.kind.starts_with("Namespace"))
        .map(|condition| condition.message.to_owned())
        .collect();
    Verdict::NotYet(match (finalizers.as_slice(), left.as_slice()) {
        ([], []) => "being deleted".into(),
        (finalizers, []) => format!("being deleted, held by {}", finalizers.join(", ")),
        (_, left) => format!("being deleted: {}", left.join("; ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn deployment(status: Value) -> Object {
        Object::from(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "ledger", "generation": 2},
            "spec": {"replicas": 2}, "status": status,
        }))
    }

    #[test]
    fn a_deployment_is_rolled_out_when_only_new_replicas_are_left_and_all_are_available() {
        let full =
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(ready(&deployment(full.clone())), Verdict::Met);
        for (field, value, words) in [
            ("observedGeneration", 1, "not observed"),
            ("replicas", 3, "3 present"),
            ("updatedReplicas", 1, "1 updated"),
            ("availableReplicas", 0, "0 of 2"),
        ] {
            let mut status = full.clone();
            status[field] = json!(value);
            let verdict = ready(&deployment(status));
            assert!(
                matches!(&verdict, Verdict::NotYet(seen) if seen.contains(words)),
                "{field}: {verdict:?}"
            );
        }
    }

    #[test]
    fn a_deployment_past_its_deadline_is_never() {
        let verdict = ready(&deployment(json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}]})));
        assert!(matches!(verdict, Verdict::Never(reason) if reason.contains("late")));
    }

    #[test]
    fn scaled_to_nothing_is_rolled_out_only_when_nothing_is_left() {
        let scaled = |present: i64| {
            Object::from(
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1},
                "spec": {"replicas": 0}, "status": {"observedGeneration": 1, "replicas": present}}),
            )
        };
        assert!(ready(&scaled(0)).is_met());
        assert!(!ready(&scaled(1)).is_met());
    }

    #[test]
    fn a_failed_job_never_completes() {
        let job = |kind: &str| {
            Object::from(
                json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [
                {"type": kind, "status": "True", "reason": "BackoffLimitExceeded"}]}}),
            )
        };
        assert_eq!(ready(&job("Complete")), Verdict::Met);
        assert!(matches!(ready(&job("Failed")), Verdict::Never(_)));
        assert!(matches!(ready(&job("Other")), Verdict::NotYet(_)));
    }

    #[test]
    fn definitions_namespaces_and_pods_have_their_own_notion() {
        let established = |kind: &str, status: &str| {
            Object::from(
                json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "status": {"conditions": [{"type": kind, "status": status}]}}),
            )
        };
        assert!(ready(&established("Established", "True")).is_met());
        assert!(matches!(
            ready(&established("NamesAccepted", "False")),
            Verdict::Never(_)
        ));
        assert!(matches!(
            ready(&established("Established", "False")),
            Verdict::NotYet(_)
        ));
        let namespace = |phase: &str| {
            Object::from(json!({"apiVersion": "v1", "kind": "Namespace", "status": {"phase": phase}}))
        };
        assert!(ready(&namespace("Active")).is_met());
        assert!(!ready(&namespace("Terminating")).is_met());
        let pod = Object::from(
            json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Pending",
            "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}),
        );
        assert!(matches!(ready(&pod), Verdict::NotYet(seen) if seen.contains("ImagePullBackOff")));
        let map = Object::from(json!({"apiVersion": "v1", "kind": "ConfigMap"}));
        assert!(ready(&map).is_met());
    }

    #[test]
    fn gone_says_what_holds_an_object_back() {
        assert_eq!(gone(None), Verdict::Met);
        let present = Object::from(json!({"metadata": {}}));
        assert!(gone(Some(&present)).seen().contains("nobody has deleted it"));
        let held = Object::from(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": ["finalizers.fluxcd.io"]}}));
        assert_eq!(
            gone(Some(&held)).seen(),
            "being deleted, held by finalizers.fluxcd.io"
        );
        let namespace = Object::from(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"conditions": [
                {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 instances"}]}}));
        assert_eq!(
            gone(Some(&namespace)).seen(),
            "being deleted: pods. has 1 instances"
        );
    }
}
