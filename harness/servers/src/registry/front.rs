//! A registry behind this one: its requests are passed on, content streams through, and the login there is the front's own.
//!
//! What the other registry says about itself stays its own, but for where it is: whoever asks the front is to go on asking
//! the front.

use super::{
    answers::{Answer, CONTENT_DIGEST, Refusal},
    content::Stored,
    manifests::SUBJECT,
    server::Call,
};
use crate::{
    Credentials, ServerError, tls,
    upstream::{Upstream, UpstreamError},
};
use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long a request waits for a registry that is being started.
const THERE_WITHIN: Duration = Duration::from_secs(90);

/// More than this is not held in memory.
const LARGEST: usize = 64 << 20;

/// Every kind of manifest, for a registry that gives only what is asked for.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// What errors call it.
const NAME: &str = "the registry that has the content";

/// A registry that another one is the front of.
#[derive(Clone, Debug)]
pub struct OtherRegistry {
    /// Where it listens.
    pub address: SocketAddr,
    /// The authority that has certified it, in PEM; plain HTTP if this is `None`.
    pub authority_pem: Option<String>,
    /// The login there.
    pub credentials: Option<Credentials>,
}

impl OtherRegistry {
    /// Asks whether it is there, and lets in who has the login.
    pub async fn ask(&self) -> Result<(), ServerError> {
        let silent = |reason: String| ServerError::Silent {
            address: self.address,
            reason,
        };
        let base = Uri::from_static("/v2/");
        let asked = Behind::new(self)?
            .ask(Method::GET, &base, HeaderMap::new(), Body::empty())
            .await;
        match asked {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
            Ok(answer) => Err(silent(format!("it answers {}", answer.status()))),
            Err(refusal) => Err(silent(refusal.to_string())),
        }
    }
}

/// The front of a registry that may still have to come.
pub(super) struct Front {
    behind: watch::Sender<Option<Arc<Behind>>>,
}

/// The registry behind the front.
pub(super) struct Behind {
    upstream: Upstream,
    host: HeaderValue,
    login: Option<HeaderValue>,
}

impl Default for Front {
    fn default() -> Self {
        Self {
            behind: watch::Sender::new(None),
        }
    }
}

impl Front {
    pub(super) fn stand_before(&self, other: &OtherRegistry) -> Result<(), ServerError> {
        let behind = Arc::new(Behind::new(other)?);
        self.behind.send_replace(Some(behind));
        Ok(())
    }

    /// The registry, as soon as it is there.
    pub(super) async fn behind(&self) -> Result<Arc<Behind>, Refusal> {
        let mut behind = self.behind.subscribe();
        let there = behind.wait_for(Option::is_some);
        let found = tokio::time::timeout(THERE_WITHIN, there).await;
        let found = found.ok().and_then(Result::ok).and_then(|found| found.clone());
        found.ok_or_else(|| {
            unavailable(format_args!(
                "{NAME} was not there in {} s",
                THERE_WITHIN.as_secs()
            ))
        })
    }

    /// Passes a request on.
    pub(super) async fn answer(&self, call: Call, referrers: bool) -> Answer {
        let behind = self.behind().await?;
        let mut answer = behind
            .ask(call.method, &call.uri, call.headers, call.body)
            .await?;
        if !referrers {
            answer.headers_mut().remove(SUBJECT);
        }
        Ok(answer)
    }

    /// What the other registry has under a digest.
    pub(super) async fn stored(&self, repository: &str, digest: &str) -> Result<Option<Stored>, Refusal> {
        let behind = self.behind().await?;
        for kind in ["manifests", "blobs"] {
            let Ok(uri) = format!("/v2/{repository}/{kind}/{digest}").parse() else {
                return Ok(None);
            };
            let accept = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(MANIFESTS))]);
            let answer = behind.ask(Method::GET, &uri, accept, Body::empty()).await?;
            if answer.status() != StatusCode::OK {
                continue;
            }
            let media_type = answer.headers().get(header::CONTENT_TYPE);
            let media_type = media_type.and_then(|text| Some(text.to_str().ok()?.to_owned()));
            let content = read(answer).await?;
            return Ok(Some(Stored {
                media_type: media_type.filter(|_| kind == "manifests"),
                content,
            }));
        }
        Ok(None)
    }
}

