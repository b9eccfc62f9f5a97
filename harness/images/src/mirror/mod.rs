//! Copies images from registry to registry, byte for byte, with everything that is attached to them.
//!
//! Four phases, so that the target never shows an image that is not complete: the manifests of the source are read ([`plan`]); the target is
//! asked which of them it has, and those bring their blobs with them; the blobs that are missing are taken over from another repository of
//! the target or sent ([`transfer`]); the manifests are stored, children first and tags last ([`publish`]).
//!
//! Nothing is locked: two mirrors of one image at a time store the same bytes twice at worst. What a mirror that broke off has sent is not
//! sent again: whole blobs stay, and a blob that broke off is sent from its beginning, while its reading from the source goes on where it was.

mod plan;
mod publish;
mod transfer;

use crate::{
    endpoint::Endpoints,
    error::ImageError,
    name::{Digest, ImageName},
    patience::Patience,
};
use futures::{FutureExt, StreamExt, stream};
use plan::Plan;
use plumbline_model::Progress;
use tokio::sync::{Semaphore, SemaphorePermit};
use transfer::{Known, Transfer};

/// How many requests a mirror makes at a time, unless the caller says otherwise.
const JOBS: usize = 8;

const PATIENCE: Patience = Patience::LONG;

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
/// The source is not there, either registry fails for longer than a minute, or content is not what its digest says. The tag of the image is
/// then not written.
pub async fn mirror(
    from: &ImageName,
    to: &str,
    endpoints: &Endpoints,
    progress: &Progress,
) -> Result<Mirrored, ImageError> {
    Run::new(JOBS).mirror(from, to, endpoints, progress).await
}

/// Copies several images as [`mirror()`] does, with up to `jobs` requests at a time; the results are in the order of `images`. What is in
/// several of them is sent once.
pub async fn mirror_all(
    images: &[ImageName],
    to: &str,
    endpoints: &Endpoints,
    jobs: usize,
    progress: &Progress,
) -> Vec<Result<Mirrored, ImageError>> {
    let jobs = jobs.max(1);
    let run = Run::new(jobs);
    // Boxed before they are collected: rust-lang/rust#104382.
    let mirrors = images
        .iter()
        .map(|image| run.mirror(image, to, endpoints, progress).boxed())
        .collect::<Vec<_>>();
    stream::iter(mirrors).buffered(jobs).collect().await
}

/// What the mirrors that go on together share.
struct Run {
    gate: Semaphore,
    known: Known,
}

impl Run {
    fn new(jobs: usize) -> Self {
        Self {
            gate: Semaphore::new(jobs),
            known: Known::default(),
        }
    }

    /// Waits until a further request may be made.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.gate.acquire().await.ok()
    }

    async fn mirror(
        &self,
        from: &ImageName,
        to: &str,
        endpoints: &Endpoints,
        progress: &Progress,
    ) -> Result<Mirrored, ImageError> {
        let target = from.at_registry(to);
        let source_registry = endpoints.registry(from)?;
        let target_registry = endpoints.registry(&target)?;
        let reading = progress.task(format!("reading {from}"));
        let plan = Plan::of(from, &source_registry, self).await?;
        let transfer = Transfer {
            run: self,
            source: &source_registry,
            target: &target_registry,
            repository: from.repository(),
        };
        let absent = transfer.absent_manifests(&plan).await?;
        let missing = transfer.missing_blobs(plan.blobs_of(&absent)).await?;
        drop(reading);
        let sent = transfer.send(&missing, from, progress).await?;
        transfer.publish(&plan, &absent).await?;
        Ok(Mirrored {
            source: from.clone(),
            target,
            digest: plan.digest.clone(),
            manifests: plan.manifests.len(),
            blobs_copied: sent.copied,
            blobs_mounted: sent.mounted,
            blobs_present: plan.blobs().len() - sent.copied - sent.mounted - sent.elsewhere,
            bytes: sent.bytes,
        })
    }
}
