//! Copies an image from registry to registry, byte for byte, with everything that is attached to it.
//!
//! Three phases, so that the target never shows an image that is not complete: the manifests of the source are
//! walked, then the blobs that the target lacks are streamed, then the manifests are stored, children first and tags
//! last. Nothing is locked: two mirrors of one image at a time store the same bytes twice at worst.

use crate::{
    endpoint::Endpoints,
    error::ImageError,
    manifest::{Descriptor, Manifest},
    name::{Digest, ImageName},
    patience::Patience,
    registry::Registry,
};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use oci_client::manifest::ImageIndexEntry;
use plumbline_model::{Progress, Task, Unit};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// How many blobs are transferred at a time.
const PARALLEL: usize = 4;

/// The tags, made from a digest, under which cosign keeps signatures, attestations and bills of materials.
const ATTACHED: [&str; 3] = [".sig", ".att", ".sbom"];

/// What a mirror did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// The image that was read.
    pub source: ImageName,
    /// The image that was written: the source with another host.
    pub target: ImageName,
    /// The digest, the same on both sides: that of the index if the source is one.
    pub digest: Digest,
    /// How many manifests the image and its attachments consist of.
    pub manifests: usize,
    /// How many blobs were sent.
    pub blobs_copied: usize,
    /// How many blobs the target took over from another of its repositories.
    pub blobs_mounted: usize,
    /// How many blobs the target had.
    pub blobs_present: usize,
    /// How many bytes of blobs were sent.
    pub bytes: u64,
}

/// Copies `from` to the registry `to`: the index with every child, referrers, and cosign's tags.
///
/// # Errors
///
/// The source is not there, either registry fails for longer than a minute, or content is not what its digest says.
pub async fn mirror(
    from: &ImageName,
    to: &str,
    endpoints: &Endpoints,
    progress: &Progress,
) -> Result<Mirrored, ImageError> {
    let target = from.at_registry(to);
    let source_registry = endpoints.registry(from)?;
    let target_registry = endpoints.registry(&target)?;
    let mut plan = Plan::new(&source_registry, from.repository());
    let digest = plan.root(from).await?;

    let transfer = Transfer {
        source: &source_registry,
        target: &target_registry,
        repository: from.repository(),
        total: plan.blobs.values().map(|blob| blob.size).sum(),
    };
    let missing = transfer.missing(&plan.blobs).await?;
    let bytes = missing.iter().map(|blob| blob.size).sum();
    transfer.send(&missing, from, progress).await?;
    transfer.publish(&plan).await?;
    Ok(Mirrored {
        source: from.clone(),
        target,
        digest,
        manifests: plan.manifests.len(),
        blobs_copied: missing.len(),
        blobs_mounted: 0,
        blobs_present: plan.blobs.len() - missing.len(),
        bytes,
    })
}

/// Copies several images as [`mirror()`] does, some at a time; the results are in the order of `images`.
pub async fn mirror_all(
    images: &[ImageName],
    to: &str,
    endpoints: &Endpoints,
    jobs: usize,
    progress: &Progress,
) -> Vec<Result<Mirrored, ImageError>> {
    let mirrors = images
        .iter()
        .map(|image| mirror(image, to, endpoints, progress).boxed())
        .collect::<Vec<_>>();
    stream::iter(mirrors).buffered(jobs.max(1)).collect().await
}

/// What has to be in the target in the end.
struct Plan<'a> {
    source: &'a Registry,
    repository: &'a str,
    /// Children before those that refer to them.
    manifests: Vec<Manifest>,
    blobs: BTreeMap<String, Descriptor>,
    referrers: Vec<(Digest, Vec<ImageIndexEntry>)>,
    /// Attachments before the image.
    tags: Vec<(String, Digest)>,
    seen: HashSet<Digest>,
}

impl<'a> Plan<'a> {
    fn new(source: &'a Registry, repository: &'a str) -> Self {
        Self {
            source,
            repository,
            manifests: Vec::new(),
            blobs: BTreeMap::new(),
            referrers: Vec::new(),
            tags: Vec::new(),
            seen: HashSet::new(),
        }
    }

    async fn root(&mut self, image: &ImageName) -> Result<Digest, ImageError> {
        let manifest = self.source.manifest(image, Patience::LONG).await?;
        let digest = manifest.digest.clone();
        self.add(manifest).await?;
        self.tags
            .extend(image.tag().map(|tag| (tag.to_owned(), digest.clone())));
        Ok(digest)
    }

