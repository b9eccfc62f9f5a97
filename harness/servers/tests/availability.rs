//! Servers that go down, become slow and come back while their clients are connected.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

use axum::{body::Body, response::Response};
use futures::StreamExt as _;
use plumbline_servers::{
    Availability, CertificateAuthority, ClientConnection, Listener, Registry, RegistryContent,
    RegistryOptions, Server, WebhookOptions, WebhookSink,
};
use std::{
    error::Error,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Whether the request failed because its connection was reset.
fn is_reset(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

async fn greeter() -> Server {
    let listener = Listener::bind_loopback(loopback()).await.unwrap();
    Server::start(listener, |_, _| async { Response::new(Body::from("hello")) })
}

async fn read_answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[tokio::test]
async fn a_server_that_goes_down_resets_connections_that_stand_and_new_ones() {
    let server = greeter().await;
    let mut standing = TcpStream::connect(server.address()).await.unwrap();
    standing.write_all(REQUEST).await.unwrap();
    assert!(read_answer(&mut standing).await.unwrap().ends_with("hello"));
    server.set_availability(Availability::Down);
    assert_eq!(server.availability(), Availability::Down);
    let broken = read_answer(&mut standing).await.unwrap_err();
    assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset);
    let mut new = TcpStream::connect(server.address()).await.unwrap();
    let broken = read_answer(&mut new).await.unwrap_err();
    assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset);
    server.set_availability(Availability::Up);
    let answer = client().get(format!("http://{}/", server.address())).send().await;
    assert_eq!(answer.unwrap().text().await.unwrap(), "hello");
}

#[tokio::test]
async fn what_is_under_way_ends_with_the_server_that_goes_down() {
    let listener = Listener::bind_loopback(loopback()).await.unwrap();
    let (alive, mut ended) = tokio::sync::mpsc::channel::<()>(1);
    let server = Server::start(listener, move |_, _| {
        let alive = alive.clone();
        async move {
            let stalled = futures::stream::once(async move {
                let _alive = alive;
                std::future::pending().await
            });
            let first = futures::stream::iter([Ok::<_, io::Error>("first")]);
            Response::new(Body::from_stream(first.chain(stalled)))
        }
    });
    let answer = client().get(format!("http://{}/", server.address())).send().await;
    let mut body = answer.unwrap().bytes_stream();
    assert_eq!(body.next().await.unwrap().unwrap(), "first");
    server.set_availability(Availability::Down);
    assert!(is_reset(&body.next().await.unwrap().unwrap_err()));
    server.stop().await;
    assert_eq!(ended.recv().await, None, "the answer's source is dropped");
}

#[tokio::test]
async fn a_server_with_tls_is_down_before_its_handshake() {
    let authority = CertificateAuthority::new("test").unwrap();
    let tls = authority.server_config(&["127.0.0.1"]).unwrap();
    let listener = Listener::bind_loopback(loopback()).await.unwrap();
    let server = Server::start(listener.with_tls(Some(tls)), |_, _| async {
        Response::new(Body::from("hello"))
    });
    let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    let ask = || client.get(format!("https://{}/", server.address())).send();
    assert!(ask().await.is_ok());
    server.set_availability(Availability::Down);
    let broken = ask().await.unwrap_err();
    assert!(is_reset(&broken), "{broken:?}");
    server.set_availability(Availability::Up);
    assert!(ask().await.is_ok());
}

#[tokio::test]
async fn a_slow_server_is_slow_on_connections_that_stand() {
    let delay = Duration::from_millis(80);
    let server = greeter().await;
    let mut standing = TcpStream::connect(server.address()).await.unwrap();
    standing.write_all(REQUEST).await.unwrap();
    assert!(read_answer(&mut standing).await.unwrap().ends_with("hello"));
    server.set_availability(Availability::Slow(delay));
    let asked = Instant::now();
    standing.write_all(REQUEST).await.unwrap();
    assert!(read_answer(&mut standing).await.unwrap().ends_with("hello"));
    assert!(asked.elapsed() >= delay);

    server.set_availability(Availability::Slow(Duration::from_secs(3600)));
    standing.write_all(REQUEST).await.unwrap();
    server.set_availability(Availability::Up);
    assert!(read_answer(&mut standing).await.unwrap().ends_with("hello"));
    server.set_availability(Availability::Slow(Duration::from_secs(3600)));
    server.stop().await;
}

#[tokio::test]
async fn a_handler_can_reset_the_connection_of_its_request() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let listener = Listener::bind_loopback(loopback()).await.unwrap();
    let server = Server::start(listener, move |request, _| {
        let first = counting.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                let connection = request.extensions().get::<ClientConnection>().unwrap();
                connection.reset();
                std::future::pending::<()>().await;
            }
            Response::new(Body::from("second"))
        }
    });
    let url = format!("http://{}/", server.address());
    let broken = client().post(&url).send().await.unwrap_err();
    assert!(is_reset(&broken), "{broken:?}");
    let answer = client().post(&url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "second");
}

#[tokio::test]
async fn the_registry_and_the_sink_can_go_down_and_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(RegistryOptions {
        name: "test".into(),
        content: RegistryContent::Directory(directory.path().to_owned()),
        credentials: None,
        tls: None,
        address: loopback(),
    })
    .await
    .unwrap();
    let sink = WebhookSink::start(WebhookOptions {
        tls: None,
        address: loopback(),
    })
    .await
    .unwrap();
    let client = client();
    let catalog = || {
        client
            .get(format!("http://{}/v2/_catalog", registry.address()))
            .send()
    };
    let deliver = || {
        client
            .post(format!("http://{}/", sink.address()))
            .body("x")
            .send()
    };
    assert!(catalog().await.is_ok() && deliver().await.is_ok());
    registry.set_availability(Availability::Down);
    sink.set_availability(Availability::Down);
    assert!(is_reset(&catalog().await.unwrap_err()));
    assert!(is_reset(&deliver().await.unwrap_err()));
    registry.set_availability(Availability::Up);
    sink.set_availability(Availability::Up);
    assert!(catalog().await.is_ok() && deliver().await.is_ok());
    assert_eq!(
        sink.received().len(),
        2,
        "nothing is delivered to a sink that is down"
    );
}
