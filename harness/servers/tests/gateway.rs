//! Connections through the gateway's socket, as a container's come.
#![expect(
    clippy::unwrap_used,
    reason = "a test server that cannot start is a failed test"
)]

use axum::{body::Body, response::Response};
use plumbline_servers::{CertificateAuthority, EgressRecord, Gateway, GatewayOptions, Listener, Server};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

async fn server(authority: Option<&CertificateAuthority>, name: &'static str) -> Server {
    let tls = authority.map(|authority| authority.server_config(&[name]).unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind_loopback(address).await.unwrap().with_tls(tls);
    Server::start(listener, move |request, _| async move {
        Response::new(Body::from(format!("{name} {}", request.uri().path())))
    })
}

fn client(socket: &Path, authority: &CertificateAuthority) -> reqwest::Client {
    let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    reqwest::Client::builder()
        .unix_socket(socket)
        .tls_certs_only([certificate])
        .build()
        .unwrap()
}

/// A gateway to three names below a path that is longer than a socket's address may be, and what it has seen.
struct Lab {
    authority: CertificateAuthority,
    gateway: Gateway,
    seen: Arc<Mutex<Vec<EgressRecord>>>,
    _servers: [Server; 3],
    _folder: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let authority = CertificateAuthority::new("test").unwrap();
        let servers = [
            server(Some(&authority), "git.plumbline.test").await,
            server(Some(&authority), "registry.plumbline.test").await,
            server(None, "hooks.plumbline.test").await,
        ];
        let names = ["git", "registry", "hooks"].map(|name| format!("{name}.plumbline.test"));
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(100));
        std::fs::create_dir(&deep).unwrap();
        let gateway = Gateway::start(GatewayOptions {
            names: HashMap::from_iter(names.into_iter().zip(servers.each_ref().map(Server::address))),
            socket: deep.join("gateway.sock"),
        })
        .unwrap();
        let seen = Arc::<Mutex<Vec<EgressRecord>>>::default();
        let noted = seen.clone();
        gateway.on_egress(move |record| noted.lock().unwrap().push(record.clone()));
        // What is beyond a container's mount has a short name too.
        let link = folder.path().join("s");
        std::os::unix::fs::symlink(deep, link).unwrap();
        Self {
            authority,
            gateway,
            seen,
            _servers: servers,
            _folder: folder,
        }
    }

    fn socket(&self) -> std::path::PathBuf {
        self._folder.path().join("s/gateway.sock")
    }

    fn seen(&self) -> Vec<(String, bool)> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|record| (record.target.clone(), record.allowed))
            .collect()
    }
}

#[tokio::test]
async fn a_connection_is_passed_on_to_whom_it_greets() {
    let lab = Lab::new().await;
    let client = client(&lab.socket(), &lab.authority);
    for (url, answer) in [
        ("https://git.plumbline.test/a", "git.plumbline.test /a"),
        (
            "https://registry.plumbline.test/v2/",
            "registry.plumbline.test /v2/",
        ),
        ("http://hooks.plumbline.test/b", "hooks.plumbline.test /b"),
    ] {
        let answered = client.get(url).send().await.unwrap().text().await.unwrap();
        assert_eq!(answered, answer);
    }
    let expected = [
        ("git.plumbline.test:443", true),
        ("registry.plumbline.test:443", true),
        ("hooks.plumbline.test:80", true),
    ];
    assert_eq!(
        lab.seen(),
        expected.map(|(target, allowed)| (target.to_owned(), allowed))
    );
}

#[tokio::test]
async fn strangers_are_refused_and_told_of() {
    let lab = Lab::new().await;
    let client = client(&lab.socket(), &lab.authority);
    assert!(client.get("https://outside.example/").send().await.is_err());
    let mut mumbler = UnixStream::connect(lab.socket()).await.unwrap();
    mumbler.write_all(b"EHLO\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The other side closes, with or without having read everything.
    let _ = mumbler.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    let refused = lab.seen();
    assert!(
        refused.contains(&("outside.example:443".to_owned(), false)),
        "{refused:?}"
    );
    assert!(refused.contains(&("unknown".to_owned(), false)), "{refused:?}");
}

#[tokio::test]
async fn a_gateway_that_is_gone_serves_nobody() {
    let lab = Lab::new().await;
    let mut stream = UnixStream::connect(lab.socket()).await.unwrap();
    let socket = lab.socket();
    drop(lab.gateway);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    assert!(UnixStream::connect(socket).await.is_err());
}
