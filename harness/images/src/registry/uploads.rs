//! Blobs on their way to a registry: taken over from another repository there, or sent.

use super::{
    Registry,
    authorization::Scope,
    connection::{SILENCE, stored},
};
use crate::{error::ImageError, manifest::Descriptor, patience::Patience};
use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use reqwest::{Body, Method, Response, StatusCode, Url, header};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// How long a registry may be busy with a blob after it has all of it: some move it to another place first.
const DIGESTION: Duration = Duration::from_secs(300);

/// An upload that a registry has agreed to.
#[derive(Debug)]
pub(crate) struct Upload {
    location: Url,
}

impl Registry {
    /// Takes a blob over from the repository `from`; whether the registry did. If it does not, the upload that it began instead is ended.
    pub async fn mount_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        from: &str,
        patience: Patience,
    ) -> Result<bool, ImageError> {
        let digest = blob.digest()?.to_string();
        let query = [("mount", digest.as_str()), ("from", from)];
        let scope = Scope::mount(repository, from);
        match self.begin(repository, &digest, scope, &query, patience).await? {
            None => Ok(true),
            Some(upload) => {
                self.give_up(repository, upload).await;
                Ok(false)
            }
        }
    }

    /// Ends an upload that is not needed; a registry that does not listen ends it by itself one day.
    async fn give_up(&self, repository: &str, upload: Upload) {
        if self.owns(&upload.location) {
            let call = self.call(
                Method::DELETE,
                upload.location,
                Scope::push(repository),
                "an upload",
            );
            let _ = self.send(&call).await;
        }
    }

    /// Begins an upload.
    pub async fn begin_upload(
        &self,
        repository: &str,
        blob: &Descriptor,
        patience: Patience,
    ) -> Result<Upload, ImageError> {
        let digest = blob.digest()?.to_string();
        let scope = Scope::push(repository);
        let upload = self.begin(repository, &digest, scope, &[], patience).await?;
        upload.ok_or_else(|| {
            let shown = self.show(repository, &digest);
            ImageError::malformed(
                format!("the answer about {shown}"),
                "the blob is there before it was sent",
            )
        })
    }

    async fn begin(
        &self,
        repository: &str,
        digest: &str,
        scope: Scope,
        query: &[(&str, &str)],
        patience: Patience,
    ) -> Result<Option<Upload>, ImageError> {
        let shown = self.show(repository, digest);
        let mut url = self.url(repository, "blobs/uploads/")?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let call = self.call(Method::POST, url.clone(), scope, &shown);
        let statuses = [StatusCode::ACCEPTED, StatusCode::CREATED];
        let response = self
            .retry(patience, || {
                async { stored(self.send(&call).await?, &statuses, &shown).await }.boxed()
            })
            .await?;
        if response.status() == StatusCode::CREATED {
            return Ok(None);
        }
        let location = response.headers().get(header::LOCATION);
        let location = location.and_then(|value| url.join(value.to_str().ok()?).ok());
        match location {
            Some(location) => Ok(Some(Upload { location })),
            None => Err(ImageError::malformed(
                format!("the answer about {shown}"),
                "it does not say where to send the content",
            )),
        }
    }

    /// Stores a blob from a stream of exactly `blob.size` bytes. The registry checks the digest.
    pub async fn push_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        content: impl Stream<Item = Result<Bytes, ImageError>> + Send + 'static,
        patience: Patience,
    ) -> Result<(), ImageError> {
        let upload = self.begin_upload(repository, blob, patience).await?;
        self.finish_upload(repository, blob, upload, content).await
    }

    /// Sends the content of a blob to an upload. A failure ends the upload: the next try needs another.
    pub async fn finish_upload(
        &self,
        repository: &str,
        blob: &Descriptor,
        upload: Upload,
        content: impl Stream<Item = Result<Bytes, ImageError>> + Send + 'static,
    ) -> Result<(), ImageError> {
        let shown = self.show(repository, &blob.digest);
        let mut url = upload.location;
        url.query_pairs_mut().append_pair("digest", &blob.digest);
        let credentials = match self.owns(&url) {
            true => self.credentials(&Scope::push(repository), &shown).await?,
            false => None,
        };
        let (flow, flowing) = watch::channel(());
        let broken = Arc::new(Mutex::new(None));
        let content = observed(content, flow, broken.clone());
        let mut request = self
            .bare_request(Method::PUT, url)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, blob.size)
            .body(Body::wrap_stream(content));
        if let Some(credentials) = credentials {
            request = request.header(header::AUTHORIZATION, credentials);
        }
        let sent = tokio::select! {
            answer = request.send() => taken(answer, &shown).await,
            pause = stalled(flowing) => Err(ImageError::silent(&shown, pause)),
        };
        // If the content broke off, the registry's complaint is only the consequence.
        let cause = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
        cause.map_or(sent, Err)
    }

    /// Stores a small blob.
    pub async fn push_small_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        content: &Bytes,
        patience: Patience,
    ) -> Result<(), ImageError> {
        self.retry(patience, || {
            async {
                let stream = futures::stream::iter([Ok(content.clone())]);
                self.push_blob(repository, blob, stream, patience).await
            }
            .boxed()
        })
        .await
    }
}

async fn taken(answer: reqwest::Result<Response>, shown: &str) -> Result<(), ImageError> {
    let response = answer.map_err(|error| ImageError::request(shown, error))?;
    stored(response, &[StatusCode::CREATED], shown).await.map(drop)
}

/// The stream `content`, which tells `flow` of every piece and leaves the error that ends it in `broken`.
fn observed(
    content: impl Stream<Item = Result<Bytes, ImageError>> + Send + 'static,
    flow: watch::Sender<()>,
    broken: Arc<Mutex<Option<ImageError>>>,
) -> impl Stream<Item = Result<Bytes, &'static str>> + Send + 'static {
    content.map(move |piece| {
        flow.send_replace(());
        piece.map_err(|error| {
            *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            "the content broke off"
        })
    })
}

/// Ends when nothing has flowed for too long, and tells for how long.
async fn stalled(mut flowing: watch::Receiver<()>) -> Duration {
    loop {
        match timeout(SILENCE, flowing.changed()).await {
            Ok(Ok(())) => {}
            // All has been sent.
            Ok(Err(_)) => {
                sleep(DIGESTION).await;
                return DIGESTION;
            }
            Err(_) => return SILENCE,
        }
    }
}
