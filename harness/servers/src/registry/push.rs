//! Sending an image from its layout to the registry behind a front.

use super::{
    answers::Refusal,
    front::{Behind, Front, read},
    names::Digest,
    seed::{Plan, PlannedManifest},
};
use crate::ServerError;
use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use std::{path::Path, time::Duration};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// How long one blob or manifest may take, on a machine with better things to do.
const SENT_WITHIN: Duration = Duration::from_secs(240);

/// How much of a file is read at once.
const READ_SIZE: usize = 256 << 10;

impl Front {
    /// Sends everything that the plan names and that is not there yet.
    pub(super) async fn push(&self, repository: &str, plan: &Plan) -> Result<(), ServerError> {
        for (digest, path) in &plan.blobs {
            let sent = async { self.behind().await?.push_blob(repository, digest, path).await };
            within(digest, repository, sent).await?;
        }
        for manifest in &plan.manifests {
            let sent = async { self.behind().await?.push_manifest(repository, manifest).await };
            within(&manifest.digest, repository, sent).await?;
        }
        Ok(())
    }
}

impl Behind {
    async fn push_blob(&self, repository: &str, digest: &Digest, path: &Path) -> Result<(), Refusal> {
        let place = uri(&format!("/v2/{repository}/blobs/{digest}"))?;
        let there = self
            .ask(Method::HEAD, &place, HeaderMap::new(), Body::empty())
            .await?;
        if there.status() == StatusCode::OK {
            return Ok(());
        }
        let uploads = uri(&format!("/v2/{repository}/blobs/uploads/"))?;
        let empty = HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(0))]);
        let begun = self.ask(Method::POST, &uploads, empty, Body::empty()).await?;
        let location = begun.headers().get(header::LOCATION).cloned();
        expect(begun, StatusCode::ACCEPTED).await?;
        let location = location.as_ref().and_then(|place| place.to_str().ok());
        let location = location.ok_or_else(|| unexpected("an upload without a place"))?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let file = File::open(path).await?;
        let headers = HeaderMap::from_iter([
            (
                header::CONTENT_LENGTH,
                HeaderValue::from(file.metadata().await?.len()),
            ),
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/octet-stream"),
            ),
        ]);
        let content = Body::from_stream(ReaderStream::with_capacity(file, READ_SIZE));
        let place = uri(&format!("{location}{separator}digest={digest}"))?;
        expect(
            self.ask(Method::PUT, &place, headers, content).await?,
            StatusCode::CREATED,
        )
        .await
    }

    async fn push_manifest(&self, repository: &str, manifest: &PlannedManifest) -> Result<(), Refusal> {
        let digest = manifest.digest.to_string();
        let reference = manifest.tag.as_ref().unwrap_or(&digest);
        let place = uri(&format!("/v2/{repository}/manifests/{reference}"))?;
        let media_type = HeaderValue::try_from(&manifest.record.media_type)
            .map_err(|error| Refusal::bad("MANIFEST_INVALID", error))?;
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
        let body = Body::from(manifest.body.clone());
        expect(
            self.ask(Method::PUT, &place, headers, body).await?,
            StatusCode::CREATED,
        )
        .await
    }
}

/// Waits no longer than that, and tells what was not sent.
async fn within(
    digest: &Digest,
    repository: &str,
    sent: impl Future<Output = Result<(), Refusal>>,
) -> Result<(), ServerError> {
    let failed = |reason: String| ServerError::Seed {
        digest: digest.to_string(),
        repository: repository.to_owned(),
        reason,
    };
    match tokio::time::timeout(SENT_WITHIN, sent).await {
        Ok(sent) => sent.map_err(|refusal| failed(refusal.to_string())),
        Err(_) => Err(failed(format!(
            "it was not done after {} s",
            SENT_WITHIN.as_secs()
        ))),
    }
}

/// Reads the answer to its end, so that its connection can be used again.
async fn expect(answer: Response, status: StatusCode) -> Result<(), Refusal> {
    let given = answer.status();
    let said = read(answer).await?;
    if given == status {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    Err(unexpected(format_args!("{given}: {}", said.trim())))
}

fn unexpected(what: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        StatusCode::BAD_GATEWAY,
        "UNKNOWN",
        format_args!("it answered {what}"),
    )
}

fn uri(text: &str) -> Result<Uri, Refusal> {
    text.parse()
        .map_err(|error| unexpected(format_args!("{text}: {error}")))
}
