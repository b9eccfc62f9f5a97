//! Everything that changes an object: apply, patch, annotate, scale, create, delete.

use super::{KindReference, Kubernetes, KubernetesError, Object, ObjectReference, Resource};
use kube::core::{
    Request,
    params::{DeleteParams, Patch, PatchParams, PostParams, PropagationPolicy},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
        self.object(&resource, format!("apply {reference}"), request)
            .await
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
        self.object(&resource, format!("create {reference}"), request)
            .await
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
        self.patch(reference, "", "application/merge-patch+json", patch)
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
        self.patch(reference, "/status", "application/merge-patch+json", patch)
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
        self.patch(reference, "", "application/json-patch+json", operations)
            .await
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
        self.patch(reference, "/scale", "application/merge-patch+json", &patch)
            .await
            .map(drop)
    }

    /// Asks for the deletion of an object and gives whether it was there; that it is gone is for a wait to see.
    ///
    /// # Errors
    /// A failed request.
    pub async fn delete(
        &self,
        reference: &ObjectReference,
        propagation: Propagation,
    ) -> Result<bool, KubernetesError> {
        let resource = match self.resource(&reference.kind).await {
            Ok(resource) => resource,
            Err(KubernetesError::UnknownKind { .. }) => return Ok(false),
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
            ..DeleteParams::default()
        };
        let request = Request::new(resource.collection(reference.namespace.as_deref()))
            .delete(&reference.name, &parameters);
        match self.send(&format!("delete {reference}"), request).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn patch(
        &self,
        reference: &ObjectReference,
        subresource: &str,
        content_type: &str,
        patch: &Value,
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
        self.object(&resource, format!("patch {reference}"), request)
            .await
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
