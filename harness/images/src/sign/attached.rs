//! What is attached to an image in its registry as signatures of it, in both forms.

use super::{
    bundle::{self, BUNDLE},
    evidence::{Broken, Evidence},
    payload,
};
use crate::{error::ImageError, manifest::Descriptor, name::Digest, patience::Patience, registry::Registry};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::Value;

/// Signatures that were found, those that are none among them.
pub(super) type Found = Vec<Result<Evidence, Broken>>;

/// Reads what is attached to one digest.
pub(super) struct Attached<'a> {
    pub registry: &'a Registry,
    pub repository: &'a str,
    pub digest: &'a Digest,
    pub patience: Patience,
}

impl Attached<'_> {
    /// The tag under which signatures of this digest are kept.
    pub fn tag(&self) -> String {
        self.digest.tag(".sig")
    }

    /// Signatures under the tag.
    pub async fn signatures(&self) -> Result<Found, ImageError> {
        let found = self
            .registry
            .find_manifest(self.repository, &self.tag(), self.patience)
            .await;
        let manifest = match broken(found)? {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Ok(Vec::new()),
            Err(broken) => return Ok(vec![Err(broken)]),
        };
        let mut found = Vec::new();
        for layer in &manifest.layers {
            if layer.media_type == payload::SIMPLE_SIGNING {
                found.push(self.signature(layer).await?);
            }
        }
        Ok(found)
    }

    /// One signature: its text is a layer, itself an annotation of that.
    pub async fn signature(&self, layer: &Descriptor) -> Result<Result<Evidence, Broken>, ImageError> {
        let Some(signature) = layer.annotations.get(payload::SIGNATURE) else {
            let reason = format!("the text {} has no signature", layer.digest);
            return Ok(Err(Broken::Malformed(reason)));
        };
        let Ok(signature) = STANDARD.decode(signature) else {
            let reason = format!("the signature of the text {} is not base64", layer.digest);
            return Ok(Err(Broken::Malformed(reason)));
        };
        Ok(self.blob(layer).await?.map(|text| Evidence {
            claim: payload::read(&text),
            message: text.to_vec(),
            signatures: vec![signature],
        }))
    }

    /// Signatures in bundles that refer to the digest.
    pub async fn bundles(&self) -> Result<Found, ImageError> {
        let mut found = Vec::new();
        let referrers = self
            .registry
            .referrers(self.repository, self.digest, self.patience)
            .await?;
        for entry in &referrers.entries {
            // Who does not say what it is has to be looked at.
            let kind = entry.get("artifactType").and_then(Value::as_str);
            if kind.is_none_or(|kind| kind == BUNDLE) {
                self.add_bundles(entry, &mut found).await?;
            }
        }
        Ok(found)
    }

    async fn add_bundles(&self, entry: &Value, found: &mut Found) -> Result<(), ImageError> {
        let digest = entry.get("digest").and_then(Value::as_str).unwrap_or_default();
        let Ok(digest) = digest.parse::<Digest>() else {
            let reason = format!("what refers to {} has no digest", self.digest);
            found.push(Err(Broken::Malformed(reason)));
            return Ok(());
        };
        let manifest = self
            .registry
            .manifest_at(self.repository, &digest.to_string(), self.patience)
            .await;
        let manifest = match broken(manifest)? {
            Ok(manifest) => manifest,
            Err(broken) => {
                found.push(Err(broken));
                return Ok(());
            }
        };
        for layer in &manifest.layers {
            if layer.media_type != BUNDLE {
                continue;
            }
            let read = self.blob(layer).await?.and_then(|text| bundle::read(&text));
            found.extend(read.transpose());
        }
        Ok(())
    }

    async fn blob(&self, layer: &Descriptor) -> Result<Result<Bytes, Broken>, ImageError> {
        broken(
            self.registry
                .small_blob(self.repository, layer, self.patience)
                .await,
        )
    }
}

/// Tells what is wrong with the content, which whoever put it there answers for, from what is wrong with the registry.
fn broken<T>(result: Result<T, ImageError>) -> Result<Result<T, Broken>, ImageError> {
    match result {
        Ok(content) => Ok(Ok(content)),
        Err(error @ ImageError::DigestMismatch { .. }) => Ok(Err(Broken::Tampered(error.to_string()))),
        Err(
            error @ (ImageError::NotFound { .. }
            | ImageError::Malformed { .. }
            | ImageError::Name(_)
            | ImageError::TooLarge { .. }),
        ) => Ok(Err(Broken::Malformed(error.to_string()))),
        Err(error) => Err(error),
    }
}
