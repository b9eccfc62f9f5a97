//! What a probe asks, and the asking.

use super::probe_tls;
use axum::body::Body;
use http::{Request, Uri};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use k8s_openapi::{
    api::core::v1::{Container, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::net::TcpStream;

/// A probe's question, with names made addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbeTarget {
    Http {
        secure: bool,
        address: SocketAddr,
        path: String,
        headers: Vec<(String, String)>,
    },
    Tcp {
        address: SocketAddr,
    },
    Unsupported(String),
}

impl ProbeTarget {
    /// The target of `probe`, for a container that listens on `twin`.
    pub(crate) fn of(probe: &Probe, container: &Container, twin: Ipv4Addr) -> Self {
        let resolved = |host: Option<&str>, port: &IntOrString| {
            let port = numeric_port(port, container)?;
            match host
                .filter(|host| !host.is_empty() && *host != "localhost")
                .map(str::parse::<IpAddr>)
            {
                None => Ok(SocketAddr::from((twin, port))),
                Some(Ok(host)) if host.is_loopback() => Ok(SocketAddr::from((twin, port))),
                Some(_) => Err("probes of another host are not supported by the node agent".to_owned()),
            }
        };
        let target = if let Some(get) = &probe.http_get {
            let secure = match get.scheme.as_deref() {
                None | Some("HTTP") => false,
                Some("HTTPS") => true,
                Some(other) => return Self::Unsupported(format!("there are no probes by {other}")),
            };
            let headers = get.http_headers.iter().flatten();
            resolved(get.host.as_deref(), &get.port).map(|address| Self::Http {
                secure,
                address,
                path: get
                    .path
                    .clone()
                    .filter(|path| !path.is_empty())
                    .unwrap_or_else(|| "/".to_owned()),
                headers: headers
                    .map(|header| (header.name.clone(), header.value.clone()))
                    .collect(),
            })
        } else if let Some(socket) = &probe.tcp_socket {
            resolved(socket.host.as_deref(), &socket.port).map(|address| Self::Tcp { address })
        } else if probe.grpc.is_some() {
            Err("gRPC probes are not supported by the node agent".to_owned())
        } else {
            Err("exec probes are not supported by the node agent".to_owned())
        };
        target.unwrap_or_else(Self::Unsupported)
    }

    /// Asks once; the error is the message of an `Unhealthy` event.
    pub(crate) async fn check(&self, timeout: Duration) -> Result<(), String> {
        let asked = async {
            match self {
                Self::Unsupported(reason) => Err(reason.clone()),
                Self::Tcp { address } => TcpStream::connect(address)
                    .await
                    .map(drop)
                    .map_err(|error| format!("dial tcp {address}: {error}")),
                Self::Http {
                    secure,
                    address,
                    path,
                    headers,
                } => get(*secure, *address, path, headers)
                    .await
                    .map_err(|error| {
                        let scheme = if *secure { "https" } else { "http" };
                        format!("Get \"{scheme}://{address}{path}\": {error}")
                    })
                    .and_then(|status| match status {
                        200..=399 => Ok(()),
                        _ => Err(format!("HTTP probe failed with statuscode: {status}")),
                    }),
            }
        };
        tokio::time::timeout(timeout, asked)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {}s", timeout.as_secs_f32())))
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn get(
    secure: bool,
    address: SocketAddr,
    path: &str,
    headers: &[(String, String)],
) -> Result<u16, Failure> {
    let uri: Uri = if path.starts_with('/') {
        path.parse()?
    } else {
        format!("/{path}").parse()?
    };
    let mut request = Request::get(uri)
        .header("user-agent", "kube-probe/1.34")
        .header("connection", "close");
    let named_host = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    if !named_host {
        request = request.header("host", address.to_string());
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::empty())?;
    let stream = TcpStream::connect(address).await?;
    if secure {
        ask(TokioIo::new(probe_tls::open(stream).await?), request).await
    } else {
        ask(TokioIo::new(stream), request).await
    }
}

async fn ask(
    stream: impl Read + Write + Unpin + Send + 'static,
    request: Request<Body>,
) -> Result<u16, Failure> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let answer = sender.send_request(request);
    // The connection only moves while it is polled; it ends with the answer.
    tokio::pin!(connection);
    tokio::pin!(answer);
    let response = tokio::select! {
        response = &mut answer => response?,
        ended = &mut connection => { ended?; answer.await? }
    };
    Ok(response.status().as_u16())
}

fn numeric_port(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => container
            .ports
            .iter()
            .flatten()
            .find(|port| port.name.as_deref() == Some(name))
            .map(|port| port.container_port)
            .or_else(|| name.parse().ok())
            .ok_or_else(|| format!("the container has no port named {name:?}"))?,
    };
    u16::try_from(number)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("invalid port number: {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const TWIN: Ipv4Addr = Ipv4Addr::new(127, 244, 7, 2);

    fn target(probe: Value) -> ProbeTarget {
        let container = json!({"name": "a", "ports": [{"name": "healthz", "containerPort": 9440}]});
        let container = serde_json::from_value(container).unwrap();
        ProbeTarget::of(&serde_json::from_value(probe).unwrap(), &container, TWIN)
    }

    #[test]
    fn named_ports_and_defaults_are_resolved() {
        let address = SocketAddr::from((TWIN, 9440));
        assert_eq!(
            target(json!({"httpGet": {"port": "healthz", "httpHeaders": [{"name": "A", "value": "b"}]}})),
            ProbeTarget::Http {
                secure: false,
                address,
                path: "/".into(),
                headers: vec![("A".into(), "b".into())]
            }
        );
        assert_eq!(
            target(json!({"tcpSocket": {"port": 9440, "host": "127.0.0.1"}})),
            ProbeTarget::Tcp { address }
        );
    }

    #[test]
    fn what_cannot_be_probed_says_so() {
        for probe in [
            json!({"exec": {"command": ["true"]}}),
            json!({"grpc": {"port": 1}}),
            json!({"httpGet": {"port": 1, "scheme": "GOPHER"}}),
            json!({"httpGet": {"port": 1, "host": "example.com"}}),
            json!({"httpGet": {"port": "none"}}),
            json!({"httpGet": {"port": 70000}}),
        ] {
            assert!(
                matches!(target(probe.clone()), ProbeTarget::Unsupported(_)),
                "{probe}"
            );
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_named() {
        let target = ProbeTarget::Http {
            secure: false,
            address: ([127, 0, 0, 1], 1).into(),
            path: "/readyz".into(),
            headers: vec![],
        };
        let message = target.check(Duration::from_secs(5)).await.unwrap_err();
        assert!(
            message.starts_with("Get \"http://127.0.0.1:1/readyz\": "),
            "{message}"
        );
    }
}
