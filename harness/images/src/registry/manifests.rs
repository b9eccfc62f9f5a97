//! Requests about manifests.

use super::{
    Registry,
    authorization::Scope,
    connection::{Call, bounded, stored},
};
use crate::{
    error::ImageError,
    manifest::{ACCEPTED, Manifest},
    name::{Digest, ImageName},
    patience::Patience,
};
use futures::FutureExt;
use reqwest::{
    Method, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

/// The largest manifest that is read: what registries have to take at least is 4 MiB.
pub(super) const LARGEST: usize = 8 << 20;

impl Registry {
    /// The manifest that `image` names; its bytes are those that the digest of the name promises.
    pub async fn manifest(&self, image: &ImageName, patience: Patience) -> Result<Manifest, ImageError> {
        self.manifest_at(image.repository(), &image.reference(), patience)
            .await
    }

    /// The manifest under a tag or digest of `repository`.
    pub async fn manifest_at(
        &self,
        repository: &str,
        reference: &str,
        patience: Patience,
    ) -> Result<Manifest, ImageError> {
        let shown = self.show(repository, reference);
        let call = self.manifest_call(Method::GET, repository, reference, &shown)?;
        let wanted = match reference.contains(':') {
            true => Some(reference.parse::<Digest>()?),
            false => None,
        };
        self.retry(patience, || {
            async {
                let response = self.succeed(&call).await?;
                let content_type = response.headers().get(header::CONTENT_TYPE);
                let content_type = content_type
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned);
                let announced = announced_digest(response.headers());
                let bytes = bounded(response, LARGEST, &shown).await?;
                // Before it is understood: who sends other bytes than were asked for, or than are announced, is told so, whatever
                // they are.
                if let Some(wanted) = wanted.as_ref().or(announced.as_ref()) {
                    let found = Digest::of(&bytes);
                    if found != *wanted {
                        return Err(ImageError::digest(&shown, wanted, &found));
                    }
                }
                Manifest::parse(&shown, bytes).map(|manifest| manifest.sent_as(content_type.as_deref()))
            }
            .boxed()
        })
        .await
    }

    /// The manifest under a tag or digest, or nothing where the registry says that there is none.
    pub async fn find_manifest(
        &self,
        repository: &str,
        reference: &str,
        patience: Patience,
    ) -> Result<Option<Manifest>, ImageError> {
        match self.manifest_at(repository, reference, patience).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(ImageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The digest that the registry announces for a tag or digest, without sending the manifest; nothing where there is none.
    pub async fn announced_digest(
        &self,
        repository: &str,
        reference: &str,
        patience: Patience,
    ) -> Result<Option<Digest>, ImageError> {
        let shown = self.show(repository, reference);
        let call = self.manifest_call(Method::HEAD, repository, reference, &shown)?;
        let answer = self.retry(patience, || self.succeed(&call).boxed()).await;
        let announced = match answer {
            Ok(response) => announced_digest(response.headers()),
            Err(ImageError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        match announced {
            Some(digest) => Ok(Some(digest)),
            // The header is optional.
            None => {
                let manifest = self.find_manifest(repository, reference, patience).await?;
                Ok(manifest.map(|manifest| manifest.digest))
            }
        }
    }

    /// Stores a manifest under a tag or digest.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
        patience: Patience,
    ) -> Result<(), ImageError> {
        let shown = self.show(repository, reference);
        let media_type = manifest
            .media_type
            .parse::<HeaderValue>()
            .map_err(|error| ImageError::malformed(format!("the media type of {shown}"), error))?;
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let mut call = self.call(Method::PUT, url, Scope::push(repository), &shown);
        call.headers.push((header::CONTENT_TYPE, media_type));
        call.body = Some(manifest.bytes.clone());
        let statuses = [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED];
        self.retry(patience, || {
            async { stored(self.send(&call).await?, &statuses, &shown).await }.boxed()
        })
        .await?;
        Ok(())
    }

    fn manifest_call<'a>(
        &self,
        method: Method,
        repository: &str,
        reference: &str,
        shown: &'a str,
    ) -> Result<Call<'a>, ImageError> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let mut call = self.call(method, url, Scope::pull(repository), shown);
        call.headers.extend(accepted());
        Ok(call)
    }
}

/// All kinds of manifests, so that the registry converts none into another.
pub(super) fn accepted() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    ACCEPTED
        .iter()
        .map(|media_type| (header::ACCEPT, HeaderValue::from_static(media_type)))
}

/// What a registry says that the digest of its answer is, if it says so.
fn announced_digest(headers: &HeaderMap) -> Option<Digest> {
    let header = headers.get("docker-content-digest")?;
    header.to_str().ok()?.parse().ok()
}
