//! Asking for a reconciliation and seeing that it is done, for the very revision that was pushed.

use crate::{
    Patience, Platform, VerbError,
    forge::{GitReference, followed_by_source},
};
use plumbline_cluster::{
    Object, ObjectReference,
    conditions::{REQUESTED_AT, Verdict, current_revision, reconcile_failed, reconciled, same_revision},
    kubernetes::KindReference,
    watch::Observed,
};
use plumbline_servers::Revision;
use std::collections::BTreeMap;

/// How a reconciliation is expected to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Ready for the revision.
    Ready,
    /// Not Ready, with the revision attempted.
    Failed,
}

impl Platform {
    /// Asks `object` and its source to reconcile now and waits until that has ended as expected, for the revision
    /// that was pushed last to the branch of its source. Gives the revision that the object shows.
    ///
    /// # Errors
    /// The object is not there, is suspended, or did not end so before the deadline.
    pub async fn reconcile(
        &self,
        object: &ObjectReference,
        ending: Ending,
        patience: Patience<'_>,
    ) -> Result<String, VerbError> {
        let current = self.kubernetes().get(object).await?;
        match object.kind.kind.as_str() {
            "GitRepository" => self.reconcile_source(&current, patience).await,
            "Kustomization" => {
                let revision = match source_of(&current, "/spec/sourceRef") {
                    Some(source) => Some(self.reconcile_source_of(&source, patience).await?),
                    None => None,
                };
                self.request_and_wait(object, revision.as_deref(), ending, patience)
                    .await
            }
            "HelmRelease" => {
                self.reconcile_chart_of(&current, patience).await?;
                self.request_and_wait(object, None, ending, patience).await
            }
            _ => self.request_and_wait(object, None, ending, patience).await,
        }
    }

    /// Asks a GitRepository by reference.
    async fn reconcile_source_of(
        &self,
        source: &ObjectReference,
        patience: Patience<'_>,
    ) -> Result<String, VerbError> {
        let current = self.kubernetes().get(source).await?;
        if source.kind.kind == "GitRepository" {
            self.reconcile_source(&current, patience).await
        } else {
            self.request_and_wait(source, None, Ending::Ready, patience).await
        }
    }

    async fn reconcile_source(&self, source: &Object, patience: Patience<'_>) -> Result<String, VerbError> {
        let reference = source.reference();
        let reference_value = source.at("/spec/ref").cloned().unwrap_or_default();
        let url = source.text_at("/spec/url").unwrap_or_default();
        let followed = followed_by_source(url, &reference_value);
        let pushed = followed
            .as_ref()
            .and_then(|followed| Some((followed, self.forge().head(followed)?)));
        let Some((followed, revision)) = pushed else {
            return self
                .request_and_wait(&reference, None, Ending::Ready, patience)
                .await;
        };
        self.request(&reference).await?;
        self.wait_for_source(&reference, followed, &revision, patience)
            .await
    }

    /// Waits until a GitRepository has an artifact of `revision` or of one that was pushed after it.
    pub(crate) async fn wait_for_source(
        &self,
        source: &ObjectReference,
        followed: &GitReference,
        revision: &Revision,
        patience: Patience<'_>,
    ) -> Result<String, VerbError> {
        let what = format!("{} to fetch {revision} of {}", source.short(), followed.short());
        let observed = patience
            .wait(self.watches(), source, &what, |view| {
                let Some(object) = view.object() else {
                    return Verdict::NotYet("absent".into());
                };
                let shown = current_revision(object).unwrap_or("no revision");
                if self.forge().has_reached(followed, shown, revision) {
                    return Verdict::Met;
                }
                match reconciled(object, None) {
                    Verdict::Met => Verdict::NotYet(format!("at {shown}")),
                    other => other,
                }
            })
            .await?;
        Ok(shown_revision(&observed))
    }

