//! A server that one of ours passes requests on to: connections that are used again, over TLS or plain.

use crate::proxy::{ByteStream, connect, strip};
use axum::{body::Body, extract::Request, response::Response};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio_rustls::TlsConnector;

/// Where the server is, and connections to it.
pub(crate) struct Upstream {
    name: &'static str,
    address: SocketAddr,
    connector: Option<TlsConnector>,
    connections: Mutex<Vec<SendRequest<Body>>>,
}

/// Why the server did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("cannot connect to {name}: {source}")]
    Connect {
        name: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{name} broke off: {source}")]
    Exchange {
        name: &'static str,
        #[source]
        source: hyper::Error,
    },
}

impl Upstream {
    /// The server at `address`, which errors call `name`; plain HTTP without `tls`.
    pub(crate) fn new(name: &'static str, address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Self {
        Self {
            name,
            address,
            connector: tls.map(TlsConnector::from),
            connections: Mutex::default(),
        }
    }

    /// Sends a request and gives its answer, whose body may go on for long.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, UpstreamError> {
        strip(request.headers_mut());
        loop {
            let (mut connection, is_used) = match self.idle() {
                Some(connection) => (connection, true),
                None => (self.connect().await?, false),
            };
            match connection.try_send_request(request).await {
                Ok(response) => {
                    // It is ready again when the body has been read.
                    self.keep(connection);
                    let mut response = response.map(Body::new);
                    strip(response.headers_mut());
                    return Ok(response);
                }
                // The server closed the connection while it was idle, and has not seen the request.
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_used => request = unsent,
                    _ => return Err(self.broke_off(error.into_error())),
                },
            }
        }
    }

    fn idle(&self) -> Option<SendRequest<Body>> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| !connection.is_closed());
        let ready = connections.iter().position(SendRequest::is_ready)?;
        Some(connections.swap_remove(ready))
    }

    fn keep(&self, connection: SendRequest<Body>) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.push(connection);
    }

    async fn connect(&self) -> Result<SendRequest<Body>, UpstreamError> {
        let stream = self.open().await.map_err(|source| UpstreamError::Connect {
            name: self.name,
            source,
        })?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| self.broke_off(error))?;
        let name = self.name;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to {name} ended early");
            }
        });
        Ok(sender)
    }

    async fn open(&self) -> io::Result<Box<dyn ByteStream>> {
        let stream = connect(self.address).await?;
        Ok(match &self.connector {
            None => Box::new(stream),
            Some(connector) => {
                let name = ServerName::from(self.address.ip());
                Box::new(connector.connect(name, stream).await?)
            }
        })
    }

    fn broke_off(&self, source: hyper::Error) -> UpstreamError {
        UpstreamError::Exchange {
            name: self.name,
            source,
        }
    }
}
