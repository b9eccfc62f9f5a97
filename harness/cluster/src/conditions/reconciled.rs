//! When an object of Flux or the Flux Operator has done what was asked of it, for the very revision that was meant.

use super::Verdict;
use crate::kubernetes::{Condition, Object};

/// The annotation that asks a controller to reconcile now; its value comes back in `status.lastHandledReconcileAt`.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// How many hex digits of a commit a chart version carries in its build metadata.
const CHART_COMMIT_DIGITS: usize = 12;

/// Whether the object is reconciled: its controller has seen the latest generation and the latest request, is neither
/// busy nor stalled, says Ready, and has done all that for `revision` where one is asked for.
///
/// A revision is written as Flux writes it (`dev@sha1:<40 hex>`), as the bare commit, or as a chart version.
#[must_use]
pub fn reconciled(object: &Object, revision: Option<&str>) -> Verdict {
    if is_static(object) {
        return Verdict::Met;
    }
    attended(object)
        .and_then(|| observed(object))
        .and_then(|| not_stalled(object, revision))
        .and_then(|| settled(object))
        .and_then(|| match revision {
            Some(revision) => at_revision(object, revision),
            None => Verdict::Met,
        })
}

/// Whether the controller has tried and failed: it has handled the latest request and generation, and says Ready=False
/// for `revision` where one is asked for.
#[must_use]
pub fn reconcile_failed(object: &Object, revision: Option<&str>) -> Verdict {
    let Some(ready) = object.condition("Ready") else {
        return attended(object).and_then(|| Verdict::not_yet("no Ready condition"));
    };
    attended(object).and_then(|| {
        if ready.observed_generation.is_some() && ready.observed_generation != object.generation() {
            return Verdict::not_yet(format!("{ready} (of an older generation)"));
        }
        if ready.status != "False" || ready.reason == "Progressing" {
            return Verdict::not_yet(ready.to_string());
        }
        match (revision, attempted_revision(object)) {
            (Some(revision), Some(attempted)) if !same_revision(attempted, revision) => Verdict::not_yet(
                format!("failed at revision {attempted}, not yet tried {revision}: {ready}"),
            ),
            _ => Verdict::Met,
        }
    })
}

/// The revision that the object shows as its own: of the artifact it made, or of what it applied last.
#[must_use]
pub fn current_revision(object: &Object) -> Option<&str> {
    [
        "/status/artifact/revision",
        "/status/lastAppliedRevision",
        "/status/history/0/chartVersion",
    ]
    .iter()
    .find_map(|pointer| object.text_at(pointer))
}

fn attempted_revision(object: &Object) -> Option<&str> {
    object
        .text_at("/status/lastAttemptedRevision")
        .filter(|revision| !revision.is_empty())
}

/// Whether two ways of writing a revision mean the same: `dev@sha1:<hex>`, the bare `<hex>`, `1.2.3+<12 hex>`.
#[must_use]
pub fn same_revision(shown: &str, asked: &str) -> bool {
    if shown == asked {
        return true;
    }
    // A branch on both sides must be the same branch.
    if let (Some((shown_branch, _)), Some((asked_branch, _))) = (shown.split_once('@'), asked.split_once('@'))
        && shown_branch != asked_branch
    {
        return false;
    }
    let (shown_digest, asked_digest) = (digest(shown), digest(asked));
    if shown_digest.is_some() && shown_digest == asked_digest {
        return true;
    }
    match (shown.split_once('+'), asked_digest) {
        (Some((_, metadata)), Some(commit)) => {
            let short = metadata.split('.').next().unwrap_or_default();
            short.len() >= CHART_COMMIT_DIGITS && commit.starts_with(short)
        }
        _ => false,
    }
}

/// The hex digits of a revision, without branch and algorithm.
fn digest(revision: &str) -> Option<&str> {
    let digest = revision.rsplit([':', '/', '@']).next()?;
    (digest.len() >= 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digest)
}

/// Alerts and providers have no status: they are as they are written.
fn is_static(object: &Object) -> bool {
    let kind = object.kind();
    kind.group.as_deref() == Some("notification.toolkit.fluxcd.io")
        && matches!(kind.kind.as_str(), "Alert" | "Provider")
        && object.at("/status/conditions").is_none()
}

