//! Everything that changes an object: apply, patch, annotate, scale, create, delete.

use super::{Fate, KindReference, Kubernetes, KubernetesError, Object, ObjectReference, Repeat, Resource};
use kube::core::{
    Request,
    params::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// What happens to the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Propagation {
    /// They go after it.
    #[default]
    Background,
    /// They go before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// What came of asking for the deletion of one very object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It was not there any more.
    Absent,
    /// It is gone.
    Gone,
    /// It goes when what holds it back lets go.
    Pending,
}

impl Kubernetes {
    /// Server-side apply by force: the fields of `manifest` become ours.
    ///
    /// # Errors
    /// A manifest without its basic fields, an unknown kind, or a failed request.
    pub async fn apply(&self, manifest: &Value) -> Result<Object, KubernetesError> {
        self.server_side_apply(manifest, &PatchParams::apply(self.manager()).force())
            .await
    }

    /// What [`Kubernetes::apply`] would give, changing nothing; fields that the kind does not have are refused.
    ///
    /// # Errors
    /// As for [`Kubernetes::apply`].
    pub async fn apply_dry_run(&self, manifest: &Value) -> Result<Object, KubernetesError> {
        let parameters = PatchParams::apply(self.manager())
            .force()
            .dry_run()
            .validation_strict();
        self.server_side_apply(manifest, &parameters).await
    }

    async fn server_side_apply(
        &self,
        manifest: &Value,
        parameters: &PatchParams,
    ) -> Result<Object, KubernetesError> {
        let (reference, resource) = self.of_manifest(manifest).await?;
        let request = Request::new(resource.collection(reference.namespace.as_deref())).patch(
            &reference.name,
            parameters,
            &Patch::Apply(manifest),
        );
        let action = format!("apply {reference}");
        let repeat = if is_exact(manifest) {
            Repeat::IfNotDone
        } else {
            Repeat::ThroughConflicts
        };
        self.object(&resource, &action, request, repeat).await
    }

    /// Creates an object; one that is there already is a conflict.
    ///
    /// # Errors
    /// As for [`Kubernetes::apply`].
    pub async fn create(&self, manifest: &Value) -> Result<Object, KubernetesError> {
        let (reference, resource) = self.of_manifest(manifest).await?;
        let parameters = PostParams {
            field_manager: Some(self.manager().into()),
            ..PostParams::default()
        };
        let request = Request::new(resource.collection(reference.namespace.as_deref()))
            .create(&parameters, manifest.to_string().into_bytes());
        let action = format!("create {reference}");
        self.object(&resource, &action, request, Repeat::IfNotDone).await
    }

    /// Changes the fields of `patch` and removes those that are null in it (RFC 7386).
    ///
    /// # Errors
    /// A failed request.
    pub async fn merge_patch(
        &self,
        reference: &ObjectReference,
        patch: &Value,
    ) -> Result<Object, KubernetesError> {
        self.patch(reference, "", MERGE_PATCH, patch, merge_repeat(patch))
            .await
    }

    /// As [`Kubernetes::merge_patch`], of the status.
    ///
    /// # Errors
    /// A failed request.
    pub async fn merge_patch_status(
        &self,
        reference: &ObjectReference,
        patch: &Value,
    ) -> Result<Object, KubernetesError> {
        self.patch(reference, "/status", MERGE_PATCH, patch, merge_repeat(patch))
            .await
    }

    /// Performs the operations of an RFC 6902 patch, all or none.
    ///
    /// # Errors
    /// A failed request, for example because a `test` operation does not hold.
    pub async fn json_patch(
        &self,
        reference: &ObjectReference,
        operations: &Value,
    ) -> Result<Object, KubernetesError> {
        let repeat = if is_repeatable(operations) {
            Repeat::Freely
        } else {
            Repeat::IfNotDone
        };
        self.patch(reference, "", JSON_PATCH, operations, repeat).await
    }