    /// Brings the source and the chart of a HelmRelease up to date.
    async fn reconcile_chart_of(&self, release: &Object, patience: Patience<'_>) -> Result<(), VerbError> {
        let Some(source) = source_of(release, "/spec/chart/spec/sourceRef") else {
            return Ok(());
        };
        let revision = self.reconcile_source_of(&source, patience).await?;
        let Some(namespace) = source.namespace.clone() else {
            return Ok(());
        };
        let name = format!("{}-{}", release.namespace().unwrap_or_default(), release.name());
        let chart =
            KindReference::new("source.toolkit.fluxcd.io", "v1", "HelmChart").namespaced(&namespace, &name);
        if release.at("/spec/suspend").and_then(serde_json::Value::as_bool) == Some(true) {
            return Ok(());
        }
        let what = format!("{} to be built from {revision}", chart.short());
        patience
            .wait(self.watches(), &chart, &what, |view| {
                let Some(object) = view.object() else {
                    return Verdict::NotYet("absent".into());
                };
                let observed = object
                    .text_at("/status/observedSourceArtifactRevision")
                    .unwrap_or("no revision");
                if !same_revision(observed, &revision) {
                    return Verdict::NotYet(format!("built from {observed}"));
                }
                // A chart that cannot be built is the release's to report.
                if object.condition("Ready").is_some() {
                    Verdict::Met
                } else {
                    Verdict::NotYet(object.summary())
                }
            })
            .await?;
        Ok(())
    }

    /// Asks by annotation, without waiting.
    ///
    /// # Errors
    /// A failed request.
    pub(crate) async fn request(&self, object: &ObjectReference) -> Result<(), VerbError> {
        let now = jiff::Timestamp::now().to_string();
        self.kubernetes()
            .annotate(object, &BTreeMap::from([(REQUESTED_AT.to_owned(), Some(now))]))
            .await?;
        Ok(())
    }

    async fn request_and_wait(
        &self,
        object: &ObjectReference,
        revision: Option<&str>,
        ending: Ending,
        patience: Patience<'_>,
    ) -> Result<String, VerbError> {
        self.request(object).await?;
        let at = revision.map_or_else(String::new, |revision| format!(" {revision}"));
        let what = match ending {
            Ending::Ready => format!("{} to have reconciled{at}", object.short()),
            Ending::Failed => format!("{} to report that{at} failed", object.short()),
        };
        let observed = patience
            .wait(self.watches(), object, &what, |view| {
                match (view.object(), ending) {
                    (None, _) => Verdict::NotYet("absent".into()),
                    (Some(object), Ending::Ready) => reconciled(object, revision),
                    (Some(object), Ending::Failed) => reconcile_failed(object, revision),
                }
            })
            .await?;
        Ok(shown_revision(&observed))
    }
}

/// The revision that the object shows at the end of a wait; empty when it shows none.
fn shown_revision(observed: &Observed) -> String {
    observed
        .object()
        .and_then(current_revision)
        .unwrap_or_default()
        .to_owned()
}

/// The source that `pointer` names, in the object's own namespace unless it says otherwise.
fn source_of(object: &Object, pointer: &str) -> Option<ObjectReference> {
    let reference = object.at(pointer)?;
    let kind = reference["kind"].as_str()?;
    let namespace = reference["namespace"].as_str().or(object.namespace())?;
    Some(
        KindReference::new("source.toolkit.fluxcd.io", "v1", kind)
            .namespaced(namespace, reference["name"].as_str()?),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_source_is_in_the_namespace_of_its_user_unless_it_says_otherwise() {
        let mut object = json!({
            "kind": "Kustomization", "metadata": {"name": "a", "namespace": "flux-system"},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "k8s-a"}},
        });
        let source = source_of(&object.clone().into(), "/spec/sourceRef").unwrap();
        assert_eq!(source.short(), "GitRepository flux-system/k8s-a");
        object["spec"]["sourceRef"]["namespace"] = json!("other");
        let source = source_of(&object.into(), "/spec/sourceRef").unwrap();
        assert_eq!(source.short(), "GitRepository other/k8s-a");
    }
}
