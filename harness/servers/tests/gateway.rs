//! Connections through the gateway's socket, as a container's come.
#![expect(
    clippy::unwrap_used,
    reason = "a test server that cannot start is a failed test"
)]

use axum::{body::Body, response::Response};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_servers::{
    CertificateAuthority, ContainerDirectory, EgressRecord, Gateway, GatewayOptions, Listener, Server,
    gateway::{CONNECTIONS, LONG_QUESTIONS, QUESTIONS, REPORTS},
};
use simple_dns::{CLASS, Name, Packet, QTYPE, Question, RCODE, TYPE, rdata::RData};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
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

/// The gateway container's address, and a node's.
const HERE: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 2);
const NODE: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 3);

struct OneNode;

impl ContainerDirectory for OneNode {
    fn address(&self, name: &str) -> BoxFuture<'static, Option<Ipv4Addr>> {
        std::future::ready((name == "run-control-plane").then_some(NODE)).boxed()
    }
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
            containers: Arc::new(OneNode),
            directory: deep.clone(),
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

    fn socket(&self) -> PathBuf {
        self.socket_called(CONNECTIONS)
    }

    fn socket_called(&self, name: &str) -> PathBuf {
        self._folder.path().join("s").join(name)
    }

    /// Says it to a socket, and gives all that is answered.
    async fn say(&self, socket: &str, said: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.socket_called(socket)).await.unwrap();
        stream.write_all(said).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    }

    async fn ask(&self, name: &str) -> Result<Ipv4Addr, RCODE> {
        address_in(&self.say(QUESTIONS, &question(name)).await)
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

fn question(name: &str) -> Vec<u8> {
    let mut packet = Packet::new_query(1);
    let (name, kind) = (Name::new(name).unwrap(), QTYPE::TYPE(TYPE::A));
    packet
        .questions
        .push(Question::new(name, kind, CLASS::IN.into(), false));
    packet.build_bytes_vec().unwrap()
}

fn address_in(message: &[u8]) -> Result<Ipv4Addr, RCODE> {
    let packet = Packet::parse(message).unwrap();
    match packet.answers.first().map(|record| &record.rdata) {
        Some(RData::A(address)) => Ok(address.address.into()),
        _ => Err(packet.rcode()),
    }
}

#[tokio::test]
async fn names_lead_to_the_gateway_to_nodes_or_to_addresses_that_nobody_has() {
    let lab = Lab::new().await;
    assert_eq!(lab.ask("git.plumbline.test").await, Err(RCODE::ServerFailure));
    lab.say(REPORTS, format!("here {HERE}\n").as_bytes()).await;
    assert_eq!(lab.gateway.address().await, HERE);
    let stranger = Ipv4Addr::new(198, 18, 0, 1);
    for (name, address) in [
        ("git.plumbline.test", Ok(HERE)),
        ("Git.Plumbline.Test", Ok(HERE)),
        ("run-control-plane", Ok(NODE)),
        ("run-worker", Err(RCODE::NameError)),
        ("outside.example", Ok(stranger)),
        ("other.example", Ok(Ipv4Addr::new(198, 18, 0, 2))),
        ("Outside.Example", Ok(stranger)),
        ("_tcp.outside.example", Err(RCODE::NameError)),
        ("host.docker.internal", Err(RCODE::NameError)),
        ("a.b.svc.cluster.local", Err(RCODE::NameError)),
    ] {
        assert_eq!(lab.ask(name).await, address, "{name}");
    }
    assert_eq!(lab.seen(), [], "a question is no try");
}

#[tokio::test]
async fn a_stream_carries_several_questions() {
    let lab = Lab::new().await;
    let one = question("outside.example");
    let mut several = Vec::new();
    for _ in 0..2 {
        several.extend(u16::try_from(one.len()).unwrap().to_be_bytes());
        several.extend(&one);
    }
    let mut answers = &lab.say(LONG_QUESTIONS, &several).await[..];
    for _ in 0..2 {
        let (length, rest) = answers.split_first_chunk().unwrap();
        let (answer, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        assert_eq!(address_in(answer), Ok(Ipv4Addr::new(198, 18, 0, 1)));
        answers = rest;
    }
    assert!(answers.is_empty());
}

#[tokio::test]
async fn a_try_elsewhere_is_told_of_by_name_or_by_address() {
    let lab = Lab::new().await;
    let stranger = lab.ask("outside.example").await.unwrap();
    for said in [
        &format!("try {stranger} 22\n"),
        "try 192.0.2.1 443\n",
        "nonsense\n",
    ] {
        lab.say(REPORTS, said.as_bytes()).await;
    }
    let expected = [("outside.example:22", false), ("192.0.2.1:443", false)];
    assert_eq!(
        lab.seen(),
        expected.map(|(target, allowed)| (target.to_owned(), allowed))
    );
}
