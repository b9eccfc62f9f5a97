//! The manifests of an image are stored: what is referred to before what refers, tags last.

use super::{PATIENCE, plan::Plan, transfer::Transfer};
use crate::{error::ImageError, manifest::Manifest, name::Digest, registry::Referrers};
use futures::{FutureExt, future::try_join_all};
use std::collections::BTreeSet;

impl Transfer<'_> {
    /// Stores the manifests that are absent, and makes all be found: as referrers, and under their tags.
    pub async fn publish(&self, plan: &Plan, absent: &BTreeSet<Digest>) -> Result<(), ImageError> {
        for layer in plan.layers(absent) {
            let stored = layer.into_iter().map(|manifest| self.store(manifest).boxed());
            try_join_all(stored.collect::<Vec<_>>()).await?;
        }
        let listed = plan
            .referrers
            .iter()
            .map(|(digest, referrers)| self.list(digest, referrers).boxed());
        try_join_all(listed.collect::<Vec<_>>()).await?;
        let tagged = plan
            .attached
            .iter()
            .map(|(tag, digest)| self.tag(plan, tag, digest).boxed());
        try_join_all(tagged.collect::<Vec<_>>()).await?;
        match &plan.tag {
            Some(tag) => self.tag(plan, tag, &plan.digest).await,
            None => Ok(()),
        }
    }

    async fn store(&self, manifest: &Manifest) -> Result<(), ImageError> {
        let _turn = self.run.turn().await;
        self.target
            .push_manifest(self.repository, &manifest.digest.to_string(), manifest, PATIENCE)
            .await
    }

    async fn list(&self, digest: &Digest, referrers: &Referrers) -> Result<(), ImageError> {
        let _turn = self.run.turn().await;
        self.target
            .ensure_referrers(self.repository, digest, referrers, PATIENCE)
            .await
    }

    async fn tag(&self, plan: &Plan, tag: &str, digest: &Digest) -> Result<(), ImageError> {
        let _turn = self.run.turn().await;
        let present = self
            .target
            .announced_digest(self.repository, tag, PATIENCE)
            .await?;
        match plan.manifests.get(digest) {
            Some(manifest) if present.as_ref() != Some(digest) => {
                self.target
                    .push_manifest(self.repository, tag, manifest, PATIENCE)
                    .await
            }
            _ => Ok(()),
        }
    }
}
