//! Applying the FluxInstance of an environment, as the pipeline does, and waiting until it is Ready.

use crate::{
    Patience, Platform, VerbError,
    names::{FLUX_NAMESPACE, GITOPS_REPOSITORY, OPERATOR_CHART, TRUSTED_KEYS, branch_of, instance_file},
};
use plumbline_cluster::{
    Object, ObjectReference,
    conditions::{Verdict, reconciled},
    kubernetes::KindReference,
};
use plumbline_model::Progress;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where an instance shows the release that it has applied.
pub(crate) const REVISION: &str = "/status/lastAppliedRevision";

/// What an apply did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was not there before.
    Created,
    /// It was there and is another now.
    Configured,
    /// It was there already, the very same.
    Unchanged,
}

impl Applied {
    /// The word that `kubectl apply` would print.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What came of applying a FluxInstance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedInstance {
    /// What the apply did.
    pub applied: Applied,
    /// The version of Flux that is Ready: `v2.9.2@sha256:…` as the operator reports it.
    pub version: String,
}

/// In what the FluxInstance is to differ from the file in Git.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceChange {
    /// Another release of Flux; its images are mirrored, signed and verified first.
    pub version: Option<String>,
    /// Only these components.
    pub components: Option<Vec<String>>,
}

impl InstanceChange {
    /// Makes the change in a manifest.
    fn make(&self, manifest: &mut Value) -> Result<(), VerbError> {
        if let Some(version) = &self.version {
            set(manifest, "/spec/distribution", "version", json!(version))?;
        }
        if let Some(components) = &self.components {
            set(manifest, "/spec", "components", json!(components))?;
        }
        Ok(())
    }
}

impl Platform {
    /// Installs the operator and applies the FluxInstance of an environment: what makes an empty cluster a platform.
    ///
    /// # Errors
    /// As for [`Platform::install`] and [`Platform::apply_instance`].
    pub async fn install_flux(
        &self,
        environment: &str,
        change: &InstanceChange,
        patience: Patience<'_>,
    ) -> Result<AppliedInstance, VerbError> {
        self.install(OPERATOR_CHART, environment, patience).await?;
        self.apply_instance(environment, change, patience).await
    }

    /// Applies `clusters/<environment>/flux-instance.yaml`, changed as `change` says, and waits until the instance is
    /// Ready. An unchanged instance that is Ready is only checked.
    ///
    /// # Errors
    /// The file is missing or refused, or the instance is not Ready before the deadline.
    pub async fn apply_instance(
        &self,
        environment: &str,
        change: &InstanceChange,
        patience: Patience<'_>,
    ) -> Result<AppliedInstance, VerbError> {
        let mut manifest = self.instance_manifest(environment).await?;
        change.make(&mut manifest)?;
        self.trust_keys(environment).await?;
        if let Some(version) = &change.version {
            patience.saw(
                &format!("the images of Flux {version} to be admitted"),
                "under way",
            );
            self.supply().admit_release(version, &Progress::silent()).await?;
        }
        let (applied, instance) = self.apply_and_wait(manifest, patience).await?;
        let version = instance.text_at(REVISION).unwrap_or_default().to_owned();
        Ok(AppliedInstance { applied, version })
    }

    /// Gives Flux the public keys that count in the environment. They are made per run and therefore are in no repository.
    async fn trust_keys(&self, environment: &str) -> Result<(), VerbError> {
        let trusted = self.trusted_keys(environment).await?;
        let mut keys = BTreeMap::new();
        for (index, key) in trusted.counting().enumerate() {
            // Flux takes every entry with this ending for a key.
            keys.insert(format!("{index}.pub"), key.pem()?);
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": TRUSTED_KEYS, "namespace": FLUX_NAMESPACE}, "stringData": keys,
        });
        self.kubernetes().apply(&secret).await?;
        Ok(())
    }

    /// Applies a FluxInstance and waits until it is Ready, at the version that it names.
    pub(crate) async fn apply_and_wait(
        &self,
        manifest: Value,
        patience: Patience<'_>,
    ) -> Result<(Applied, Object), VerbError> {
        let reference = instance_reference(&manifest);
        let before = self.kubernetes().find(&reference).await?;
        let after = self.kubernetes().apply(&manifest).await?;
        let applied = match before {
            None => Applied::Created,
            Some(before) if before.version() == after.version() => Applied::Unchanged,
            Some(_) => Applied::Configured,
        };
        let wanted = version_of(&manifest).to_owned();
        self.remember_instance(manifest);
        let what = format!("{} to be Ready at {wanted}", reference.short());
        let observed = patience
            .wait(self.watches(), &reference, &what, |view| match view.object() {
                None => Verdict::NotYet("absent".into()),
                Some(object) => reconciled(object, None).and_then(|| at_version(object, &wanted)),
            })
            .await?;
        let instance = observed.object().cloned();
        let instance = instance.ok_or_else(|| VerbError::unmet(format!("{} is gone", reference.short())))?;
        Ok((applied, instance))
    }

    async fn instance_manifest(&self, environment: &str) -> Result<Value, VerbError> {
        let path = instance_file(environment);
        let repository = self.forge().repository(GITOPS_REPOSITORY)?;
        let content = repository
            .read(branch_of(GITOPS_REPOSITORY, environment), &path)
            .await?;
        serde_saphyr::from_slice(&content).map_err(|error| {
            VerbError::unmet(format!("{GITOPS_REPOSITORY}: {path} is not valid YAML: {error}"))
        })
    }
}