    /// Adds a manifest, what it consists of, and what is attached to it; each once.
    fn add(&mut self, manifest: Manifest) -> BoxFuture<'_, Result<(), ImageError>> {
        Box::pin(async move {
            let digest = manifest.digest.clone();
            if !self.seen.insert(digest.clone()) {
                return Ok(());
            }
            for child in manifest.children.iter().flatten() {
                self.add_digest(&child.digest()?).await?;
            }
            for blob in manifest.blobs() {
                blob.digest()?;
                self.blobs.insert(blob.digest.clone(), blob.clone());
            }
            self.manifests.push(manifest);
            self.add_attached(&digest).await
        })
    }

    async fn add_digest(&mut self, digest: &Digest) -> Result<(), ImageError> {
        let manifest = self
            .source
            .manifest_at(self.repository, &digest.to_string(), Patience::LONG)
            .await?;
        self.add(manifest).await
    }

    async fn add_attached(&mut self, digest: &Digest) -> Result<(), ImageError> {
        let referrers = self
            .source
            .referrers(self.repository, digest, Patience::LONG)
            .await?;
        for referrer in &referrers {
            self.add_digest(&referrer.digest.parse()?).await?;
        }
        if !referrers.is_empty() {
            self.referrers.push((digest.clone(), referrers));
        }
        for suffix in ATTACHED {
            let tag = digest.tag(suffix);
            if let Some(manifest) = self
                .source
                .find_manifest(self.repository, &tag, Patience::LONG)
                .await?
            {
                self.tags.push((tag, manifest.digest.clone()));
                self.add(manifest).await?;
            }
        }
        Ok(())
    }
}

struct Transfer<'a> {
    source: &'a Registry,
    target: &'a Registry,
    repository: &'a str,
    total: u64,
}

impl Transfer<'_> {
    async fn missing(&self, blobs: &BTreeMap<String, Descriptor>) -> Result<Vec<Descriptor>, ImageError> {
        // Boxed before they are collected: rust-lang/rust#104382.
        let questions = blobs
            .values()
            .map(|blob| {
                async move {
                    let present = self
                        .target
                        .has_blob(self.repository, &blob.digest()?, Patience::LONG)
                        .await?;
                    Ok::<_, ImageError>((!present).then(|| blob.clone()))
                }
                .boxed()
            })
            .collect::<Vec<_>>();
        let answers = stream::iter(questions)
            .buffered(PARALLEL)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn send(
        &self,
        blobs: &[Descriptor],
        image: &ImageName,
        progress: &Progress,
    ) -> Result<(), ImageError> {
        if blobs.is_empty() {
            return Ok(());
        }
        let task = Arc::new(progress.sized_task(
            format!("mirroring {image}"),
            Some((self.total, Unit::Bytes)),
            None,
        ));
        let missing = blobs.iter().map(|blob| blob.size).sum::<u64>();
        task.advance(self.total.saturating_sub(missing));
        let transfers = blobs
            .iter()
            .map(|blob| self.send_blob(blob, &task).boxed())
            .collect::<Vec<_>>();
        stream::iter(transfers)
            .buffer_unordered(PARALLEL)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(())
    }

    /// Streams one blob; a try that breaks off starts again from the beginning.
    async fn send_blob(&self, blob: &Descriptor, task: &Arc<Task>) -> Result<(), ImageError> {
        Patience::LONG
            .retry(|| {
                async {
                    let content = self.source.blob(self.repository, blob).await?;
                    let task = task.clone();
                    let counted = content.inspect_ok(move |chunk| task.advance(chunk.len() as u64));
                    self.target
                        .push_blob(self.repository, blob, counted, Patience::LONG)
                        .await
                }
                .boxed()
            })
            .await
    }

    async fn publish(&self, plan: &Plan<'_>) -> Result<(), ImageError> {
        let (repository, patience) = (self.repository, Patience::LONG);
        for manifest in &plan.manifests {
            let digest = manifest.digest.to_string();
            if self
                .target
                .find_manifest(repository, &digest, patience)
                .await?
                .is_none()
            {
                self.target
                    .push_manifest(repository, &digest, manifest, patience)
                    .await?;
            }
        }
        for (digest, referrers) in &plan.referrers {
            self.target
                .ensure_referrers(repository, digest, referrers, patience)
                .await?;
        }
        for (tag, digest) in &plan.tags {
            let present = self.target.find_manifest(repository, tag, patience).await?;
            if present.is_some_and(|present| present.digest == *digest) {
                continue;
            }
            if let Some(manifest) = plan.manifests.iter().find(|manifest| manifest.digest == *digest) {
                self.target
                    .push_manifest(repository, tag, manifest, patience)
                    .await?;
            }
        }
        Ok(())
    }
}
