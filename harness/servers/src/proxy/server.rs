//! The proxy as a running server: who may go where.

use super::{
    destination::Destination,
    egress::{EgressCounts, EgressLog, EgressRecord},
    forward::{self, ByteStream},
};
use crate::{Listener, Server, ServerError};
use axum::{extract::Request, response::Response};
use futures::future::BoxFuture;
use http::{Method, StatusCode, uri::Scheme};
use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

/// Knows where the cluster's services are served.
pub trait ServiceDirectory: Send + Sync {
    /// What is behind `port` of a service, if it has a ready endpoint.
    fn resolve(&self, namespace: &str, service: &str, port: u16) -> Option<ServicePlace>;
}

/// Where a service is served.
pub enum ServicePlace {
    /// At this address of this machine.
    At(SocketAddr),
    /// In a container that no address of this machine leads to: a connection to it, which is opened when it is asked for.
    Behind(BoxFuture<'static, io::Result<Box<dyn ByteStream>>>),
}

impl ServicePlace {
    async fn connect(self) -> io::Result<Box<dyn ByteStream>> {
        match self {
            Self::At(address) => Ok(Box::new(forward::connect(address).await?)),
            Self::Behind(connecting) => connecting.await,
        }
    }
}

impl fmt::Display for ServicePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) => write!(formatter, "{address}"),
            Self::Behind(_) => formatter.write_str("its pod"),
        }
    }
}

/// How to start a [`ServiceProxy`].
pub struct ProxyOptions {
    /// Hosts that are served at a fixed address, on whatever port they are asked for.
    pub names: HashMap<String, SocketAddr>,
    /// The services of the cluster.
    pub services: Arc<dyn ServiceDirectory>,
    /// Where the proxy listens; port 0 picks a free one.
    pub address: SocketAddr,
}

/// A running proxy; dropping it stops the server. Open tunnels end with their processes.
pub struct ServiceProxy {
    inner: Arc<Inner>,
    server: Server,
}

struct Inner {
    names: RwLock<HashMap<String, SocketAddr>>,
    services: Arc<dyn ServiceDirectory>,
    egress: EgressLog,
}

/// Where a destination is, as far as the proxy lets anybody go.
enum Verdict {
    Served(ServicePlace),
    /// One of ours, but nothing serves it now.
    Absent,
    Refused,
}

impl ServiceProxy {
    /// Starts a proxy.
    pub async fn start(options: ProxyOptions) -> Result<Self, ServerError> {
        let listener = Listener::bind_loopback(options.address).await?;
        let names = options
            .names
            .into_iter()
            .map(|(name, address)| (name.to_ascii_lowercase(), address));
        let inner = Arc::new(Inner {
            names: RwLock::new(names.collect()),
            services: options.services,
            egress: EgressLog::new(),
        });
        let serving = inner.clone();
        let server = Server::start(listener, move |request, client| {
            let inner = serving.clone();
            async move { inner.respond(request, client).await }
        });
        Ok(Self { inner, server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Serves `name` at `address` from now on.
    pub fn add_name(&self, name: &str, address: SocketAddr) {
        let mut names = self.inner.names.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_ascii_lowercase(), address);
    }

    /// The newest tries to reach something, oldest first.
    pub fn egress(&self) -> Vec<EgressRecord> {
        self.inner.egress.snapshot()
    }

    /// How many tries there were.
    pub fn counts(&self) -> EgressCounts {
        self.inner.egress.counts()
    }

    /// Calls `hook`, which must not block, for each further try; it replaces an earlier hook.
    pub fn on_egress(&self, hook: impl Fn(&EgressRecord) + Send + Sync + 'static) {
        self.inner.egress.set_hook(Arc::new(hook));
    }
}

impl Inner {
    async fn respond(&self, mut request: Request, client: SocketAddr) -> Response {
        let tunnel = request.method() == Method::CONNECT;
        let uri = request.uri();
        let default_port = (!tunnel).then_some(80);
        if !tunnel && uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP) {
            return forward::answer(
                StatusCode::BAD_REQUEST,
                "use CONNECT for anything but http".into(),
            );
        }
        let destination = uri
            .authority()
            .and_then(|authority| Destination::new(authority, default_port));
        let Some(destination) = destination else {
            return forward::answer(
                StatusCode::BAD_REQUEST,
                "this is a forward proxy: ask for an absolute URI or CONNECT host:port".into(),
            );
        };
        let verdict = self.judge(&destination);
        let allowed = !matches!(verdict, Verdict::Refused);
        self.egress.record(destination.to_string(), client, allowed);
        let place = match verdict {
            Verdict::Served(place) => place,
            Verdict::Absent => {
                return forward::answer(
                    StatusCode::BAD_GATEWAY,
                    format!("{destination} has no ready endpoint"),
                );
            }
            Verdict::Refused => {
                return forward::answer(
                    StatusCode::FORBIDDEN,
                    format!("{destination} is not part of the platform; plumbline lets nothing else out"),
                );
            }
        };
        let at = place.to_string();
        let failed = |reason: &dyn fmt::Display| {
            forward::answer(
                StatusCode::BAD_GATEWAY,
                format!("{destination} at {at}: {reason}"),
            )
        };
        let stream = match place.connect().await {
            Ok(stream) => stream,
            Err(error) => return failed(&error),
        };
        if tunnel {
            forward::tunnel(hyper::upgrade::on(&mut request), stream)
        } else {
            forward::exchange(request, stream)
                .await
                .unwrap_or_else(|error| failed(&error))
        }
    }

    fn judge(&self, destination: &Destination) -> Verdict {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = names.get(&destination.host) {
            return Verdict::Served(ServicePlace::At(*address));
        }
        match destination.service() {
            Some((service, namespace)) => self
                .services
                .resolve(namespace, service, destination.port)
                .map_or(Verdict::Absent, Verdict::Served),
            None => Verdict::Refused,
        }
    }
}
