//! A registry, and how one request to it is sent.

use super::{
    Answer, Place,
    authorization::{Authorization, Scope},
    challenge::Challenge,
};
use crate::{error::ImageError, patience::Patience};
use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{self, HeaderName, HeaderValue},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

/// How long a registry may be silent, before an answer or in the middle of one.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// The registry behind one name; cheap to clone, and clones share connections and tokens.
#[derive(Clone)]
pub(crate) struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    base: String,
    client: Client,
    authorization: Authorization,
    /// Whether it has answered anything yet.
    is_met: AtomicBool,
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.inner.name, self.inner.base)
    }
}

/// A request that can be sent again.
pub(super) struct Call<'a> {
    pub method: Method,
    pub url: Url,
    pub scope: Scope,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Option<Bytes>,
    /// What it is about, in errors.
    pub shown: &'a str,
}

impl Registry {
    /// The registry `name` at its place; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The certificate authorities of the place can't be read.
    pub fn new(name: &str, place: Place) -> Result<Self, ImageError> {
        let base = place.base();
        let client = place.client(name)?;
        let authorization = Authorization::new(place.identity, base.starts_with("http:"));
        Ok(Self {
            inner: Arc::new(Inner {
                name: name.to_owned(),
                base,
                client,
                authorization,
                is_met: AtomicBool::new(false),
            }),
        })
    }

    /// The name of the registry.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    pub(super) const fn call<'a>(&self, method: Method, url: Url, scope: Scope, shown: &'a str) -> Call<'a> {
        Call {
            method,
            url,
            scope,
            headers: Vec::new(),
            body: None,
            shown,
        }
    }

    /// The URL of what a repository has under `path`.
    pub(super) fn url(&self, repository: &str, path: &str) -> Result<Url, ImageError> {
        let text = format!("{}/v2/{repository}/{path}", self.inner.base);
        Url::parse(&text).map_err(|error| ImageError::malformed(text, error))
    }

    /// How something of a repository is called in errors: by the name of the registry, not by its address.
    pub(super) fn show(&self, repository: &str, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{separator}{reference}", self.inner.name)
    }

    /// Tries again what may pass. A registry that never answered is not waited for as long as one that is known to be there.
    pub(super) async fn retry<'a, T>(
        &self,
        patience: Patience,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, ImageError>> + Send,
    ) -> Result<T, ImageError> {
        let patience = match self.inner.is_met.load(Ordering::Relaxed) {
            true => patience,
            false => patience.for_a_stranger(),
        };
        patience.retry(attempt).await
    }

    /// Sends `call`, and once more with credentials where the registry asks for them. The answer may be a refusal.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Response, ImageError> {
        let sent = self.credentials(&call.scope, call.shown).await?;
        let response = self.answer(self.request(call, sent.as_ref()), call.shown).await?;
        // Where a registry has sent the request on, somebody else asks, who gets no login.
        if response.status() != StatusCode::UNAUTHORIZED || !self.owns(response.url()) {
            return Ok(response);
        }
        let values = response.headers().get_all(header::WWW_AUTHENTICATE);
        let Some(challenge) = Challenge::strongest(values.iter().filter_map(|value| value.to_str().ok()))
        else {
            return Ok(response);
        };
        let Inner {
            client,
            authorization,
            ..
        } = &*self.inner;
        let better = authorization
            .after_refusal(client, &call.scope, challenge, sent.as_ref(), call.shown)
            .await?;
        match better {
            Some(header) => self.answer(self.request(call, Some(&header)), call.shown).await,
            None => Ok(response),
        }
    }

    /// Sends `call`; an answer that is not one of success is an error.
    pub(super) async fn succeed(&self, call: &Call<'_>) -> Result<Response, ImageError> {
        success(self.send(call).await?, call.shown).await
    }

    /// What to send with a request so that the registry lets it pass, as far as is known yet.
    pub(super) async fn credentials(
        &self,
        scope: &Scope,
        shown: &str,
    ) -> Result<Option<HeaderValue>, ImageError> {
        let Inner {
            client,
            authorization,
            ..
        } = &*self.inner;
        authorization.header(client, scope, shown).await
    }

    /// A request to any place, without credentials.
    pub(super) fn bare_request(&self, method: Method, url: Url) -> RequestBuilder {
        self.inner.client.request(method, url)
    }

    /// Whether a URL is of this registry, so that credentials may be sent there.
    pub(super) fn owns(&self, url: &Url) -> bool {
        Url::parse(&self.inner.base).is_ok_and(|base| base.origin() == url.origin())
    }

    fn request(&self, call: &Call<'_>, credentials: Option<&HeaderValue>) -> RequestBuilder {
        let mut request = self.bare_request(call.method.clone(), call.url.clone());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(credentials) = credentials {
            request = request.header(header::AUTHORIZATION, credentials);
        }
        match &call.body {
            Some(body) => request.body(body.clone()),
            None if call.method == Method::POST => request.header(header::CONTENT_LENGTH, 0),
            None => request,
        }
    }

    /// The answer to a request, which must begin in time.
    async fn answer(&self, request: RequestBuilder, shown: &str) -> Result<Response, ImageError> {
        match timeout(SILENCE, request.send()).await {
            Ok(answer) => {
                let answer = answer.map_err(|error| ImageError::request(shown, error))?;
                self.inner.is_met.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            Err(_) => Err(ImageError::silent(shown, SILENCE)),
        }
    }
}

/// An answer of success; any other is an error.
pub(super) async fn success(response: Response, shown: &str) -> Result<Response, ImageError> {
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(ImageError::answered(shown, Answer::read(response).await))
    }
}

/// An answer that says that something is stored, with one of these statuses; any other is an error.
pub(super) async fn stored(
    response: Response,
    statuses: &[StatusCode],
    shown: &str,
) -> Result<Response, ImageError> {
    if statuses.contains(&response.status()) {
        Ok(response)
    } else {
        Err(ImageError::not_stored(shown, Answer::read(response).await))
    }
}

/// The next piece of a body, which must come in time.
pub(super) async fn next_chunk(response: &mut Response, shown: &str) -> Result<Option<Bytes>, ImageError> {
    match timeout(SILENCE, response.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| ImageError::request(shown, error)),
        Err(_) => Err(ImageError::silent(shown, SILENCE)),
    }
}

/// The whole body of an answer, if it is no longer than `limit`.
pub(super) async fn bounded(mut response: Response, limit: usize, shown: &str) -> Result<Bytes, ImageError> {
    let too_large = || ImageError::TooLarge {
        image: shown.to_owned(),
        limit: format!("{} MiB", limit >> 20),
    };
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = next_chunk(&mut response, shown).await? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}
