//! The registry as a running server: dispatch, request log, and the switches that tests need.

use super::{
    answers::{Answer, Refusal},
    authorization::{Authorization, Challenge},
    content::{Content, RegistryContent},
    disturbances::{Alteration, Disturbances, RepositoryPart},
    fault::{Fault, Faults},
    front::OtherRegistry,
    names::{self, Digest},
    routes::Route,
};
use crate::{Availability, ClientConnection, Credentials, Listener, Server, ServerError, record::BoundedLog};
use axum::{
    body::Body,
    extract::{Query, Request},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use rustls::ServerConfig;
use serde_json::Value;
use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// How many requests are remembered.
const REMEMBERED: usize = 10_000;

/// How to start a [`Registry`].
pub struct RegistryOptions {
    /// What logs call it: `upstream`, `private`.
    pub name: String,
    /// Where its content is.
    pub content: RegistryContent,
    /// Who may use it; nobody is asked if this is `None`.
    pub credentials: Option<Credentials>,
    /// Its TLS configuration; plain HTTP if this is `None`.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// The status of the answer.
    pub status: u16,
}

/// A running registry; dropping it stops the server and leaves the content.
pub struct Registry {
    inner: Arc<Inner>,
    server: Server,
}

struct Inner {
    name: String,
    content: Content,
    authorization: Authorization,
    requests: BoundedLog<RequestRecord>,
    faults: Faults,
    disturbances: Disturbances,
    read_only: AtomicBool,
    referrers: AtomicBool,
    address: SocketAddr,
}

/// The parts of a request that its answer may depend on.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    parameters: Vec<(String, String)>,
}