/// Sets a field of the mapping at `pointer`.
fn set(manifest: &mut Value, pointer: &str, field: &str, value: Value) -> Result<(), VerbError> {
    let mapping = manifest.pointer_mut(pointer).and_then(Value::as_object_mut);
    let mapping = mapping.ok_or_else(|| {
        VerbError::unmet(format!(
            "the FluxInstance has no mapping at {pointer} to change `{field}` in"
        ))
    })?;
    mapping.insert(field.to_owned(), value);
    Ok(())
}

pub(crate) fn instance_reference(manifest: &Value) -> ObjectReference {
    let text = |pointer: &str| text_at(manifest, pointer);
    KindReference::from_manifest(text("/apiVersion"), text("/kind"))
        .namespaced(text("/metadata/namespace"), text("/metadata/name"))
}

/// The release of Flux that a FluxInstance names.
pub(crate) fn version_of(manifest: &Value) -> &str {
    text_at(manifest, "/spec/distribution/version")
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the release that an instance shows as applied is the one that was asked for. Ranges, `2.x`, are the
/// operator's to resolve.
fn at_version(instance: &Object, wanted: &str) -> Verdict {
    let exact = wanted.split('.').count() == 3 && wanted.split('.').all(|part| part.parse::<u64>().is_ok());
    match instance.text_at(REVISION) {
        Some(shown) if !exact || shown_version(shown) == wanted => Verdict::Met,
        Some(shown) => Verdict::NotYet(format!("at {shown}")),
        None => Verdict::NotYet("no release is applied yet".into()),
    }
}

/// `2.9.2` of `v2.9.2@sha256:…`.
pub(crate) fn shown_version(revision: &str) -> &str {
    let version = revision.split_once('@').map_or(revision, |(version, _)| version);
    version.trim_start_matches('v')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Value {
        json!({
            "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance",
            "metadata": {"name": "flux", "namespace": "flux-system"},
            "spec": {"distribution": {"version": "2.9.2", "registry": "r"}, "components": ["a", "b"]},
        })
    }

    #[test]
    fn a_change_touches_nothing_but_what_it_names() {
        let mut changed = instance();
        InstanceChange::default().make(&mut changed).unwrap();
        assert_eq!(changed, instance());
        let change = InstanceChange {
            version: Some("2.9.0".into()),
            components: Some(vec!["a".into()]),
        };
        change.make(&mut changed).unwrap();
        assert_eq!(
            changed["spec"],
            json!({"distribution": {"version": "2.9.0", "registry": "r"}, "components": ["a"]})
        );
        assert!(change.make(&mut json!({"spec": {}})).is_err());
    }

    #[test]
    fn an_instance_is_there_when_it_shows_the_release_that_was_asked_for() {
        let mut shown = instance();
        assert_eq!(
            at_version(&shown.clone().into(), "2.9.2"),
            Verdict::NotYet("no release is applied yet".into())
        );
        shown["status"] = json!({"lastAppliedRevision": "v2.9.0@sha256:aa"});
        let object: Object = shown.into();
        assert_eq!(at_version(&object, "2.9.0"), Verdict::Met);
        assert_eq!(at_version(&object, "2.x"), Verdict::Met);
        assert_eq!(
            at_version(&object, "2.9.2"),
            Verdict::NotYet("at v2.9.0@sha256:aa".into())
        );
    }
}
