//! The gateway as a running server.

use super::{
    CONNECTIONS, LONG_QUESTIONS, QUESTIONS, REPORTS,
    greeting::{self, Greeting},
    questions::{self, Question, Resolved},
    report::{self, Report},
    sockets::listen,
    strangers::Strangers,
};
use crate::{
    ServerError,
    proxy::{EgressLog, EgressRecord, connect},
};
use futures::future::BoxFuture;
use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::SetOnce,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a client may take to say whom it is for, or what it asks.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// What is not of the world outside: other name servers answer for it, or nobody.
const INSIDE: [&str; 4] = [".arpa", ".cluster.local", ".docker.internal", ".localhost"];

/// Knows the containers in the network.
pub trait ContainerDirectory: Send + Sync {
    /// The address of the container of this name, if there is one.
    fn address(&self, name: &str) -> BoxFuture<'static, Option<Ipv4Addr>>;
}

/// How to start a [`Gateway`].
pub struct GatewayOptions {
    /// Hosts, and the loopback addresses that they are served at.
    pub names: HashMap<String, SocketAddr>,
    /// What names without a dot are looked up in.
    pub containers: Arc<dyn ContainerDirectory>,
    /// Where the sockets are made; it keeps everybody else out.
    pub directory: PathBuf,
}

/// A running gateway; dropping it closes the sockets and every connection.
pub struct Gateway {
    inner: Arc<Inner>,
    stop: CancellationToken,
    _accepting: [AbortOnDropHandle<()>; 4],
}

struct Inner {
    names: HashMap<String, SocketAddr>,
    containers: Arc<dyn ContainerDirectory>,
    /// Where the container is, once it has said so.
    address: SetOnce<Ipv4Addr>,
    strangers: Strangers,
    egress: EgressLog,
}

impl Gateway {
    /// Starts a gateway.
    ///
    /// # Errors
    /// A socket cannot be made.
    pub fn start(options: GatewayOptions) -> Result<Self, ServerError> {
        let GatewayOptions {
            names,
            containers,
            directory,
        } = options;
        let inner = Arc::new(Inner {
            names: names
                .into_iter()
                .map(|(name, address)| (name.to_ascii_lowercase(), address))
                .collect(),
            containers,
            address: SetOnce::new(),
            strangers: Strangers::default(),
            egress: EgressLog::new(),
        });
        let stop = CancellationToken::new();
        let [passing, asked, asked_long, reported] = std::array::from_fn(|_| inner.clone());
        let accepting = [
            listen(&directory, CONNECTIONS, &stop, move |stream| {
                passing.clone().pass_on(stream)
            })?,
            listen(&directory, QUESTIONS, &stop, move |stream| {
                asked.clone().answer_one(stream)
            })?,
            listen(&directory, LONG_QUESTIONS, &stop, move |stream| {
                asked_long.clone().answer_all(stream)
            })?,
            listen(&directory, REPORTS, &stop, move |stream| {
                reported.clone().hear(stream)
            })?,
        ];
        Ok(Self {
            inner,
            stop,
            _accepting: accepting,
        })
    }

    /// Where the container is: waits until it says so.
    pub async fn address(&self) -> Ipv4Addr {
        *self.inner.address.wait().await
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

impl Inner {
    /// Serves a connection to the container's own address.
    async fn pass_on(self: Arc<Self>, mut stream: UnixStream) -> io::Result<()> {
        let mut said = Vec::new();
        let greeting = tokio::time::timeout(GREETING_LIMIT, greet(&mut stream, &mut said)).await;
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

    /// Answers the datagram that a connection carries.
    async fn answer_one(self: Arc<Self>, mut stream: UnixStream) -> io::Result<()> {
        let mut message = vec![0; questions::LONGEST.into()];
        let read = tokio::time::timeout(GREETING_LIMIT, stream.read(&mut message)).await??;
        match self.answer(&message[..read]).await {
            Some(answer) => stream.write_all(&answer).await,
            None => Ok(()),
        }
    }

    /// Answers one message after the other.
    async fn answer_all(self: Arc<Self>, mut stream: UnixStream) -> io::Result<()> {
        loop {
            let length = match tokio::time::timeout(GREETING_LIMIT, stream.read_u16()).await? {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                length => length?,
            };
            let mut message = vec![0; length.into()];
            tokio::time::timeout(GREETING_LIMIT, stream.read_exact(&mut message)).await??;
            let Some(answer) = self.answer(&message).await else {
                return Ok(());
            };
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(&answer).await?;
        }
    }

    async fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let question = match Question::read(message) {
            Ok(question) => question,
            Err(refusal) => return refusal,
        };
        let resolved = match question.host() {
            Some(_) if !question.is_host_name() => Some(Resolved::Nobody),
            Some(name) => Some(self.resolve(name).await),
            None => None,
        };
        question.answer(resolved)
    }

    async fn resolve(&self, name: &str) -> Resolved {
        if self.names.contains_key(name) {
            return self
                .address
                .get()
                .map_or(Resolved::Unknown, |address| Resolved::To(*address));
        }
        if !name.contains('.') {
            let container = self.containers.address(name).await;
            return container.map_or(Resolved::Nobody, Resolved::To);
        }
        if INSIDE.iter().any(|end| name.ends_with(end)) {
            return Resolved::Nobody;
        }
        let address = self.strangers.address_of(name);
        address.map_or(Resolved::Unknown, Resolved::To)
    }

    /// Hears a report of the container.
    async fn hear(self: Arc<Self>, stream: UnixStream) -> io::Result<()> {
        let mut line = Vec::new();
        let mut limited = stream.take(report::LONGEST as u64);
        tokio::time::timeout(GREETING_LIMIT, limited.read_to_end(&mut line)).await??;
        match Report::read(&line) {
            // Said again, it is the same container at the same address.
            Some(Report::Here(address)) => drop(self.address.set(address)),
            Some(Report::Try(address, port)) => {
                let target = match self.strangers.name_of(address) {
                    Some(name) => format!("{name}:{port}"),
                    None => format!("{address}:{port}"),
                };
                self.note(target, false);
            }
            None => tracing::warn!("the gateway's container reports what cannot be understood"),
        }
        Ok(())
    }

    /// The client's address is the gateway container's, which says nothing.
    fn note(&self, target: String, allowed: bool) {
        self.egress
            .record(target, SocketAddr::from(([0, 0, 0, 0], 0)), allowed);
    }
}

/// Reads until the greeting is whole; what was read is in `said`.
async fn greet(stream: &mut UnixStream, said: &mut Vec<u8>) -> io::Result<Greeting> {
    loop {
        if stream.read_buf(said).await? == 0 {
            return Ok(Greeting::Silent);
        }
        match Greeting::read(said) {
            Greeting::Unfinished if said.len() < greeting::LONGEST => {}
            Greeting::Unfinished => return Ok(Greeting::Silent),
            greeting => return Ok(greeting),
        }
    }
}