/// The controller will look at the object, and has handled the latest request.
fn attended(object: &Object) -> Verdict {
    if object.is_terminating() {
        return Verdict::not_yet("being deleted");
    }
    if object.at("/spec/suspend").and_then(serde_json::Value::as_bool) == Some(true) {
        return Verdict::Never("suspended: nothing is reconciled until it is resumed".into());
    }
    if object.annotation("fluxcd.controlplane.io/reconcile") == Some("disabled") {
        return Verdict::Never("its reconciliation is disabled by annotation".into());
    }
    match (
        object.annotation(REQUESTED_AT),
        object.text_at("/status/lastHandledReconcileAt"),
    ) {
        (Some(requested), handled) if handled != Some(requested) => Verdict::not_yet(format!(
            "the reconcile request is not handled yet: {}",
            object.summary()
        )),
        _ => Verdict::Met,
    }
}

fn observed(object: &Object) -> Verdict {
    let of_status = object.number_at("/status/observedGeneration");
    // The operator's objects note the generation in the Ready condition only.
    let observed = of_status.or_else(|| object.condition("Ready")?.observed_generation);
    match (object.generation(), observed) {
        (Some(generation), Some(observed)) if observed == generation => Verdict::Met,
        (Some(generation), Some(observed)) if observed >= 0 => Verdict::not_yet(format!(
            "generation {observed} is observed, {generation} is asked for: {}",
            object.summary()
        )),
        (Some(_), _) => Verdict::not_yet(format!("not observed yet: {}", object.summary())),
        (None, _) => Verdict::Met,
    }
}

/// Stalled means that only a change of the spec or of the source helps: it is final unless a newer revision is meant.
fn not_stalled(object: &Object, revision: Option<&str>) -> Verdict {
    let Some(stalled) = object.condition("Stalled").filter(|stalled| stalled.holds()) else {
        return Verdict::Met;
    };
    let tried = attempted_revision(object).or_else(|| current_revision(object));
    match (revision, tried) {
        (Some(revision), Some(tried)) if same_revision(tried, revision) => {
            Verdict::Never(with_reason(object, &stalled))
        }
        (Some(_), _) => Verdict::not_yet(with_reason(object, &stalled)),
        (None, _) => Verdict::Never(with_reason(object, &stalled)),
    }
}

/// A condition, followed by why the object is not Ready where that says more.
fn with_reason(object: &Object, condition: &Condition<'_>) -> String {
    match object.condition("Ready").filter(|ready| ready.status == "False") {
        Some(ready) if !condition.message.contains(ready.message) => format!("{condition}; {ready}"),
        _ => condition.to_string(),
    }
}

fn settled(object: &Object) -> Verdict {
    if let Some(reconciling) = object
        .condition("Reconciling")
        .filter(|reconciling| reconciling.holds())
    {
        return Verdict::not_yet(with_reason(object, &reconciling));
    }
    match object.condition("Ready") {
        Some(ready) if ready.holds() => match (ready.observed_generation, object.generation()) {
            (Some(observed), Some(generation)) if observed != generation => {
                Verdict::not_yet(format!("{ready} (of generation {observed}, not {generation})"))
            }
            _ => Verdict::Met,
        },
        Some(ready) => Verdict::not_yet(ready.to_string()),
        None => Verdict::not_yet("no Ready condition"),
    }
}

