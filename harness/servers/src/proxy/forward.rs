//! Moving bytes: one HTTP exchange, or a tunnel.

use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// How long the other side may take to accept a connection; it is on this machine.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Headers that are about one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A connection, of whatever kind.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// Opens a connection to `address`, on this machine, within a short limit.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
        Ok(connected) => {
            let stream = connected?;
            // Only speed depends on it.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Answers `request`, whose URI is absolute, by asking the server behind `stream`.
pub(super) async fn exchange(
    mut request: Request,
    stream: impl ByteStream + 'static,
) -> hyper::Result<Response> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    // The path was part of a valid URI.
    let path = path.parse::<Uri>().unwrap_or_default();
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = authority.as_str().rsplit('@').next().unwrap_or_default().parse()
    {
        request.headers_mut().insert(header::HOST, host);
    }
    *request.uri_mut() = path;
    *request.version_mut() = http::Version::HTTP_11;
    strip(request.headers_mut());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the other side of the proxy ended early");
        }
    });
    let mut response = sender.send_request(request).await?.map(Body::new);
    strip(response.headers_mut());
    Ok(response)
}

/// Answers a CONNECT and moves bytes both ways until both sides are done.
pub(super) fn tunnel(upgrade: OnUpgrade, mut stream: impl ByteStream + 'static) -> Response {
    tokio::spawn(async move {
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%error, "the client left before its tunnel was open"),
        };
        let copied = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut stream).await;
        if let Err(error) = copied {
            tracing::debug!(%error, "a tunnel ended early");
        }
    });
    Response::new(Body::empty())
}

/// An answer of the proxy itself.
pub(super) fn answer(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text + "\n"));
    *response.status_mut() = status;
    response
}

/// Removes what is about one connection only.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP).chain([&PROXY_CONNECTION]) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_one_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("proxy-authorization", "Basic eA=="),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("accept", "*/*"),
        ] {
            headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        strip(&mut headers);
        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["accept"]
        );
    }
}
