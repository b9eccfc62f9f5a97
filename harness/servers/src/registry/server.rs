//! The registry as a running server: dispatch, request log, and the switches that tests need.

use super::{
    answers::{Answer, Refusal, respond_json},
    authorization::{Authorization, Challenge},
    blobs,
    disturbances::{Alteration, Disturbances, RepositoryPart},
    fault::{Fault, Faults},
    lists, manifests,
    names::{self, Digest},
    routes::Route,
    seed,
    storage::Storage,
    uploads::Uploads,
};
use crate::{Availability, ClientConnection, Credentials, Listener, Server, ServerError, record::BoundedLog};
use axum::{
    body::Body,
    extract::{Query, Request},
    response::Response,
};
use http::{HeaderMap, Method, StatusCode, header};
use rustls::ServerConfig;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
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
    /// Where its content is; created if it is not there.
    pub directory: PathBuf,
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
    storage: Storage,
    uploads: Uploads,
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
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    parameters: Vec<(String, String)>,
}

impl Call {
    /// The values of the query parameter `name`.
    pub(super) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Registry {
    /// Starts a registry on the content of its directory.
    pub async fn start(options: RegistryOptions) -> Result<Self, ServerError> {
        let storage = Storage::open(&options.directory)?;
        let authorization = Authorization::new(options.credentials, options.tls.is_some());
        let listener = Listener::bind_loopback(options.address)
            .await?
            .with_tls(options.tls);
        let inner = Arc::new(Inner {
            name: options.name,
            storage,
            uploads: Uploads::default(),
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
    /// Blobs are linked where the file system can, else copied, and not hashed again: the layout is our own, and
    /// each size is checked. Manifests are hashed.
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
        let (inner, path) = (self.inner.clone(), layout.to_owned());
        let (repository, tag) = (repository.to_owned(), tag.to_owned());
        tokio::task::spawn_blocking(move || seed::import(&inner.storage, &repository, &tag, &path))
            .await
            .unwrap_or_else(|error| {
                Err(ServerError::Layout {
                    path: layout.to_owned(),
                    reason: error.to_string(),
                })
            })
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
    pub fn alter(&self, repository: &str, digest: &str, alteration: Alteration) -> Result<(), ServerError> {
        let served = match &alteration {
            Alteration::ContentOf(other) => other,
            Alteration::OneByte => digest,
        };
        for needed in [digest, served] {
            let stored = self.inner.storage.content(repository, needed);
            if stored.map_err(ServerError::storage("read", needed))?.is_none() {
                return Err(self.missing("manifest or blob", repository, needed));
            }
        }
        if let Some(digest) = Digest::parse(digest) {
            self.inner.disturbances.alter(repository, digest, alteration);
        }
        Ok(())
    }

    /// The digest of the first layer of an image; of an index, that of its first child.
    pub fn first_layer(&self, repository: &str, digest: &str) -> Result<String, ServerError> {
        let stored = self.inner.storage.content(repository, digest);
        let stored = stored.map_err(ServerError::storage("read", digest))?;
        let manifest = stored.and_then(|(_, body)| serde_json::from_slice::<Value>(&body).ok());
        let first = |list: &str| manifest.as_ref()?.get(list)?.get(0)?.get("digest")?.as_str();
        match (first("manifests"), first("layers")) {
            // A child has no children.
            (Some(child), None) if child != digest => self.first_layer(repository, child),
            (None, Some(layer)) => Ok(layer.to_owned()),
            _ => Err(self.missing("image with layers", repository, digest)),
        }
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

    /// Serves other bytes under the digest of a stored manifest, so that tests can see who notices.
    pub fn tamper_with_manifest(
        &self,
        repository: &str,
        digest: &str,
        body: &[u8],
    ) -> Result<(), ServerError> {
        let missing = || self.missing("manifest", repository, digest);
        let parsed = Digest::parse(digest).ok_or_else(missing)?;
        let found = self
            .inner
            .storage
            .tamper(repository, &parsed, body)
            .map_err(ServerError::storage("tamper with", digest))?;
        if found { Ok(()) } else { Err(missing()) }
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
        let path = parts.uri.path().to_owned();
        let route = Route::parse(&path)?;
        let connection = parts.extensions.get::<ClientConnection>();
        self.disturbances.admit(&route, connection).await;
        let call = Call {
            method: parts.method,
            path,
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
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        if !reads && self.read_only.load(Ordering::Relaxed) {
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "the registry is read-only",
            ));
        }
        let fetches = call.method == Method::GET;
        let answer = self.dispatch(&route, call, reads).await?;
        match (&route, route.repository()) {
            (Route::Manifest { .. } | Route::Blob { .. }, Some(repository)) if fetches => {
                self.disturbances.altered(repository, answer, &self.storage).await
            }
            _ => Ok(answer),
        }
    }

    async fn dispatch(&self, route: &Route, call: Call, reads: bool) -> Answer {
        let referrers = self.referrers.load(Ordering::Relaxed);
        match route {
            Route::NewUpload { repository } => self.uploads.start(&self.storage, repository, call).await,
            Route::Upload { repository, id } => {
                self.uploads.answer(&self.storage, repository, id, call).await
            }
            Route::Blob { repository, digest } => {
                blobs::answer(&self.storage, repository, digest, call).await
            }
            Route::Manifest {
                repository,
                reference,
            } => manifests::answer(&self.storage, referrers, repository, reference, call).await,
            _ if !reads => Err(Refusal::method(&call.method)),
            Route::Tags { repository } => lists::tags(&self.storage, repository, &call),
            Route::Catalog => lists::catalog(&self.storage, &call),
            Route::Referrers { repository, digest } if referrers => {
                lists::referrers(&self.storage, repository, digest, &call)
            }
            Route::Referrers { .. } => Err(Refusal::missing(
                "UNSUPPORTED",
                "the referrers API is switched off",
            )),
            Route::Base | Route::Token => Ok(respond_json(&json!({}))),
        }
    }
}
