//! Steps that change objects by hand, as someone with kubectl would.

use super::{ScenarioState, denial::change};
use crate::{EventLog, secrets};
use plumbline_cluster::{
    Kubernetes, ObjectReference, conditions::Verdict, kubernetes::Propagation, watch::Watches,
};
use plumbline_flux::{Ending, Patience, Platform, VerbError};
use plumbline_scenario::steps::{Annotate, Apply, Change, Delete, Manifests, Patch, Reconciled, Scale};
use serde_json::{Value, json};
use std::slice;

pub(super) const fn ending(expected: Reconciled) -> Ending {
    match expected {
        Reconciled::Ready => Ending::Ready,
        Reconciled::Failed => Ending::Failed,
    }
}

pub(super) async fn suspend(
    object: &ObjectReference,
    suspend: bool,
    platform: &Platform,
) -> Result<(), VerbError> {
    platform
        .kubernetes()
        .merge_patch(object, &json!({"spec": {"suspend": suspend}}))
        .await?;
    Ok(())
}

pub(super) async fn apply(apply: &Apply, state: &mut ScenarioState) -> Result<(), VerbError> {
    for manifest in manifests(apply) {
        state.apply(&manifest, apply.denied.as_ref()).await?;
    }
    Ok(())
}

/// Applies where nothing of it needs to be undone one by one.
pub(super) async fn apply_for_good(
    apply: &Apply,
    kubernetes: &Kubernetes,
    log: &EventLog,
) -> Result<(), VerbError> {
    for manifest in manifests(apply) {
        mask_values(&manifest, log);
        let make = async |kubernetes: &Kubernetes| kubernetes.apply(&manifest).await;
        change(kubernetes, apply.denied.as_ref(), make).await?;
    }
    Ok(())
}

/// What a manifest of a Secret holds is shown nowhere.
pub(super) fn mask_values(manifest: &Value, log: &EventLog) {
    for value in secrets::values_of(manifest) {
        // Too short to be masked is too short to be a secret.
        let _ = log.mask(&value);
    }
}

fn manifests(apply: &Apply) -> impl Iterator<Item = Value> {
    let objects = match &apply.manifests {
        Manifests::Here(manifest) => slice::from_ref(&manifest.value),
        Manifests::File { objects, .. } => objects,
    };
    objects.iter().cloned().map(Value::Object)
}

pub(super) async fn patch(
    patch: &Patch,
    object: &ObjectReference,
    kubernetes: &Kubernetes,
) -> Result<(), VerbError> {
    let make = async |kubernetes: &Kubernetes| match &patch.change {
        Change::Merge(merge) => {
            kubernetes
                .merge_patch(object, &Value::Object(merge.clone()))
                .await
        }
        Change::Json(operations) => {
            kubernetes
                .json_patch(object, &Value::Array(operations.clone()))
                .await
        }
    };
    change(kubernetes, patch.denied.as_ref(), make).await?;
    Ok(())
}

pub(super) async fn scale(
    scale: &Scale,
    object: &ObjectReference,
    kubernetes: &Kubernetes,
) -> Result<(), VerbError> {
    let make = async |kubernetes: &Kubernetes| kubernetes.scale(object, scale.replicas).await;
    change(kubernetes, scale.denied.as_ref(), make).await?;
    Ok(())
}

pub(super) async fn annotate(
    annotate: &Annotate,
    object: &ObjectReference,
    kubernetes: &Kubernetes,
) -> Result<(), VerbError> {
    let make = async |kubernetes: &Kubernetes| kubernetes.annotate(object, &annotate.annotations).await;
    change(kubernetes, annotate.denied.as_ref(), make).await?;
    Ok(())
}

/// Deletes the object and, if asked to, waits until this very object is gone: one that was made anew under its name
/// is another.
pub(super) async fn delete(
    delete: &Delete,
    object: &ObjectReference,
    watches: &Watches,
    patience: Patience<'_>,
) -> Result<(), VerbError> {
    let kubernetes = watches.kubernetes();
    let before = kubernetes.get(object).await?;
    let make = async |kubernetes: &Kubernetes| kubernetes.delete(object, Propagation::Background).await;
    let deleted = change(kubernetes, delete.denied.as_ref(), make).await?;
    if delete.wait && deleted.is_some() {
        let what = format!("{} to be gone", object.short());
        patience
            .wait(watches, object, &what, |view| match view.object() {
                Some(object) if object.uid() == before.uid() => Verdict::NotYet(object.summary()),
                _ => Verdict::Met,
            })
            .await?;
    }
    Ok(())
}
