//! Loopback listeners, plain or TLS, and the loop that serves HTTP on them until it is told to stop.

use crate::{
    Availability, ClientConnection, ServerError,
    availability::{ResettableStream, down, hold_back},
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client may take for its TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long requests under way may go on after the server was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long to stay off `accept` when the process has no file descriptors left.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// A bound loopback socket, with TLS if it was given a configuration.
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds `address`, which must be a loopback address; port 0 picks a free one.
    pub async fn bind_loopback(address: SocketAddr) -> Result<Self, ServerError> {
        if !address.ip().is_loopback() {
            return Err(ServerError::NotLoopback { address });
        }
        #[expect(clippy::disallowed_methods, reason = "the one place that binds sockets")]
        let bound = TcpListener::bind(address).await;
        let tcp = bound.map_err(|source| ServerError::Bind { address, source })?;
        let address = tcp
            .local_addr()
            .map_err(|source| ServerError::Bind { address, source })?;
        Ok(Self {
            tcp,
            address,
            tls: None,
        })
    }

    /// Speaks TLS with `configuration`; without one it stays plain.
    #[must_use]
    pub fn with_tls(mut self, configuration: Option<Arc<ServerConfig>>) -> Self {
        self.tls = configuration.map(TlsAcceptor::from);
        self
    }

    /// The address that is really bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next plain connection; for protocols other than HTTP.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.tcp.accept().await
    }
}

/// A running HTTP/1.1 server. Dropping it stops it: no new connection is accepted, idle ones are closed at once and
/// requests under way get a short grace.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    availability: watch::Sender<Availability>,
    accepting: JoinHandle<()>,
    connections: TaskTracker,
}

impl Server {
    /// Serves every request on `listener` with `handler`, which also gets the client's address, and the
    /// [`ClientConnection`] among the request's extensions.
    pub fn start<H, F>(listener: Listener, handler: H) -> Self
    where
        H: Fn(Request, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        let (availability, switched) = watch::channel(Availability::Up);
        let address = listener.address;
        let reception = Reception {
            handler,
            stop: stop.clone(),
            availability: switched,
        };
        let accepting = tokio::spawn(accept_all(listener, reception, connections.clone()));
        Self {
            address,
            stop,
            availability,
            accepting,
            connections,
        }
    }

    /// Serves `router` on `listener`; handlers can extract [`ConnectInfo`].
    pub fn start_router(listener: Listener, router: Router) -> Self {
        let service = TowerToHyperService::new(router);
        Self::start(listener, move |mut request, peer| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = hyper::service::Service::call(&service, request);
            async move {
                match answer.await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        })
    }

    /// Where the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the server out of reach, slows it down, or brings it back; connections that stand are affected too.
    pub fn set_availability(&self, availability: Availability) {
        self.availability.send_replace(availability);
    }

    /// How the server meets its clients now.
    pub fn availability(&self) -> Availability {
        *self.availability.borrow()
    }

    /// Stops the server and waits, at most a short grace, until its last request is answered.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // An accept loop that panicked has stopped as well.
        let _ = (&mut self.accepting).await;
        self.connections.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What every connection of a server is given.
#[derive(Clone)]
struct Reception<H> {
    handler: H,
    stop: CancellationToken,
    availability: watch::Receiver<Availability>,
}

async fn accept_all<H, F>(listener: Listener, reception: Reception<H>, connections: TaskTracker)
where
    H: Fn(Request, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            () = reception.stop.cancelled() => break,
            accepted = listener.tcp.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(address = %listener.address, %error, "cannot accept a connection");
                // The kernel offers the same connection again at once; nothing else tells when there is room.
                tokio::time::sleep(ACCEPT_BACK_OFF).await;
                continue;
            }
        };
        // Latency matters more than packets on loopback; a failure only costs speed.
        let _ = stream.set_nodelay(true);
        let (reception, tls) = (reception.clone(), listener.tls.clone());
        connections.spawn(receive(stream, peer, reception, tls));
    }
    connections.close();
}

/// Looks after one connection until it ends, the server stops, or the connection is to be reset.
async fn receive<H, F>(stream: TcpStream, peer: SocketAddr, reception: Reception<H>, tls: Option<TlsAcceptor>)
where
    H: Fn(Request, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let client = ClientConnection::default();
    let stream = ResettableStream::new(stream, client.clone());
    let mut availability = reception.availability.clone();
    let attended = async {
        let Some(tls) = tls else {
            return serve(stream, peer, &client, reception).await;
        };
        let handshake = tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream));
        let shaken = tokio::select! {
            () = reception.stop.cancelled() => return,
            shaken = handshake => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => serve(stream, peer, &client, reception).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
        }
    };
    let taken_down = async {
        down(&mut availability).await;
        client.reset();
    };
    // Whatever ends first drops `attended` and with it the stream, which looks whether it is to be reset.
    tokio::select! {
        biased;
        () = taken_down => {}
        () = client.is_reset() => {}
        () = attended => {}
    }
}

async fn serve<S, H, F>(stream: S, peer: SocketAddr, client: &ClientConnection, reception: Reception<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let Reception {
        handler,
        stop,
        availability,
    } = reception;
    let used = Arc::new(AtomicBool::new(false));
    let (using, client) = (used.clone(), client.clone());
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        using.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(client.clone());
        let (handler, held) = (handler.clone(), hold_back(availability.clone()));
        async move {
            held.await;
            Ok::<_, Infallible>(handler(request.map(Body::new), peer).await)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            if !used.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(STOP_GRACE, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::debug!(%peer, "a request was cut off: the server is stopping"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CertificateAuthority;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn loopback() -> SocketAddr {
        ([127, 0, 0, 1], 0).into()
    }

    #[tokio::test]
    async fn only_loopback_addresses_are_bound() {
        let refused = Listener::bind_loopback(([0, 0, 0, 0], 0).into()).await;
        assert!(matches!(refused, Err(ServerError::NotLoopback { .. })));
        assert!(
            Listener::bind_loopback(([127, 244, 3, 9], 0).into())
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_client_that_stalls_in_its_handshake_blocks_nobody() {
        let authority = CertificateAuthority::new("test").unwrap();
        let configuration = authority.server_config(&["127.0.0.1"]).unwrap();
        let listener = Listener::bind_loopback(loopback())
            .await
            .unwrap()
            .with_tls(Some(configuration));
        let server = Server::start(listener, |_, _| async { Response::new(Body::from("served")) });
        let _stalled = TcpStream::connect(server.address()).await.unwrap();
        let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([certificate])
            .no_proxy()
            .build()
            .unwrap();
        let answer = client
            .get(format!("https://{}/", server.address()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), "served");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_stopped_server_answers_what_is_under_way_and_closes_the_rest() {
        let (entered, mut under_way) = tokio::sync::mpsc::channel(1);
        let release = Arc::new(tokio::sync::Notify::new());
        let waiting = release.clone();
        let listener = Listener::bind_loopback(loopback()).await.unwrap();
        let server = Server::start(listener, move |_, _| {
            let (entered, waiting) = (entered.clone(), waiting.clone());
            async move {
                entered.send(()).await.unwrap();
                waiting.notified().await;
                Response::new(Body::from("done"))
            }
        });
        let mut idle = TcpStream::connect(server.address()).await.unwrap();
        let mut busy = TcpStream::connect(server.address()).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        under_way.recv().await.unwrap();
        let address = server.address();
        let stopping = tokio::spawn(server.stop());
        let mut nothing = Vec::new();
        assert_eq!(idle.read_to_end(&mut nothing).await.unwrap_or(0), 0);
        release.notify_one();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("done"), "{answer}");
        stopping.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
