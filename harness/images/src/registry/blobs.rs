//! Requests about blobs that a registry has.

use super::{Registry, authorization::Scope, connection::next_chunk};
use crate::{error::ImageError, manifest::Descriptor, name::Digest, patience::Patience};
use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use reqwest::{Method, Response, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// The largest blob that is read into memory: configurations and signatures.
const SMALL: u64 = 4 << 20;

/// How often a stream goes on where it broke off.
const CONTINUATIONS: u32 = 4;

impl Registry {
    /// Whether the repository has a blob.
    pub async fn has_blob(
        &self,
        repository: &str,
        digest: &Digest,
        patience: Patience,
    ) -> Result<bool, ImageError> {
        let digest = digest.to_string();
        let shown = self.show(repository, &digest);
        let url = self.url(repository, &format!("blobs/{digest}"))?;
        let call = self.call(Method::HEAD, url, Scope::pull(repository), &shown);
        match self.retry(patience, || self.succeed(&call).boxed()).await {
            Ok(_) => Ok(true),
            Err(ImageError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The content of a small blob.
    pub async fn small_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        patience: Patience,
    ) -> Result<Bytes, ImageError> {
        if blob.size > SMALL {
            return Err(ImageError::TooLarge {
                image: self.show(repository, &blob.digest),
                limit: format!("{} MiB", SMALL >> 20),
            });
        }
        self.retry(patience, || {
            async {
                let mut stream = self.blob(repository, blob).await?;
                let mut content = Vec::new();
                while let Some(chunk) = stream.next().await {
                    content.extend_from_slice(&chunk?);
                }
                Ok(content.into())
            }
            .boxed()
        })
        .await
    }

    /// Streams a blob. What the stream yields as a whole is of the size and the digest of `blob`: if not, it ends in an error before the
    /// last piece. Where the connection breaks, the stream goes on from there a few times.
    pub async fn blob(
        &self,
        repository: &str,
        blob: &Descriptor,
    ) -> Result<BoxStream<'static, Result<Bytes, ImageError>>, ImageError> {
        let mut download = Download {
            registry: self.clone(),
            repository: repository.to_owned(),
            digest: blob.digest()?,
            size: blob.size,
            received: 0,
            hash: Sha256::new(),
            continuations: CONTINUATIONS,
            response: None,
        };
        download.response = Some(download.open().await?);
        Ok(stream::try_unfold(download, Download::next).boxed())
    }
}

/// A blob on its way here.
struct Download {
    registry: Registry,
    repository: String,
    digest: Digest,
    size: u64,
    received: u64,
    hash: Sha256,
    continuations: u32,
    response: Option<Response>,
}

impl Download {
    fn shown(&self) -> String {
        self.registry.show(&self.repository, &self.digest.to_string())
    }

    /// Asks for the content from where it broke off.
    async fn open(&self) -> Result<Response, ImageError> {
        let shown = self.shown();
        let url = self
            .registry
            .url(&self.repository, &format!("blobs/{}", self.digest))?;
        let mut call = self
            .registry
            .call(Method::GET, url, Scope::pull(&self.repository), &shown);
        if self.received > 0 {
            let range = format!("bytes={}-", self.received).parse();
            let range = range.map_err(|error| ImageError::malformed("a range", error))?;
            call.headers.push((header::RANGE, range));
        }
        let response = self.registry.succeed(&call).await?;
        if self.received > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(ImageError::malformed(
                shown,
                "the registry sends no part of it, only the whole",
            ));
        }
        Ok(response)
    }

    /// The next piece, and what is needed for those behind it.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ImageError> {
        loop {
            match self.piece().await {
                Ok(piece) => return Ok(piece.map(|piece| (piece, self))),
                Err(error) if error.is_transient() && self.continuations > 0 => {
                    self.continuations -= 1;
                    self.response = None;
                    // Why it cannot go on matters less than why it broke off.
                    self.response = Some(self.open().await.map_err(|_| error)?);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, ImageError> {
        let shown = self.shown();
        let Some(response) = &mut self.response else {
            return Ok(None);
        };
        let Some(piece) = next_chunk(response, &shown).await? else {
            if self.received < self.size {
                return Err(self.other_size());
            }
            // An empty blob has no piece to check at.
            if self.size == 0 {
                self.check()?;
            }
            return Ok(None);
        };
        self.received += piece.len() as u64;
        self.hash.update(&piece);
        if self.received > self.size {
            return Err(self.other_size());
        }
        if self.received == self.size {
            self.check()?;
        }
        Ok(Some(piece))
    }

    fn check(&self) -> Result<(), ImageError> {
        let found = Digest::from_hasher(self.hash.clone());
        if found == self.digest {
            Ok(())
        } else {
            Err(ImageError::digest(self.shown(), &self.digest, &found))
        }
    }

    fn other_size(&self) -> ImageError {
        let found = match self.received > self.size {
            true => "more".to_owned(),
            false => self.received.to_string(),
        };
        ImageError::DigestMismatch {
            image: self.shown(),
            detail: format!("wanted {} bytes, found {found}", self.size),
        }
    }
}
