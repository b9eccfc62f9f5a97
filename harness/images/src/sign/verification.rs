//! Verification: one answer for each way in which an image can fail to be signed.

use super::{attached::Attached, judgement::Judgement, trust::TrustedKeys};
use crate::{
    endpoint::Endpoints,
    error::ImageError,
    manifest::Manifest,
    name::{Digest, ImageName},
    patience::Patience,
    registry::Registry,
};
use futures::{StreamExt as _, future::BoxFuture};
use std::{collections::HashSet, time::Duration};

/// How long a verification may take, blobs not counted; a registry that takes longer has not answered.
const LONGEST: Duration = Duration::from_secs(20);

/// An image whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The digest that is signed and whose content the registry really serves.
    pub digest: Digest,
    /// How many signatures that count were looked at; one at least.
    pub signatures: usize,
    /// The names of the keys that signed, sorted.
    pub keys: Vec<String>,
}

/// How much of an image is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Every child of an index must be signed as well.
    pub recursive: bool,
    /// Every blob is pulled too: what a registry serves for it must be what the manifest says.
    pub contents: bool,
}

/// Why an image is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no such image.
    #[error("{image} is not in its registry, so there is nothing to verify; mirror it first")]
    NotFound {
        /// The image.
        image: String,
    },
    /// Nobody has signed the image.
    #[error("{image} is not signed: its registry has no signature for it")]
    Unsigned {
        /// The image.
        image: String,
    },
    /// The image has signatures, but none of them is by a key that is trusted.
    #[error("{image} is signed, but not by this key: {signatures} by others, none that counts")]
    WrongKey {
        /// The image.
        image: String,
        /// How many signatures of others there are.
        signatures: usize,
    },
    /// A trusted key has signed something else, or the registry serves something else.
    #[error("{image} is not what was signed: {detail}")]
    DigestMismatch {
        /// The image.
        image: String,
        /// What differs.
        detail: String,
    },
    /// The key that signed was taken back.
    #[error("{image} is signed by the key `{key}` only, which is revoked; sign it with a key that counts")]
    Revoked {
        /// The image.
        image: String,
        /// What the key is called.
        key: String,
    },
    /// The key that signed counts no more, or not yet.
    #[error("{image} is signed by the key `{key}` only, which {reason}; sign it with a key that counts")]
    Expired {
        /// The image.
        image: String,
        /// What the key is called.
        key: String,
        /// Since when, or from when on.
        reason: String,
    },
    /// What stands where a signature should be is none.
    #[error("{image} has no signature that could be checked: {detail}; sign it again")]
    Malformed {
        /// The image.
        image: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Whether the image is signed can't be told.
    #[error("cannot tell whether {image} is signed")]
    CannotTell {
        /// The image.
        image: String,
        /// Why not.
        #[source]
        source: ImageError,
    },
}

impl VerifyError {
    /// The verdict in a word, as scenarios write it.
    #[must_use]
    pub const fn verdict(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::Unsigned { .. } => "unsigned",
            Self::WrongKey { .. } => "wrong-key",
            Self::DigestMismatch { .. } => "mismatch",
            Self::Revoked { .. } => "revoked",
            Self::Expired { .. } => "expired",
            Self::Malformed { .. } => "malformed",
            Self::CannotTell { .. } => "cannot-tell",
        }
    }
}

/// Checks that `image` is signed by one of the `trusted` keys, in either form, and that its registry serves what was signed.
///
/// # Errors
///
/// See [`VerifyError`]: an unsigned image is never confused with a registry that fails.
pub async fn verify(
    image: &ImageName,
    trusted: &TrustedKeys,
    options: VerifyOptions,
    endpoints: &Endpoints,
) -> Result<Verified, VerifyError> {
    let registry = endpoints
        .registry(image)
        .map_err(|error| cannot_tell(image, error))?;
    let mut verification = Verification {
        registry: &registry,
        trusted,
        options,
        seen: HashSet::new(),
    };
    let signed = tokio::time::timeout(LONGEST, verification.signatures(image));
    let Ok(signed) = signed.await else {
        let late = ImageError::TimedOut {
            what: format!("looking for the signatures of {image}"),
            seconds: LONGEST.as_secs(),
        };
        return Err(cannot_tell(image, late));
    };
    let (verified, manifests) = signed?;
    if options.contents {
        for manifest in &manifests {
            verification.contents(image, manifest).await?;
        }
    }
    Ok(verified)
}

