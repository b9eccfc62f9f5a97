//! Verification: one answer for each way in which an image can fail to be signed.

use super::payload;
use crate::{
    endpoint::Endpoints,
    error::ImageError,
    name::{Digest, ImageName},
    patience::Patience,
    registry::Registry,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::{
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    pkcs8::DecodePublicKey,
};

/// An image whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The digest that is signed and whose content the registry really serves.
    pub digest: Digest,
    /// How many signatures of the key hold; one at least.
    pub signatures: usize,
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
    /// The image has signatures, but none of them is by the key.
    #[error("{image} is signed, but not by this key: none of its {signatures} signature(s) holds")]
    WrongKey {
        /// The image.
        image: String,
        /// How many signatures of others there are.
        signatures: usize,
    },
    /// The key has signed something else, or the registry serves something else.
    #[error("{image} is not what was signed: {detail}")]
    DigestMismatch {
        /// The image.
        image: String,
        /// What differs.
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
    /// The public key is not one.
    #[error("the public key is not a P-256 key in PEM: {reason}")]
    InvalidKey {
        /// What is wrong with it.
        reason: String,
    },
}

/// Checks that `image` is signed by the key of `public_pem`, and that its registry serves what was signed.
///
/// # Errors
///
/// See [`VerifyError`]: an unsigned image is never confused with a registry that fails.
pub async fn verify(
    image: &ImageName,
    public_pem: &str,
    endpoints: &Endpoints,
) -> Result<Verified, VerifyError> {
    let key = VerifyingKey::from_public_key_pem(public_pem).map_err(|error| VerifyError::InvalidKey {
        reason: error.to_string(),
    })?;
    let verification = Verification {
        image,
        shown: image.to_string(),
        key,
    };
    let registry = endpoints
        .registry(image)
        .map_err(|error| verification.cannot_tell(error))?;
    verification.run(&registry).await
}

struct Verification<'a> {
    image: &'a ImageName,
    shown: String,
    key: VerifyingKey,
}

impl Verification<'_> {
    async fn run(&self, registry: &Registry) -> Result<Verified, VerifyError> {
        let digest = self.served_digest(registry).await?;
        let repository = self.image.repository();
        let manifest = registry
            .find_manifest(repository, &digest.tag(".sig"), Patience::SHORT)
            .await
            .map_err(|error| self.cannot_tell(error))?
            .ok_or_else(|| VerifyError::Unsigned {
                image: self.shown.clone(),
            })?;

        let layers = manifest
            .layers
            .iter()
            .filter(|layer| layer.media_type == payload::SIMPLE_SIGNING);
        let (mut seen, mut holding, mut other) = (0, 0, None);
        for layer in layers {
            let Some(signature) = layer.annotations.get(payload::SIGNATURE) else {
                continue;
            };
            seen += 1;
            let text = registry
                .small_blob(repository, layer, Patience::SHORT)
                .await
                .map_err(|error| self.cannot_tell(error))?;
            if !self.holds(&text, signature) {
                continue;
            }
            match payload::read(&text) {
                Some(signed) if signed == digest => holding += 1,
                signed => other = Some(signed),
            }
        }
        match (seen, holding, other) {
            (0, ..) => Err(VerifyError::Unsigned {
                image: self.shown.clone(),
            }),
            (_, 0, Some(signed)) => {
                let what = signed.map_or_else(
                    || "something that is no image".to_owned(),
                    |signed| signed.to_string(),
                );
                let detail = format!("the signature that is attached to {digest} is about {what}");
                Err(VerifyError::DigestMismatch {
                    image: self.shown.clone(),
                    detail,
                })
            }
            (_, 0, None) => Err(VerifyError::WrongKey {
                image: self.shown.clone(),
                signatures: seen,
            }),
            _ => Ok(Verified {
                digest,
                signatures: holding,
            }),
        }
    }

    /// The digest of the image, after its content has been pulled by that very digest: signatures alone would also
    /// hold for a registry that announces the signed digest and serves other bytes.
    async fn served_digest(&self, registry: &Registry) -> Result<Digest, VerifyError> {
        let named = match self.image.digest() {
            Some(digest) => digest.clone(),
            None => self.pull(registry, &self.image.reference()).await?,
        };
        self.pull(registry, &named.to_string()).await
    }

    async fn pull(&self, registry: &Registry, reference: &str) -> Result<Digest, VerifyError> {
        match registry
            .manifest_at(self.image.repository(), reference, Patience::SHORT)
            .await
        {
            Ok(manifest) => Ok(manifest.digest),
            Err(ImageError::NotFound { .. }) => Err(VerifyError::NotFound {
                image: self.shown.clone(),
            }),
            Err(error) => Err(self.cannot_tell(error)),
        }
    }

    fn holds(&self, text: &[u8], signature: &str) -> bool {
        let signature = STANDARD
            .decode(signature)
            .ok()
            .and_then(|der| Signature::from_der(&der).ok());
        signature.is_some_and(|signature| self.key.verify(text, &signature).is_ok())
    }

    fn cannot_tell(&self, error: ImageError) -> VerifyError {
        let image = self.shown.clone();
        match error {
            ImageError::DigestMismatch { detail, .. } => VerifyError::DigestMismatch { image, detail },
            source => VerifyError::CannotTell { image, source },
        }
    }
}