impl Call {
    /// Whether it changes nothing.
    pub(super) const fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// The values of the query parameter `name`.
    pub(super) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Registry {
    /// Starts a registry on its content.
    pub async fn start(options: RegistryOptions) -> Result<Self, ServerError> {
        let content = Content::open(options.content)?;
        let authorization = Authorization::new(options.credentials, options.tls.is_some());
        let listener = Listener::bind_loopback(options.address)
            .await?
            .with_tls(options.tls);
        let inner = Arc::new(Inner {
            name: options.name,
            content,
            authorization,
            requests: BoundedLog::new(REMEMBERED),
            faults: Faults::default(),
            disturbances: Disturbances::default(),
            read_only: AtomicBool::new(false),
            referrers: AtomicBool::new(true),
            address: listener.address(),
        });
        let serving = inner.clone();
        let server = Server::start(listener, move |request, _| {
            let inner = serving.clone();
            async move { inner.respond(request).await }
        });
        Ok(Self { inner, server })
    }

    /// Passes requests on to this registry from now on; nothing where the content is in a directory.
    pub fn stand_before(&self, other: &OtherRegistry) -> Result<(), ServerError> {
        match &self.inner.content {
            Content::Own { .. } => Ok(()),
            Content::Another(front) => front.stand_before(other),
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The newest requests, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.inner.requests.snapshot()
    }

    /// Takes the registry out of reach, slows it down, or brings it back, at once and for connections that stand too.
    pub fn set_availability(&self, availability: Availability) {
        self.server.set_availability(availability);
    }

    /// How the registry meets its clients now.
    pub fn availability(&self) -> Availability {
        self.server.availability()
    }

    /// Asks `rule`, with method and URI, about each further request; it replaces an earlier rule.
    pub fn set_fault(&self, rule: impl Fn(&Method, &str) -> Option<Fault> + Send + Sync + 'static) {
        self.inner.faults.set(Some(Arc::new(rule)));
    }

    /// Ends the faults.
    pub fn clear_fault(&self) {
        self.inner.faults.set(None);
    }

    /// Refuses, or again allows, everything that changes content.
    pub fn set_read_only(&self, read_only: bool) {
        self.inner.read_only.store(read_only, Ordering::Relaxed);
    }

    /// Switches the referrers API on or off, as registries of specification 1.0 lack it.
    pub fn set_referrers(&self, enabled: bool) {
        self.inner.referrers.store(enabled, Ordering::Relaxed);
    }

    /// Chooses how clients are asked for credentials; [`Challenge::Basic`] at first.
    pub fn set_challenge(&self, challenge: Challenge) {
        self.inner.authorization.set_challenge(challenge);
    }

    /// Makes the image in the OCI image layout at `layout` available as `repository:tag`; returns its digest.
    ///
    /// Blobs are not hashed again: the layout is our own, and each size is checked. Manifests are hashed. A directory of our own
    /// has the blobs linked where the file system can, else copied; to another registry they are sent.
    pub async fn seed(&self, repository: &str, tag: &str, layout: &Path) -> Result<String, ServerError> {
        check(
            "repository",
            repository,
            names::is_repository,
            "use lower-case words separated by slashes",
        )?;
        check(
            "tag",
            tag,
            names::is_tag,
            "use at most 128 letters, digits, dots, dashes and underscores",
        )?;
        self.inner.content.seed(repository, tag, layout).await
    }

    /// Takes one repository out of reach, or a part of it, slows it down, or brings it back; others are served as ever.
    pub fn set_repository_availability(
        &self,
        repository: &str,
        part: RepositoryPart,
        availability: Availability,
    ) {
        let disturbances = &self.inner.disturbances;
        disturbances.set_availability(repository, part, availability);
    }

    /// From now on serves something else where the content of `digest`, a manifest or a blob, is asked for; the digest that
    /// is announced stays the same, and so does the answer to HEAD.
    pub async fn alter(
        &self,
        repository: &str,
        digest: &str,
        alteration: Alteration,
    ) -> Result<(), ServerError> {
        self.stored(repository, digest).await?;
        if let Alteration::ContentOf(other) = &alteration {
            self.stored(repository, other).await?;
        }
        if let Some(digest) = Digest::parse(digest) {
            self.inner.disturbances.alter(repository, digest, alteration);
        }
        Ok(())
    }

    /// The digest of the first layer of an image; of an index, that of its first child.
    pub async fn first_layer(&self, repository: &str, digest: &str) -> Result<String, ServerError> {
        let mut digest = digest.to_owned();
        // A child has no children.
        for is_child in [false, true] {
            let content = self.stored(repository, &digest).await?;
            let manifest = serde_json::from_slice::<Value>(&content).ok();
            let first = |list: &str| {
                let first = manifest.as_ref()?.get(list)?.get(0)?.get("digest")?;
                Some(first.as_str()?.to_owned())
            };
            match (first("manifests"), first("layers")) {
                (Some(child), None) if !is_child => digest = child,
                (None, Some(layer)) => return Ok(layer),
                _ => break,
            }
        }
        Err(self.missing("image with layers", repository, &digest))
    }

    async fn stored(&self, repository: &str, digest: &str) -> Result<Bytes, ServerError> {
        let stored = self.inner.content.stored(repository, digest).await;
        let stored = stored.map_err(|refusal| ServerError::Unreadable {
            digest: digest.to_owned(),
            repository: repository.to_owned(),
            reason: refusal.to_string(),
        })?;
        let stored = stored.ok_or_else(|| self.missing("manifest or blob", repository, digest))?;
        Ok(stored.content)
    }

    /// Serves one repository as ever again.
    pub fn mend(&self, repository: &str) {
        self.inner.disturbances.mend(repository);
    }

    fn missing(&self, what: &'static str, repository: &str, digest: &str) -> ServerError {
        ServerError::Missing {
            what,
            name: digest.to_owned(),
            place: format!("repository {repository} of registry {}", self.inner.name),
        }
    }
}

fn check(
    what: &'static str,
    name: &str,
    valid: fn(&str) -> bool,
    reason: &'static str,
) -> Result<(), ServerError> {
    if valid(name) {
        Ok(())
    } else {
        Err(ServerError::Name {
            what,
            name: name.to_owned(),
            reason,
        })
    }
}

impl Inner {
    async fn respond(&self, request: Request) -> Response {
        let (method, uri) = (request.method().clone(), request.uri().to_string());
        let fault = self.faults.of(&method, &uri);
        let answer = async { self.answer(request).await.unwrap_or_else(Refusal::into_response) };
        let response = match fault {
            Some(fault) => fault.disturb(answer).await,
            None => answer.await,
        };
        let status = response.status().as_u16();
        tracing::debug!(registry = self.name, %method, uri, status);
        self.requests.push(RequestRecord {
            method: method.to_string(),
            uri,
            status,
        });
        response
    }

    async fn answer(&self, request: Request) -> Answer {
        let parameters = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map(|Query(parameters)| parameters)
            .map_err(|error| Refusal::bad("UNSUPPORTED", error))?;
        let (parts, body) = request.into_parts();
        let route = Route::parse(parts.uri.path())?;
        let connection = parts.extensions.get::<ClientConnection>();
        self.disturbances.admit(&route, connection).await;
        let call = Call {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
            parameters,
        };
        if route == Route::Token {
            return self.authorization.token(call).await;
        }
        let host = call.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.map_or_else(|| self.address.to_string(), str::to_owned);
        self.authorization
            .check(&call.method, &call.headers, &host, route.repository())?;
        if !call.reads() && self.read_only.load(Ordering::Relaxed) {
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "the registry is read-only",
            ));
        }
        let fetches = call.method == Method::GET;
        let referrers = self.referrers.load(Ordering::Relaxed);
        let answer = self.content.answer(&route, call, referrers).await?;
        match (&route, route.repository()) {
            (Route::Manifest { .. } | Route::Blob { .. }, Some(repository)) if fetches => {
                self.disturbances.altered(repository, answer, &self.content).await
            }
            _ => Ok(answer),
        }
    }
}