struct Verification<'a> {
    registry: &'a Registry,
    trusted: &'a TrustedKeys,
    options: VerifyOptions,
    seen: HashSet<Digest>,
}

impl Verification<'_> {
    /// Verifies the image, and with it what is asked for of its children; gives all manifests that were seen.
    fn signatures<'b>(
        &'b mut self,
        image: &'b ImageName,
    ) -> BoxFuture<'b, Result<(Verified, Vec<Manifest>), VerifyError>> {
        Box::pin(async move {
            let manifest = self.served(image).await?;
            let verified = self.signature(image, &manifest.digest).await?;
            let children = manifest.children.clone().unwrap_or_default();
            let mut manifests = vec![manifest];
            for child in children {
                let digest = child.digest().map_err(|error| cannot_tell(image, error))?;
                if !self.seen.insert(digest.clone()) {
                    continue;
                }
                let child = image.with_digest(digest);
                if self.options.recursive {
                    manifests.extend(self.signatures(&child).await?.1);
                } else if self.options.contents {
                    manifests.push(self.served(&child).await?);
                }
            }
            Ok((verified, manifests))
        })
    }

    async fn signature(&self, image: &ImageName, digest: &Digest) -> Result<Verified, VerifyError> {
        let attached = Attached {
            registry: self.registry,
            repository: image.repository(),
            digest,
            patience: Patience::SHORT,
        };
        let mut judgement = Judgement::new(image, digest, self.trusted);
        let found = attached.signatures().await;
        for found in found.map_err(|error| cannot_tell(image, error))? {
            judgement.add(found);
        }
        if !judgement.is_verified() {
            let found = attached.bundles().await;
            for found in found.map_err(|error| cannot_tell(image, error))? {
                judgement.add(found);
            }
        }
        judgement.verdict()
    }

    /// The manifest of the image, pulled by its very digest: signatures alone would also hold for a registry that announces the
    /// signed digest and serves other bytes.
    async fn served(&self, image: &ImageName) -> Result<Manifest, VerifyError> {
        match image.digest() {
            Some(digest) => self.pull(image, &digest.to_string()).await,
            None => {
                let named = self.pull(image, &image.reference()).await?;
                self.pull(image, &named.digest.to_string()).await
            }
        }
    }

    async fn pull(&self, image: &ImageName, reference: &str) -> Result<Manifest, VerifyError> {
        self.registry
            .manifest_at(image.repository(), reference, Patience::SHORT)
            .await
            .map_err(|error| match error {
                ImageError::NotFound { .. } => VerifyError::NotFound {
                    image: image.to_string(),
                },
                error => cannot_tell(image, error),
            })
    }

    /// Pulls every blob of the manifest and drops it: the stream ends in an error where the content is not that of its digest.
    async fn contents(&self, image: &ImageName, manifest: &Manifest) -> Result<(), VerifyError> {
        for blob in manifest.blobs() {
            let content = self.registry.blob(image.repository(), blob).await;
            let mut content = content.map_err(|error| incomplete(image, error))?;
            while let Some(chunk) = content.next().await {
                chunk.map_err(|error| incomplete(image, error))?;
            }
        }
        Ok(())
    }
}

/// A blob that is not there makes the image another one than was signed.
fn incomplete(image: &ImageName, error: ImageError) -> VerifyError {
    match error {
        ImageError::NotFound { .. } => VerifyError::DigestMismatch {
            image: image.to_string(),
            detail: error.to_string(),
        },
        error => cannot_tell(image, error),
    }
}

fn cannot_tell(image: &ImageName, error: ImageError) -> VerifyError {
    let image = image.to_string();
    match error {
        ImageError::DigestMismatch { detail, .. } => VerifyError::DigestMismatch { image, detail },
        source => VerifyError::CannotTell { image, source },
    }
}
