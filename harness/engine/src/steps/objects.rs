//! Steps that change objects by hand, as someone with kubectl would.

use plumbline_cluster::{ObjectReference, conditions::Verdict, kubernetes::Propagation};
use plumbline_flux::{Ending, Patience, Platform, VerbError};
use plumbline_scenario::steps::{Apply, Change, Delete, Manifests, Patch, Reconciled};
use serde_json::{Value, json};

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

pub(super) async fn apply(apply: &Apply, platform: &Platform) -> Result<(), VerbError> {
    if let Manifests::Here(manifest) = &apply.manifests {
        platform
            .kubernetes()
            .apply(&Value::Object(manifest.value.clone()))
            .await?;
    }
    Ok(())
}

pub(super) async fn patch(
    patch: &Patch,
    object: &ObjectReference,
    platform: &Platform,
) -> Result<(), VerbError> {
    let kubernetes = platform.kubernetes();
    match &patch.change {
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
    }?;
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
    let kubernetes = platform.kubernetes();
    let before = kubernetes.get(object).await?;
    kubernetes.delete(object, Propagation::Background).await?;
    if delete.wait {
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