    /// Sets annotations, and removes those whose value is `None`.
    ///
    /// # Errors
    /// A failed request.
    pub async fn annotate(
        &self,
        reference: &ObjectReference,
        annotations: &BTreeMap<String, Option<String>>,
    ) -> Result<Object, KubernetesError> {
        self.merge_patch(reference, &json!({"metadata": {"annotations": annotations}}))
            .await
    }

    /// Asks for a number of replicas through the scale subresource.
    ///
    /// # Errors
    /// A failed request; a kind that cannot be scaled is not found.
    pub async fn scale(&self, reference: &ObjectReference, replicas: u32) -> Result<(), KubernetesError> {
        let patch = json!({"spec": {"replicas": replicas}});
        self.patch(reference, "/scale", MERGE_PATCH, &patch, Repeat::Freely)
            .await
            .map(drop)
    }

    /// Asks for the deletion of an object and gives whether it was there; that it is gone is for a wait to see. If the
    /// answer is lost it is asked for again, and an object that is then not there is taken to be deleted by us.
    ///
    /// # Errors
    /// A failed request.
    pub async fn delete(
        &self,
        reference: &ObjectReference,
        propagation: Propagation,
    ) -> Result<bool, KubernetesError> {
        let answer = self.send_delete(reference, propagation, None).await?;
        Ok(answer.is_some())
    }

    /// Asks for the deletion of this very object: another one of the same name, made since, stays.
    ///
    /// # Errors
    /// A failed request.
    pub async fn delete_object(
        &self,
        reference: &ObjectReference,
        uid: &str,
    ) -> Result<Deletion, KubernetesError> {
        match self
            .send_delete(reference, Propagation::Background, Some(uid))
            .await
        {
            Ok(None) => Ok(Deletion::Absent),
            // The answer shows the object as long as something holds it back.
            Ok(Some(answer)) if answer.pointer("/metadata/deletionTimestamp").is_some() => {
                Ok(Deletion::Pending)
            }
            Ok(Some(_)) => Ok(Deletion::Gone),
            Err(error) if error.is_conflict() => Ok(Deletion::Absent),
            Err(error) => Err(error),
        }
    }

