//! Applying the FluxInstance of an environment, as the pipeline does, and waiting until it is Ready.

use crate::{
    Patience, Platform, VerbError,
    names::{GITOPS_REPOSITORY, branch_of},
};
use plumbline_cluster::{
    ObjectReference,
    conditions::{Verdict, reconciled},
    kubernetes::KindReference,
};
use serde_json::Value;

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

impl Platform {
    /// Applies `clusters/<environment>/flux-instance.yaml`. An unchanged instance that is Ready is only checked.
    ///
    /// # Errors
    /// The file is missing or refused, or the instance is not Ready before the deadline.
    pub async fn apply_instance(
        &self,
        environment: &str,
        patience: Patience<'_>,
    ) -> Result<AppliedInstance, VerbError> {
        let manifest = self.instance_manifest(environment).await?;
        let text = |pointer: &str| {
            manifest
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let reference: ObjectReference = KindReference::from_manifest(text("/apiVersion"), text("/kind"))
            .namespaced(text("/metadata/namespace"), text("/metadata/name"));
        let before = self.kubernetes().find(&reference).await?;
        let after = self.kubernetes().apply(&manifest).await?;
        let applied = match before {
            None => Applied::Created,
            Some(before) if before.version() == after.version() => Applied::Unchanged,
            Some(_) => Applied::Configured,
        };
        let what = format!("{} to be Ready", reference.short());
        let observed = patience
            .wait(self.watches(), &reference, &what, |view| match view.object() {
                None => Verdict::NotYet("absent".into()),
                Some(object) => reconciled(object, None),
            })
            .await?;
        let version = observed
            .object()
            .and_then(|object| object.text_at("/status/lastAppliedRevision"));
        Ok(AppliedInstance {
            applied,
            version: version.unwrap_or_default().to_owned(),
        })
    }

    async fn instance_manifest(&self, environment: &str) -> Result<Value, VerbError> {
        let path = format!("clusters/{environment}/flux-instance.yaml");
        let repository = self.forge().repository(GITOPS_REPOSITORY)?;
        let content = repository
            .read(branch_of(GITOPS_REPOSITORY, environment), &path)
            .await?;
        serde_saphyr::from_slice(&content).map_err(|error| {
            VerbError::unmet(format!("{GITOPS_REPOSITORY}: {path} is not valid YAML: {error}"))
        })
    }
}
