//! The API server behind the proxy: connections that are used again, over TLS, in the name of one identity.

use crate::{
    ClientIdentity, ServerError,
    proxy::{connect, strip},
    tls,
};
use axum::{body::Body, extract::Request, response::Response};
use http::header;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio_rustls::TlsConnector;

/// Where the API server is, and connections to it.
pub(super) struct Upstream {
    address: SocketAddr,
    connector: TlsConnector,
    connections: Mutex<Vec<SendRequest<Body>>>,
}

/// Why the API server did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("cannot connect to the API server: {0}")]
    Connect(#[from] io::Error),
    #[error("the API server broke off: {0}")]
    Exchange(#[from] hyper::Error),
}

impl Upstream {
    pub(super) fn new(
        address: SocketAddr,
        authority_pem: &str,
        identity: &ClientIdentity,
    ) -> Result<Self, ServerError> {
        let configuration: Arc<ClientConfig> = tls::client_config(authority_pem, identity)?;
        Ok(Self {
            address,
            connector: TlsConnector::from(configuration),
            connections: Mutex::default(),
        })
    }

    /// Sends a request and gives its answer, whose body may go on for long.
    pub(super) async fn send(&self, mut request: Request) -> Result<Response, UpstreamError> {
        let headers = request.headers_mut();
        strip(headers);
        // Everybody is `identity` here, and events can only be counted in plain text.
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::ACCEPT_ENCODING);
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
                    _ => return Err(error.into_error().into()),
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
        let stream = connect(self.address).await?;
        let name = ServerName::from(self.address.ip());
        let stream = self.connector.connect(name, stream).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the API server ended early");
            }
        });
        Ok(sender)
    }
}
