//! Upgrading Flux as the platform's recipe says: admit the images, name the new release, apply, see that it runs.

use crate::{
    Patience, Platform, ReleaseImage, VerbError,
    instance::{REVISION, instance_reference, shown_version, version_of},
    names::FLUX_NAMESPACE,
    release::components_of,
};
use futures::future::try_join_all;
use plumbline_cluster::{
    Object,
    conditions::{Verdict, rolled_out},
    kubernetes::KindReference,
};
use plumbline_model::Progress;
use serde_json::Value;

/// What came of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// The release that ran before: `2.9.0`.
    pub from: String,
    /// The release that runs now.
    pub to: String,
    /// What it consists of.
    pub components: Vec<Component>,
}

/// A controller of Flux, as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// `source-controller`.
    pub name: String,
    /// The image that its pods run, by digest.
    pub image: String,
}

impl Platform {
    /// Brings Flux to another release: mirrors, signs and verifies its images, applies the FluxInstance that was applied
    /// last with nothing but its version changed, and waits until the instance is Ready at that version and every
    /// component runs the image of that release.
    ///
    /// # Errors
    /// No FluxInstance was applied here before, the run does not have the release, or it does not run before the
    /// deadline.
    pub async fn upgrade(&self, version: &str, patience: Patience<'_>) -> Result<Upgraded, VerbError> {
        let mut manifest = self
            .instance()
            .ok_or_else(|| VerbError::unmet("there is no FluxInstance to upgrade: apply one first"))?;
        let from = self.release_that_runs(&manifest).await?;
        patience.saw(
            &format!("the images of Flux {version} to be admitted"),
            "under way",
        );
        self.supply().admit_release(version, &Progress::silent()).await?;
        let wanted = self.supply().release(version)?;
        if let Some(named) = manifest.pointer_mut("/spec/distribution/version") {
            *named = version.into();
        }
        let (_, instance) = self.apply_and_wait(manifest, patience).await?;
        let components = components_of(instance.value());
        let components = components.iter().map(|name| self.runs(name, wanted, patience));
        Ok(Upgraded {
            from,
            to: version.to_owned(),
            components: try_join_all(components).await?,
        })
    }

    /// The release that the instance shows as applied.
    async fn release_that_runs(&self, manifest: &Value) -> Result<String, VerbError> {
        let reference = instance_reference(manifest);
        let instance = self.kubernetes().get(&reference).await?;
        let shown = instance.text_at(REVISION).map(shown_version);
        Ok(shown.unwrap_or_else(|| version_of(manifest)).to_owned())
    }

    /// Waits until all pods of a component run its image of the release.
    async fn runs(
        &self,
        name: &str,
        wanted: &[ReleaseImage],
        patience: Patience<'_>,
    ) -> Result<Component, VerbError> {
        let image = wanted.iter().find(|image| image.component() == name);
        let image = image.ok_or_else(|| {
            VerbError::unmet(format!(
                "the release has no image of {name}, which the FluxInstance names"
            ))
        })?;
        let digest = image.digest.to_string();
        let deployment = KindReference::new("apps", "v1", "Deployment").namespaced(FLUX_NAMESPACE, name);
        let what = format!("{} to run {digest}", deployment.short());
        let observed = patience
            .wait(self.watches(), &deployment, &what, |view| match view.object() {
                None => Verdict::NotYet("absent".into()),
                Some(object) => deploys(object, &digest).and_then(|| rolled_out(object)),
            })
            .await?;
        let image = observed.object().and_then(|object| object.text_at(IMAGE));
        Ok(Component {
            name: name.to_owned(),
            image: image.unwrap_or_default().to_owned(),
        })
    }
}

/// The one container of a controller.
const IMAGE: &str = "/spec/template/spec/containers/0/image";

fn deploys(deployment: &Object, digest: &str) -> Verdict {
    match deployment.text_at(IMAGE) {
        Some(image) if image.ends_with(&format!("@{digest}")) => Verdict::Met,
        image => Verdict::NotYet(format!("deploys {}", image.unwrap_or("no image"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_controller_deploys_a_release_only_by_its_digest() {
        let deployment = |image: &str| -> Object {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
                "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
            })
            .into()
        };
        let digest = "sha256:aa";
        assert_eq!(deploys(&deployment("r/a:v1@sha256:aa"), digest), Verdict::Met);
        assert_eq!(
            deploys(&deployment("r/a:v1@sha256:ab"), digest),
            Verdict::NotYet("deploys r/a:v1@sha256:ab".into())
        );
        assert_eq!(
            deploys(&deployment("r/a:v1"), digest),
            Verdict::NotYet("deploys r/a:v1".into())
        );
    }
}
