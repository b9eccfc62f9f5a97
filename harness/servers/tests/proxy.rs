//! The service proxy between real clients and real servers.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

use axum::{body::Body, extract::Request, response::Response};
use plumbline_servers::{
    CertificateAuthority, Listener, ProxyOptions, Server, ServiceDirectory, ServicePlace, ServiceProxy,
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

struct Services(HashMap<(&'static str, &'static str, u16), SocketAddr>);

impl ServiceDirectory for Services {
    fn resolve(&self, namespace: &str, service: &str, port: u16) -> Option<ServicePlace> {
        self.0
            .iter()
            .find(|((n, s, p), _)| (*n, *s, *p) == (namespace, service, port))
            .map(|(_, address)| ServicePlace::At(*address))
    }
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Answers with what it was asked.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let host = parts
        .headers
        .get("host")
        .map(|host| host.to_str().unwrap().to_owned())
        .unwrap_or_default();
    let hop = parts.headers.contains_key("proxy-authorization");
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Response::new(Body::from(format!(
        "{} {} host={host} hop={hop} {body}",
        parts.method, parts.uri
    )))
}

async fn server(authority: Option<&CertificateAuthority>, name: &str) -> Server {
    let tls = authority.map(|authority| authority.server_config(&[name]).unwrap());
    let listener = Listener::bind_loopback(loopback()).await.unwrap().with_tls(tls);
    Server::start(listener, |request, _| echo(request))
}

async fn proxy(names: &[(&str, SocketAddr)], services: Services) -> ServiceProxy {
    let names = names
        .iter()
        .map(|(name, address)| ((*name).to_owned(), *address))
        .collect();
    let options = ProxyOptions {
        names,
        services: Arc::new(services),
        address: loopback(),
    };
    ServiceProxy::start(options).await.unwrap()
}

fn client(proxy: &ServiceProxy) -> reqwest::ClientBuilder {
    reqwest::Client::builder().proxy(reqwest::Proxy::all(format!("http://u:p@{}", proxy.address())).unwrap())
}

#[tokio::test]
async fn a_named_host_is_reached_through_a_tunnel_on_any_port() {
    let authority = CertificateAuthority::new("test").unwrap();
    let git = server(Some(&authority), "git.plumbline.test").await;
    let proxy = proxy(&[("git.plumbline.test", git.address())], Services(HashMap::new())).await;
    let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let client = client(&proxy).tls_certs_only([certificate]).build().unwrap();
    for url in [
        "https://git.plumbline.test/a",
        "https://git.plumbline.test:8443/a",
    ] {
        let answer = client.get(url).send().await.unwrap().text().await.unwrap();
        assert!(answer.starts_with("GET /a host=git.plumbline.test"), "{answer}");
    }
    let targets: Vec<String> = proxy.egress().into_iter().map(|record| record.target).collect();
    assert_eq!(targets, ["git.plumbline.test:443", "git.plumbline.test:8443"]);
    assert!(
        proxy
            .egress()
            .iter()
            .all(|record| record.allowed && record.client.ip().is_loopback())
    );
}

#[tokio::test]
async fn services_are_reached_by_every_form_of_their_names() {
    let source = server(None, "").await;
    let services = Services(HashMap::from([(
        ("flux-system", "source-controller", 80),
        source.address(),
    )]));
    let proxy = proxy(&[], services).await;
    let client = client(&proxy).build().unwrap();
    for host in [
        "source-controller.flux-system.svc",
        "source-controller.flux-system.svc.cluster.local.",
    ] {
        let request = client.post(format!("http://{host}/file?x=1")).body("sent");
        let answer = request.send().await.unwrap().text().await.unwrap();
        assert_eq!(answer, format!("POST /file?x=1 host={host} hop=false sent"));
    }
    let absent = client
        .get("http://source-controller.flux-system.svc:81/")
        .send()
        .await
        .unwrap();
    assert_eq!(absent.status(), 502);
    assert!(absent.text().await.unwrap().contains("no ready endpoint"));
}

#[tokio::test]
async fn everything_else_is_refused_and_logged() {
    let proxy = proxy(&[], Services(HashMap::new())).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    proxy.on_egress(move |record| sink.lock().unwrap().push((record.target.clone(), record.allowed)));
    let client = client(&proxy).build().unwrap();
    for url in [
        "http://example.test/",
        "http://127.0.0.1:6443/",
        "http://kubernetes.default/",
    ] {
        assert_eq!(client.get(url).send().await.unwrap().status(), 403, "{url}");
    }
    assert!(client.get("https://ghcr.test/").send().await.is_err());
    let expected = [
        "example.test:80",
        "127.0.0.1:6443",
        "kubernetes.default:80",
        "ghcr.test:443",
    ];
    let refused: Vec<(String, bool)> = expected
        .iter()
        .map(|target| ((*target).to_owned(), false))
        .collect();
    assert_eq!(*seen.lock().unwrap(), refused);
    assert_eq!((proxy.counts().allowed, proxy.counts().refused), (0, 4));
}

#[tokio::test]
async fn a_server_that_is_gone_is_a_bad_gateway_with_the_reason() {
    let gone = server(None, "").await;
    let address = gone.address();
    gone.stop().await;
    let proxy = proxy(&[], Services(HashMap::new())).await;
    proxy.add_name("gone.plumbline.test", address);
    let answer = client(&proxy)
        .build()
        .unwrap()
        .get("http://gone.plumbline.test/")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("refused"));
}

#[tokio::test]
async fn what_is_no_proxy_request_is_a_bad_request() {
    let proxy = proxy(&[], Services(HashMap::new())).await;
    for request in [
        "GET / HTTP/1.1\r\nhost: x\r\n",
        "CONNECT x HTTP/1.1\r\nhost: x\r\n",
        "GET ftp://x/ HTTP/1.1\r\nhost: x\r\n",
    ] {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream
            .write_all(format!("{request}connection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
    }
    assert!(proxy.egress().is_empty());
}
