//! The Git server as a running server.

use super::{
    backend,
    paths::{self, GitRequest},
    program::Git,
    repository::{Repository, Shared},
};
use crate::{Availability, Credentials, Listener, Server, ServerError};
use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use plumbline_keeper::Keeper;
use rustls::ServerConfig;
use std::{
    collections::HashMap,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// How to start a [`GitServer`].
pub struct GitServerOptions {
    /// Where its repositories are; created if it is not there.
    pub directory: PathBuf,
    /// Who starts git.
    pub keeper: Keeper,
    /// The git program, by its full path.
    pub git: PathBuf,
    /// Its TLS configuration; plain HTTP if this is `None`.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who may read and write; nobody is asked if this is `None`.
    pub credentials: Option<Credentials>,
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
}

/// A running Git server; dropping it stops the server and leaves the repositories.
///
/// A repository is served at `/<name>` and `/<name>.git`.
pub struct GitServer {
    inner: Arc<Inner>,
    server: Server,
}

struct Inner {
    git: Git,
    root: PathBuf,
    log: PathBuf,
    credentials: Option<Credentials>,
    repositories: Mutex<HashMap<String, Arc<Shared>>>,
}

impl GitServer {
    /// Starts a server on the repositories of its directory.
    pub async fn start(options: GitServerOptions) -> Result<Self, ServerError> {
        let (root, home) = (
            options.directory.join("repositories"),
            options.directory.join("home"),
        );
        for directory in [&root, &home] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(ServerError::storage("create", directory))?;
        }
        let listener = Listener::bind_loopback(options.address)
            .await?
            .with_tls(options.tls);
        let inner = Arc::new(Inner {
            git: Git::new(options.keeper, options.git, home),
            root,
            log: options.directory.join("http-backend.log"),
            credentials: options.credentials,
            repositories: Mutex::default(),
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

    /// Takes the server out of reach, slows it down, or brings it back, at once and for connections that stand too.
    pub fn set_availability(&self, availability: Availability) {
        self.server.set_availability(availability);
    }

    /// How the server meets its clients now.
    pub fn availability(&self) -> Availability {
        self.server.availability()
    }

    /// The repository called `name`, which need not exist yet.
    pub fn repository(&self, name: &str) -> Result<Repository, ServerError> {
        if !paths::is_repository(name) {
            let reason = "use words of letters, digits, dots and dashes, separated by slashes, without .git";
            return Err(ServerError::Name {
                what: "repository",
                name: name.to_owned(),
                reason,
            });
        }
        let mut repositories = self
            .inner
            .repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let shared = repositories.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Shared {
                git: self.inner.git.clone(),
                name: name.to_owned(),
                path: self.inner.root.join(format!("{name}.git")),
                commits: tokio::sync::Mutex::new(None),
            })
        });
        Ok(Repository {
            shared: shared.clone(),
        })
    }
}

impl Inner {
    async fn respond(&self, request: Request) -> Response {
        let user = match &self.credentials {
            None => "anonymous",
            Some(credentials) if credentials.authorize(request.headers()) => credentials.user.as_str(),
            Some(_) => {
                let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
                return (
                    StatusCode::UNAUTHORIZED,
                    challenge,
                    "valid credentials are required\n",
                )
                    .into_response();
            }
        };
        let uri = request.uri();
        let git_request = match GitRequest::parse(request.method(), uri.path(), uri.query()) {
            Ok(git_request) => git_request,
            Err(status) => return (status, "not a request of the smart Git protocol\n").into_response(),
        };
        if !self.root.join(format!("{}.git", git_request.repository)).is_dir() {
            return (StatusCode::NOT_FOUND, "there is no such repository\n").into_response();
        }
        tracing::debug!(
            repository = git_request.repository,
            action = git_request.action,
            "git request"
        );
        backend::answer(&self.git, &self.root, &self.log, &git_request, user, request).await
    }
}