impl Behind {
    fn new(other: &OtherRegistry) -> Result<Self, ServerError> {
        let authority = other.authority_pem.as_deref();
        let tls = authority.map(|pem| tls::client_config("a client of a registry", pem, None));
        Ok(Self {
            upstream: Upstream::new(NAME, other.address, tls.transpose()?),
            // An address has no character that a header cannot have.
            host: HeaderValue::try_from(other.address.to_string())
                .unwrap_or(HeaderValue::from_static("localhost")),
            login: other.credentials.as_ref().map(Credentials::header),
        })
    }

    /// Has the registry answer; places in the answer are those of the front.
    pub(super) async fn ask(&self, method: Method, uri: &Uri, headers: HeaderMap, body: Body) -> Answer {
        let mut request = Request::new(body);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        // The path was part of a valid URI.
        *request.uri_mut() = path.parse().unwrap_or_default();
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::EXPECT);
        headers.extend(self.login.clone().map(|login| (header::AUTHORIZATION, login)));
        let mut answer = self.upstream.send(request).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(Refusal::new(
                StatusCode::BAD_GATEWAY,
                "UNKNOWN",
                format_args!("{NAME} refuses the login of its front"),
            ));
        }
        for name in [header::LOCATION, header::LINK] {
            if let Some(place) = answer.headers().get(&name)
                && let Some(place) = place.to_str().ok().and_then(without_host)
            {
                answer.headers_mut().insert(name, place);
            }
        }
        Ok(answer)
    }
}

/// A place, be it in angle brackets with parameters behind, as a path of whoever is asked. `None` if it is one already.
fn without_host(place: &str) -> Option<HeaderValue> {
    let (before, url) = match place.strip_prefix('<') {
        Some(url) => ("<", url),
        None => ("", place),
    };
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let path = rest.find(['/', '?', '>']).map_or("", |at| &rest[at..]);
    let root = if path.starts_with('/') { "" } else { "/" };
    HeaderValue::try_from(format!("{before}{root}{path}")).ok()
}

/// The whole content of an answer.
pub(super) async fn read(answer: Response) -> Result<Bytes, Refusal> {
    let name = answer.headers().get(CONTENT_DIGEST).cloned();
    let content = axum::body::to_bytes(answer.into_body(), LARGEST).await;
    content.map_err(|error| {
        unavailable(format_args!(
            "{NAME} did not give all of {}: {error}",
            name.as_ref()
                .and_then(|name| name.to_str().ok())
                .unwrap_or("its answer")
        ))
    })
}

fn unavailable(message: impl std::fmt::Display) -> Refusal {
    Refusal::new(StatusCode::BAD_GATEWAY, "UNAVAILABLE", message)
}

impl From<UpstreamError> for Refusal {
    fn from(error: UpstreamError) -> Self {
        tracing::debug!(%error, "a registry is not reached");
        unavailable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_to_the_front() {
        for (place, expected) in [
            (
                "http://127.0.0.1:5000/v2/a/blobs/uploads/1?_state=x",
                "/v2/a/blobs/uploads/1?_state=x",
            ),
            ("https://registry:5000/v2/a", "/v2/a"),
            ("https://registry", "/"),
            ("https://registry?n=1", "/?n=1"),
            (
                "<https://registry/v2/_catalog?n=1>; rel=\"next\"",
                "</v2/_catalog?n=1>; rel=\"next\"",
            ),
        ] {
            assert_eq!(without_host(place).unwrap(), expected, "{place}");
        }
        for place in [
            "/v2/a/blobs/uploads/1",
            "</v2/_catalog?n=1>; rel=\"next\"",
            "1?n=2",
            "",
        ] {
            assert!(without_host(place).is_none(), "{place}");
        }
    }
}