    /// The answer of the API server; nothing when the object, or its kind, is not there.
    async fn send_delete(
        &self,
        reference: &ObjectReference,
        propagation: Propagation,
        uid: Option<&str>,
    ) -> Result<Option<Value>, KubernetesError> {
        let resource = match self.resource(&reference.kind).await {
            Ok(resource) => resource,
            Err(KubernetesError::UnknownKind { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        resource.check_scope(reference)?;
        let policy = match propagation {
            Propagation::Background => PropagationPolicy::Background,
            Propagation::Foreground => PropagationPolicy::Foreground,
            Propagation::Orphan => PropagationPolicy::Orphan,
        };
        let parameters = DeleteParams {
            propagation_policy: Some(policy),
            dry_run: self.rehearses(),
            preconditions: uid.map(|uid| Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let request = Request::new(resource.collection(reference.namespace.as_deref()))
            .delete(&reference.name, &parameters);
        let action = format!("delete {reference}");
        let request = request
            .map_err(|error| KubernetesError::from_client(&action, kube::Error::BuildRequest(error)))?;
        let may_be_done = AtomicBool::new(false);
        let attempt = async |left| {
            let answer = self.once(&action, request.clone(), left).await;
            if matches!(
                answer,
                Err(KubernetesError::Transient {
                    fate: Fate::Unknown,
                    ..
                })
            ) {
                may_be_done.store(true, Ordering::Relaxed);
            }
            answer
        };
        match self.persist(Repeat::Freely, attempt).await {
            Ok(answer) => serde_json::from_str(&answer)
                .map(Some)
                .map_err(|error| KubernetesError::from_client(&action, kube::Error::SerdeError(error))),
            // An earlier try, whose answer was lost, may have done it.
            Err(error) if error.is_not_found() => Ok(may_be_done.into_inner().then_some(Value::Null)),
            Err(error) => Err(error),
        }
    }

    async fn patch(
        &self,
        reference: &ObjectReference,
        subresource: &str,
        content_type: &str,
        patch: &Value,
        repeat: Repeat,
    ) -> Result<Object, KubernetesError> {
        let resource = self.resource(&reference.kind).await?;
        resource.check_scope(reference)?;
        let path = format!(
            "{}/{}{subresource}?fieldManager={}",
            resource.collection(reference.namespace.as_deref()),
            reference.name,
            self.manager(),
        );
        let request = http::Request::patch(path)
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, content_type)
            .body(patch.to_string().into_bytes())
            .map_err(kube::core::request::Error::BuildRequest);
        let action = format!("patch {reference}");
        self.object(&resource, &action, request, repeat).await
    }

    /// The name and the resource of a manifest; namespaced objects must name their namespace.
    async fn of_manifest(&self, manifest: &Value) -> Result<(ObjectReference, Resource), KubernetesError> {
        let text = |pointer: &str, field| {
            let text = manifest
                .pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty());
            text.ok_or(KubernetesError::Manifest { field })
        };
        let kind = KindReference::from_manifest(text("/apiVersion", "apiVersion")?, text("/kind", "kind")?);
        let namespace = manifest.pointer("/metadata/namespace").and_then(Value::as_str);
        let reference = ObjectReference {
            kind,
            namespace: namespace.map(Into::into),
            name: text("/metadata/name", "metadata.name")?.into(),
        };
        let resource = self.resource(&reference.kind).await?;
        resource.check_scope(&reference)?;
        Ok((reference, resource))
    }
}

/// Whether a manifest or a merge patch means exactly one state or identity of its object.
fn is_exact(manifest: &Value) -> bool {
    let named = |field| manifest.pointer(field).is_some();
    named("/metadata/resourceVersion") || named("/metadata/uid")
}

/// A merge patch gives the same fields the same values each time, unless it is about one state that it changes itself.
fn merge_repeat(patch: &Value) -> Repeat {
    if is_exact(patch) {
        Repeat::IfNotDone
    } else {
        Repeat::Freely
    }
}

/// Whether performing the operations of a JSON patch a second time changes nothing: they set fields, and insert nothing
/// into lists.
fn is_repeatable(operations: &Value) -> bool {
    let sets_a_field = |operation: &Value| {
        let text = |field| operation.get(field).and_then(Value::as_str).unwrap_or_default();
        let last = text("path").rsplit('/').next().unwrap_or_default().to_owned();
        match text("op") {
            "replace" => true,
            "add" => last != "-" && last.parse::<u64>().is_err(),
            _ => false,
        }
    };
    operations
        .as_array()
        .is_some_and(|operations| operations.iter().all(sets_a_field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patches_that_set_fields_may_be_performed_twice() {
        let operation = |op: &str, path: &str| json!([{"op": op, "path": path, "value": 1}]);
        assert!(is_repeatable(&operation("add", "/data/a")));
        assert!(is_repeatable(&operation("replace", "/spec/list/0")));
        for (op, path) in [
            ("add", "/spec/list/-"),
            ("add", "/spec/list/0"),
            ("remove", "/data/a"),
            ("test", "/data/a"),
            ("move", "/data/a"),
        ] {
            assert!(!is_repeatable(&operation(op, path)), "{op} {path}");
        }
        assert!(!is_repeatable(&json!("no operations")));
    }

    #[test]
    fn a_patch_of_one_state_is_not_repeated() {
        assert_eq!(merge_repeat(&json!({"data": {"a": "b"}})), Repeat::Freely);
        let exact = json!({"metadata": {"resourceVersion": "7"}, "data": {"a": "b"}});
        assert_eq!(merge_repeat(&exact), Repeat::IfNotDone);
    }
}
