//! Bringing a system on board, and taking it off again.

use crate::{
    Patience, Platform, VerbError,
    forge::GitReference,
    names::{FLUX_NAMESPACE, GITOPS_REPOSITORY, branch_of},
};
use futures::future::try_join_all;
use plumbline_cluster::{
    Object, ObjectReference, View,
    conditions::{Verdict, gone, reconciled},
    kubernetes::KindReference,
};
use plumbline_servers::{Changes, ServerError, TreeEntry};
use std::time::{Duration, Instant};

/// How long the parts of an on-boarding took, from the push of the registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onboarded {
    /// Until the Kustomization was Ready.
    pub applied: Duration,
    /// Until its Helm releases were Ready too; the same when it has none.
    pub released: Duration,
}

impl Platform {
    /// Creates the system's repository unless another environment has done so, commits its registration file, and waits
    /// until all that it registers, its Helm releases included, is Ready at the revision that was pushed.
    ///
    /// # Errors
    /// Unknown system, one that is on board in this environment already, or something did not become Ready before the deadline.
    pub async fn onboard(
        &self,
        system: &str,
        name: &str,
        environment: &str,
        patience: Patience<'_>,
    ) -> Result<Onboarded, VerbError> {
        let registration = self.fixtures().registration(system, name, environment)?;
        let path = registration_path(environment, name);
        self.check_absent(&path, environment, name).await?;
        let repository = format!("k8s-{name}");
        let tree = self.fixtures().system_repository(system, name)?;
        self.forge()
            .create(&self.services().git, &repository, &tree)
            .await?;
        let pushed = Instant::now();
        let changes = Changes {
            write: vec![TreeEntry {
                path,
                content: registration.into_bytes(),
                executable: false,
            }],
            remove: Vec::new(),
        };
        self.commit_registration(environment, changes, &format!("on-board {name}"), patience)
            .await?;
        let kustomization = kustomization(name);
        let branch = branch_of(&repository, environment);
        let revision = self
            .forge()
            .head(&GitReference::branch(&repository, branch))
            .map(|revision| format!("{branch}@sha1:{revision}"));
        let what = format!("{} to be Ready at the pushed revision", kustomization.short());
        let observed = patience
            .wait(self.watches(), &kustomization, &what, |view| {
                match view.object() {
                    None => Verdict::NotYet("absent: the registration is not applied yet".into()),
                    Some(object) => reconciled(object, revision.as_deref()),
                }
            })
            .await?;
        let applied = pushed.elapsed();
        let releases: Vec<_> = observed.object().map(helm_releases).unwrap_or_default();
        try_join_all(releases.iter().map(|release| async move {
            let what = format!("{} to be Ready", release.short());
            let ready = |view: &View| match view.object() {
                None => Verdict::NotYet("absent".into()),
                Some(object) => reconciled(object, None),
            };
            patience.wait(self.watches(), release, &what, ready).await
        }))
        .await?;
        let released = if releases.is_empty() {
            applied
        } else {
            pushed.elapsed()
        };
        Ok(Onboarded { applied, released })
    }

    /// A second registration would be a commit without a change, and prove nothing.
    async fn check_absent(&self, path: &str, environment: &str, name: &str) -> Result<(), VerbError> {
        let registrations = self.forge().repository(GITOPS_REPOSITORY)?;
        match registrations
            .read(branch_of(GITOPS_REPOSITORY, environment), path)
            .await
        {
            Ok(_) => Err(VerbError::unmet(format!(
                "{name} is on board in {environment} already; on-board it under another name with `as`"
            ))),
            Err(ServerError::Missing { what: "file", .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the registration file and waits until the system's source, Kustomization and everything in its
    /// inventory are gone.
    ///
    /// # Errors
    /// Something is still there at the deadline.
    pub async fn offboard(
        &self,
        name: &str,
        environment: &str,
        patience: Patience<'_>,
    ) -> Result<(), VerbError> {
        let kustomization = kustomization(name);
        let inventory = self
            .kubernetes()
            .find(&kustomization)
            .await?
            .as_ref()
            .map(inventory)
            .unwrap_or_default();
        let changes = Changes {
            write: Vec::new(),
            remove: vec![registration_path(environment, name)],
        };
        self.commit_registration(environment, changes, &format!("off-board {name}"), patience)
            .await?;
        let source = KindReference::new("source.toolkit.fluxcd.io", "v1", "GitRepository")
            .namespaced(FLUX_NAMESPACE, &format!("k8s-{name}"));
        let leaving: Vec<_> = [kustomization, source].into_iter().chain(inventory).collect();
        try_join_all(leaving.iter().map(|object| async move {
            let what = format!("{} to be gone", object.short());
            patience
                .wait(self.watches(), object, &what, |view| gone(view.object()))
                .await
        }))
        .await?;
        Ok(())
    }

    /// Commits to `k8s-gitops` and sees that Flux has fetched it and is applying it.
    async fn commit_registration(
        &self,
        environment: &str,
        changes: Changes,
        message: &str,
        patience: Patience<'_>,
    ) -> Result<(), VerbError> {
        let branch = branch_of(GITOPS_REPOSITORY, environment);
        let revision = self
            .forge()
            .commit(GITOPS_REPOSITORY, branch, changes, message)
            .await?;
        let source = KindReference::new("source.toolkit.fluxcd.io", "v1", "GitRepository")
            .namespaced(FLUX_NAMESPACE, FLUX_NAMESPACE);
        self.request(&source).await?;
        // A new artifact triggers the Kustomization by itself.
        let followed = GitReference::branch(GITOPS_REPOSITORY, branch);
        self.wait_for_source(&source, &followed, &revision, patience)
            .await?;
        Ok(())
    }
}

pub(crate) fn registration_path(environment: &str, name: &str) -> String {
    format!("clusters/{environment}/systems/{name}.yaml")
}

fn kustomization(name: &str) -> ObjectReference {
    KindReference::new("kustomize.toolkit.fluxcd.io", "v1", "Kustomization").namespaced(FLUX_NAMESPACE, name)
}

/// What a Kustomization has applied; entries look like `namespace_name_group_Kind` with the version beside them.
fn inventory(kustomization: &Object) -> Vec<ObjectReference> {
    let entries = kustomization
        .at("/status/inventory/entries")
        .and_then(serde_json::Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| inventory_entry(entry["id"].as_str()?, entry["v"].as_str()?))
        .collect()
}

fn inventory_entry(id: &str, version: &str) -> Option<ObjectReference> {
    let mut parts = id.split('_');
    let (namespace, name, group, kind) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Names of RBAC objects may hold colons, which an inventory writes as two underscores.
    if parts.next().is_some() {
        return None;
    }
    let kind = KindReference::new(group, version, kind);
    Some(if namespace.is_empty() {
        kind.cluster_wide(name)
    } else {
        kind.namespaced(namespace, name)
    })
}

fn helm_releases(kustomization: &Object) -> Vec<ObjectReference> {
    inventory(kustomization)
        .into_iter()
        .filter(|object| object.kind.kind == "HelmRelease")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventory_entries_name_objects() {
        let entry = |id| inventory_entry(id, "v1").map(|object| object.to_string());
        assert_eq!(
            entry("ledger_settings__ConfigMap").as_deref(),
            Some("v1/ConfigMap ledger/settings")
        );
        assert_eq!(
            entry("_reader_rbac.authorization.k8s.io_ClusterRole").as_deref(),
            Some("rbac.authorization.k8s.io/v1/ClusterRole reader")
        );
        assert_eq!(entry("nonsense"), None);
    }
}
