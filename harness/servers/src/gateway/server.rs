//! The gateway as a running server.

use super::greeting::{Greeting, LONGEST};
use crate::{
    ServerError,
    proxy::{EgressLog, EgressRecord, connect},
};
use std::{
    collections::HashMap,
    fs, io,
    net::SocketAddr,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a client may take to say whom it is for.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// How long to stay off `accept` when the process has no file descriptors left.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// How to start a [`Gateway`].
pub struct GatewayOptions {
    /// Hosts, and the loopback addresses that they are served at.
    pub names: HashMap<String, SocketAddr>,
    /// The socket, which must not be there yet; its directory keeps everybody else out.
    pub socket: PathBuf,
}

/// A running gateway; dropping it closes the socket and every connection.
pub struct Gateway {
    inner: Arc<Inner>,
    socket: PathBuf,
    stop: CancellationToken,
    _accepting: AbortOnDropHandle<()>,
}

struct Inner {
    names: HashMap<String, SocketAddr>,
    egress: EgressLog,
}

impl Gateway {
    /// Starts a gateway.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn start(options: GatewayOptions) -> Result<Self, ServerError> {
        let GatewayOptions { names, socket } = options;
        let refuse = |source| ServerError::Storage {
            action: "listen on",
            path: socket.clone(),
            source,
        };
        let listener = bind(&socket).map_err(refuse)?;
        // Whoever is in the container may connect, under whatever user it runs there.
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).map_err(refuse)?;
        let inner = Arc::new(Inner {
            names: names
                .into_iter()
                .map(|(name, address)| (name.to_ascii_lowercase(), address))
                .collect(),
            egress: EgressLog::new(),
        });
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, inner.clone(), stop.clone()));
        Ok(Self {
            inner,
            socket,
            stop,
            _accepting: AbortOnDropHandle::new(accepting),
        })
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Calls `hook`, which must not block, for each further try; it replaces an earlier hook.
    pub fn on_egress(&self, hook: impl Fn(&EgressRecord) + Send + Sync + 'static) {
        self.inner.egress.set_hook(Arc::new(hook));
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Binds by the directory's descriptor: a path of more than 107 bytes is too long for a socket's address.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    let (Some(directory), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory = fs::File::open(directory)?;
    let short = format!("/proc/self/fd/{}", directory.as_raw_fd());
    #[expect(clippy::disallowed_methods, reason = "the one place that binds sockets")]
    UnixListener::bind(Path::new(&short).join(name))
}

async fn accept(listener: UnixListener, inner: Arc<Inner>, stop: CancellationToken) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the gateway cannot accept a connection");
                tokio::time::sleep(ACCEPT_BACK_OFF).await;
                continue;
            }
        };
        let (inner, stop) = (inner.clone(), stop.clone());
        tokio::spawn(async move {
            let served = tokio::select! {
                served = inner.serve(stream) => served,
                () = stop.cancelled() => return,
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection through the gateway ended early");
            }
        });
    }
}

impl Inner {
    async fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut said = Vec::new();
        let greeting = tokio::time::timeout(GREETING_LIMIT, greeting(&mut stream, &mut said)).await;
        let (name, port) = match greeting {
            Ok(Ok(Greeting::For(name, port))) => (name, port),
            // One that says nothing at all was a look whether somebody listens.
            Ok(Ok(_)) if said.is_empty() => return Ok(()),
            Ok(Ok(_)) | Err(_) => {
                self.note("unknown".to_owned(), false);
                return Ok(());
            }
            Ok(Err(error)) => return Err(error),
        };
        let address = self.names.get(&name).copied();
        self.note(format!("{name}:{port}"), address.is_some());
        let Some(address) = address else {
            return Ok(());
        };
        let mut server = connect(address).await?;
        server.write_all(&said).await?;
        tokio::io::copy_bidirectional(&mut stream, &mut server)
            .await
            .map(drop)
    }

    /// The client's address is the gateway container's, which says nothing.
    fn note(&self, target: String, allowed: bool) {
        self.egress
            .record(target, SocketAddr::from(([0, 0, 0, 0], 0)), allowed);
    }
}

/// Reads until the greeting is whole; what was read is in `said`.
async fn greeting(stream: &mut UnixStream, said: &mut Vec<u8>) -> io::Result<Greeting> {
    loop {
        if stream.read_buf(said).await? == 0 {
            return Ok(Greeting::Silent);
        }
        match Greeting::read(said) {
            Greeting::Unfinished if said.len() < LONGEST => {}
            Greeting::Unfinished => return Ok(Greeting::Silent),
            greeting => return Ok(greeting),
        }
    }
}