fn at_revision(object: &Object, revision: &str) -> Verdict {
    // A chart built from Git shows the version as its revision, and the commit beside it.
    let shown = [
        current_revision(object),
        object.text_at("/status/observedSourceArtifactRevision"),
    ];
    if shown.iter().flatten().any(|shown| same_revision(shown, revision)) {
        return Verdict::Met;
    }
    match shown[0] {
        Some(shown) => Verdict::not_yet(format!("ready at {shown}, waiting for {revision}")),
        None => Verdict::not_yet(format!("ready without a revision, waiting for {revision}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffff";

    fn revision(commit: &str) -> String {
        format!("dev@sha1:{commit}")
    }

    fn kustomization() -> Value {
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "ledger", "namespace": "flux-system", "generation": 3,
                "annotations": {"reconcile.fluxcd.io/requestedAt": "7"}},
            "spec": {"prune": true, "interval": "5m"},
            "status": {
                "observedGeneration": 3, "lastHandledReconcileAt": "7",
                "lastAppliedRevision": revision(COMMIT), "lastAttemptedRevision": revision(COMMIT),
                "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
                    "message": format!("Applied revision: {}", revision(COMMIT)), "observedGeneration": 3}],
            },
        })
    }

    fn changed(pointer: &str, value: Value) -> Object {
        let mut object = kustomization();
        match object.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => {
                let (parent, field) = pointer.rsplit_once('/').unwrap();
                object.pointer_mut(parent).unwrap()[field] = value;
            }
        }
        object.into()
    }

    fn conditions(list: Value) -> Object {
        changed("/status/conditions", list)
    }

    fn assert_not_yet(object: &Object, revision: Option<&str>, words: &str) {
        match reconciled(object, revision) {
            Verdict::NotYet(seen) => assert!(seen.contains(words), "{seen}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_settled_kustomization_at_the_pushed_revision_is_reconciled() {
        let object = Object::from(kustomization());
        assert_eq!(reconciled(&object, None), Verdict::Met);
        assert_eq!(reconciled(&object, Some(&revision(COMMIT))), Verdict::Met);
        assert_eq!(reconciled(&object, Some(COMMIT)), Verdict::Met);
    }

    #[test]
    fn another_revision_is_not_yet_and_both_are_named() {
        let object = Object::from(kustomization());
        assert_not_yet(&object, Some(OTHER), OTHER);
        assert_not_yet(&object, Some(OTHER), COMMIT);
        assert_not_yet(
            &object,
            Some(&format!("master@sha1:{COMMIT}")),
            "waiting for master@",
        );
    }

    #[test]
    fn an_older_generation_or_an_unhandled_request_is_not_yet() {
        assert_not_yet(
            &changed("/status/observedGeneration", json!(2)),
            None,
            "generation 2 is observed",
        );
        assert_not_yet(
            &changed("/status/observedGeneration", json!(-1)),
            None,
            "not observed yet",
        );
        assert_not_yet(
            &changed("/status/lastHandledReconcileAt", json!("6")),
            None,
            "not handled",
        );
        assert_not_yet(&changed("/status", json!({})), None, "not handled");
    }

    #[test]
    fn a_ready_condition_of_an_older_generation_is_stale() {
        let object = conditions(json!([{"type": "Ready", "status": "True", "observedGeneration": 2}]));
        assert_not_yet(&object, None, "of generation 2");
    }

    #[test]
    fn busy_and_failing_are_not_yet_with_their_words() {
        let busy = json!([
            {"type": "Ready", "status": "True"},
            {"type": "Reconciling", "status": "True", "reason": "Progressing", "message": "building"},
        ]);
        assert_not_yet(&conditions(busy), None, "building");
        let failing =
            json!([{"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no file"}]);
        assert_not_yet(&conditions(failing), None, "BuildFailed: no file");
        assert_not_yet(&conditions(json!([])), None, "no Ready condition");
    }

    #[test]
    fn suspended_is_never() {
        let object = changed("/spec/suspend", json!(true));
        assert!(matches!(reconciled(&object, None), Verdict::Never(reason) if reason.contains("suspended")));
    }

    #[test]
    fn being_deleted_is_not_reconciled() {
        let object = changed("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"));
        assert_not_yet(&object, None, "being deleted");
    }

    #[test]
    fn stalled_is_final_only_for_the_revision_that_was_tried() {
        let object = conditions(json!([
            {"type": "Stalled", "status": "True", "reason": "InvalidPath", "message": "no such path"},
            {"type": "Ready", "status": "False"},
        ]));
        assert!(
            matches!(reconciled(&object, None), Verdict::Never(reason) if reason.contains("InvalidPath"))
        );
        assert!(matches!(reconciled(&object, Some(COMMIT)), Verdict::Never(_)));
        assert_not_yet(&object, Some(OTHER), "no such path");
    }

    #[test]
    fn failure_counts_for_the_revision_that_was_tried() {
        let mut object = kustomization();
        object["status"]["conditions"] =
            json!([{"type": "Ready", "status": "False", "reason": "BuildFailed", "observedGeneration": 3}]);
        object["status"]["observedGeneration"] = json!(2);
        let object = Object::from(object);
        assert_eq!(reconcile_failed(&object, Some(COMMIT)), Verdict::Met);
        assert!(!reconcile_failed(&object, Some(OTHER)).is_met());
        assert!(!reconcile_failed(&Object::from(kustomization()), None).is_met());
        let progressing = conditions(json!([{"type": "Ready", "status": "False", "reason": "Progressing"}]));
        assert!(!reconcile_failed(&progressing, None).is_met());
    }

    #[test]
    fn a_source_is_judged_by_its_artifact() {
        let object = Object::from(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "k8s-ledger", "generation": 1},
            "status": {"observedGeneration": 1, "artifact": {"revision": revision(COMMIT)},
                "conditions": [{"type": "Ready", "status": "True"},
                    {"type": "ArtifactInStorage", "status": "True"}]},
        }));
        assert_eq!(reconciled(&object, Some(COMMIT)), Verdict::Met);
        assert_not_yet(&object, Some(OTHER), "waiting for");
    }

    #[test]
    fn charts_and_releases_built_from_git_carry_the_commit_in_their_version() {
        let release = Object::from(json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "ledger", "generation": 2},
            "status": {"observedGeneration": 2, "lastAttemptedRevision": "0.1.0+0123456789ab",
                "history": [{"chartVersion": "0.1.0+0123456789ab", "status": "deployed"}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "UpgradeSucceeded"},
                    {"type": "Released", "status": "True"}]},
        }));
        assert_eq!(reconciled(&release, Some(&revision(COMMIT))), Verdict::Met);
        assert_eq!(reconciled(&release, Some("0.1.0+0123456789ab")), Verdict::Met);
        assert_not_yet(&release, Some(OTHER), "0.1.0");
        let chart = Object::from(json!({
            "kind": "HelmChart", "metadata": {"generation": 1},
            "status": {"observedGeneration": 1, "artifact": {"revision": "0.1.0"},
                "observedSourceArtifactRevision": revision(COMMIT),
                "conditions": [{"type": "Ready", "status": "True"}]},
        }));
        assert_eq!(reconciled(&chart, Some(COMMIT)), Verdict::Met);
    }

    #[test]
    fn a_flux_instance_is_observed_through_its_ready_condition() {
        let mut instance = json!({
            "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance",
            "metadata": {"name": "flux", "namespace": "flux-system", "generation": 2},
            "status": {"lastAppliedRevision": "v2.9.2@sha256:abc", "conditions": [
                {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "observedGeneration": 2}]},
        });
        assert_eq!(reconciled(&instance.clone().into(), None), Verdict::Met);
        instance["metadata"]["generation"] = json!(3);
        assert_not_yet(&instance.into(), None, "generation 2 is observed, 3 is asked for");
    }

    #[test]
    fn alerts_and_providers_have_no_status_to_wait_for() {
        let alert = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert",
            "metadata": {"name": "a", "generation": 1}});
        assert_eq!(reconciled(&alert.into(), None), Verdict::Met);
    }

    #[test]
    fn revisions_are_compared_by_meaning() {
        let full = revision(COMMIT);
        for (shown, asked, same) in [
            (full.as_str(), full.as_str(), true),
            (full.as_str(), COMMIT, true),
            (full.as_str(), &format!("master@sha1:{COMMIT}"), false),
            (
                "refs/heads/dev@sha1:0123456789abcdef0123456789abcdef01234567",
                COMMIT,
                true,
            ),
            ("1.2.3", "1.2.3", true),
            ("1.2.3", "1.2.4", false),
            ("1.2.3+0123456789ab.1", full.as_str(), true),
            ("1.2.3+0", full.as_str(), false),
            ("", COMMIT, false),
        ] {
            assert_eq!(same_revision(shown, asked), same, "{shown} {asked}");
        }
    }
}
