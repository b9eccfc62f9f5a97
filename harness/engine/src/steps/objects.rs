//! Steps that change objects by hand, as someone with kubectl would.

use super::{ScenarioState, denial::change};
use plumbline_cluster::{Kubernetes, ObjectReference, conditions::Verdict, kubernetes::Propagation};
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
    let objects = match &apply.manifests {
        Manifests::Here(manifest) => slice::from_ref(&manifest.value),
        Manifests::File { objects, .. } => objects,
    };
    for object in objects {
        let manifest = Value::Object(object.clone());
        state.apply(&manifest, apply.denied.as_ref()).await?;
    }
    Ok(())
}

pub(super) async fn patch(
    patch: &Patch,
    object: &ObjectReference,
    platform: &Platform,
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
    change(platform.kubernetes(), patch.denied.as_ref(), make).await?;
    Ok(())
}

pub(super) async fn scale(
    scale: &Scale,
    object: &ObjectReference,
    platform: &Platform,
) -> Result<(), VerbError> {
    let make = async |kubernetes: &Kubernetes| kubernetes.scale(object, scale.replicas).await;
    change(platform.kubernetes(), scale.denied.as_ref(), make).await?;
    Ok(())
}

pub(super) async fn annotate(
    annotate: &Annotate,
    object: &ObjectReference,
    platform: &Platform,
) -> Result<(), VerbError> {
    let make = async |kubernetes: &Kubernetes| kubernetes.annotate(object, &annotate.annotations).await;
    change(platform.kubernetes(), annotate.denied.as_ref(), make).await?;
    Ok(())
}

/// Deletes the object and, if asked to, waits until this very object is gone: one that was made anew under its name
/// is another.
pub(super) async fn delete(
    delete: &Delete,
    object: &ObjectReference,
    platform: &Platform,
    patience: Patience<'_>,
) -> Result<(), VerbError> {
    let before = platform.kubernetes().get(object).await?;
    let make = async |kubernetes: &Kubernetes| kubernetes.delete(object, Propagation::Background).await;
    let deleted = change(platform.kubernetes(), delete.denied.as_ref(), make).await?;
    if delete.wait && deleted.is_some() {
        let what = format!("{} to be gone", object.short());
        patience
            .wait(platform.watches(), object, &what, |view| match view.object() {
                Some(object) if object.uid() == before.uid() => Verdict::NotYet(object.summary()),
                _ => Verdict::Met,
            })
            .await?;
    }
    Ok(())
}
