//! The blobs of an image on their way from registry to registry.

use super::{
    PATIENCE, Run,
    plan::{Plan, Wanted},
};
use crate::{
    error::ImageError,
    manifest::Descriptor,
    name::{Digest, ImageName},
    registry::Registry,
};
use futures::{FutureExt, TryStreamExt, future::try_join_all};
use plumbline_model::{Progress, Task, Unit};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The repositories that are known to have a blob; held by whoever sends it, so that others wait and take it over.
type Holders = Arc<tokio::sync::Mutex<BTreeSet<String>>>;

/// Where blobs are, as far as it was seen: by registry and digest.
#[derive(Default)]
pub(super) struct Known {
    holders: Mutex<HashMap<(String, String), Holders>>,
}

impl Known {
    fn holders(&self, registry: &str, digest: &str) -> Holders {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders
            .entry((registry.to_owned(), digest.to_owned()))
            .or_default()
            .clone()
    }
}

/// From a repository to the one of the same name elsewhere.
pub(super) struct Transfer<'a> {
    pub run: &'a Run,
    pub source: &'a Registry,
    pub target: &'a Registry,
    pub repository: &'a str,
}

/// What became of the blobs that were missing.
#[derive(Default)]
pub(super) struct Sent {
    pub copied: usize,
    pub mounted: usize,
    /// Those that neither registry has: they are elsewhere.
    pub elsewhere: usize,
    pub bytes: u64,
}

/// What became of one.
enum Fate {
    Copied,
    Mounted,
    Present,
    Elsewhere,
}

impl Transfer<'_> {
    /// The manifests of the plan that the target does not have. Those that it has, it has with all their blobs.
    pub async fn absent_manifests(&self, plan: &Plan) -> Result<BTreeSet<Digest>, ImageError> {
        let questions = plan.manifests.keys().map(|digest| self.is_absent(digest).boxed());
        let answers = try_join_all(questions.collect::<Vec<_>>()).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn is_absent(&self, digest: &Digest) -> Result<Option<Digest>, ImageError> {
        let _turn = self.run.turn().await;
        let announced = self
            .target
            .announced_digest(self.repository, &digest.to_string(), PATIENCE)
            .await?;
        Ok(announced.is_none().then(|| digest.clone()))
    }

    /// Those of the blobs that the target does not have.
    pub async fn missing_blobs(&self, wanted: Vec<Wanted>) -> Result<Vec<Wanted>, ImageError> {
        let questions = wanted.into_iter().map(|wanted| self.is_missing(wanted).boxed());
        let answers = try_join_all(questions.collect::<Vec<_>>()).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn is_missing(&self, wanted: Wanted) -> Result<Option<Wanted>, ImageError> {
        let holders = self.run.known.holders(self.target.name(), &wanted.blob.digest);
        let _turn = self.run.turn().await;
        let digest = wanted.blob.digest()?;
        if !self.target.has_blob(self.repository, &digest, PATIENCE).await? {
            return Ok(Some(wanted));
        }
        // Whoever sends it right now knows that for another repository already.
        if let Ok(mut holders) = holders.try_lock() {
            holders.insert(self.repository.to_owned());
        }
        Ok(None)
    }

    /// Brings the blobs into the target.
    pub async fn send(
        &self,
        blobs: &[Wanted],
        image: &ImageName,
        progress: &Progress,
    ) -> Result<Sent, ImageError> {
        if blobs.is_empty() {
            return Ok(Sent::default());
        }
        let total = blobs
            .iter()
            .fold(0_u64, |sum, wanted| sum.saturating_add(wanted.blob.size));
        let what = format!("mirroring {image}");
        let task = Arc::new(progress.sized_task(what, Some((total, Unit::Bytes)), None));
        let sends = blobs.iter().map(|wanted| self.bring(wanted, &task).boxed());
        let fates = try_join_all(sends.collect::<Vec<_>>()).await?;
        let mut sent = Sent::default();
        for (fate, wanted) in fates.into_iter().zip(blobs) {
            match fate {
                Fate::Copied => {
                    sent.copied += 1;
                    sent.bytes = sent.bytes.saturating_add(wanted.blob.size);
                }
                Fate::Mounted => sent.mounted += 1,
                Fate::Elsewhere => sent.elsewhere += 1,
                Fate::Present => {}
            }
        }
        Ok(sent)
    }

    async fn bring(&self, wanted: &Wanted, task: &Arc<Task>) -> Result<Fate, ImageError> {
        let blob = &wanted.blob;
        let holders = self.run.known.holders(self.target.name(), &blob.digest);
        let mut holders = holders.lock().await;
        if holders.contains(self.repository) {
            task.advance(blob.size);
            return Ok(Fate::Present);
        }
        let _turn = self.run.turn().await;
        if let Some(from) = holders.first()
            && self.is_mounted(blob, from).await
        {
            task.advance(blob.size);
            holders.insert(self.repository.to_owned());
            return Ok(Fate::Mounted);
        }
        match self.copy(blob, task).await {
            Ok(()) => {
                holders.insert(self.repository.to_owned());
                Ok(Fate::Copied)
            }
            Err(ImageError::NotFound { .. }) if wanted.is_optional => {
                task.advance(blob.size);
                Ok(Fate::Elsewhere)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the target took the blob over from one of its repositories. Why not does not matter: it can be sent.
    async fn is_mounted(&self, blob: &Descriptor, from: &str) -> bool {
        let mounted = self
            .target
            .mount_blob(self.repository, blob, from, PATIENCE)
            .await;
        matches!(mounted, Ok(true))
    }

    /// Streams one blob; a try that breaks off starts again from the beginning.
    async fn copy(&self, blob: &Descriptor, task: &Arc<Task>) -> Result<(), ImageError> {
        // What was counted at an earlier try is not counted again.
        let counted = Arc::new(AtomicU64::new(0));
        PATIENCE
            .retry(|| {
                async {
                    let content = self.source.blob(self.repository, blob).await?;
                    let (task, counted, mut position) = (task.clone(), counted.clone(), 0);
                    let content = content.inspect_ok(move |piece| {
                        position += piece.len() as u64;
                        let before = counted.fetch_max(position, Ordering::Relaxed);
                        task.advance(position.saturating_sub(before));
                    });
                    self.target
                        .push_blob(self.repository, blob, content, PATIENCE)
                        .await
                }
                .boxed()
            })
            .await
    }
}
