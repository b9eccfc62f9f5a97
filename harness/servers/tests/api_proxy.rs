//! The proxy in front of an API server that is only good for being asked.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::StreamExt as _;
use http::StatusCode;
use plumbline_servers::{
    ApiFault, ApiProxy, ApiProxyOptions, ApiRequests, ApiVerb, CertificateAuthority, Listener, Server,
    WatchEnd,
};
use reqwest::{Certificate, Client, Identity};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

const WATCH: &str = "/api/v1/pods?watch=true";

struct World {
    proxy: ApiProxy,
    authority: CertificateAuthority,
    seen: Arc<AtomicU64>,
    api_server: Server,
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Three events, of which the last never comes.
fn events() -> Body {
    let two = futures::stream::iter([
        Ok::<_, io::Error>(Bytes::from("{\"type\":\"A\"}\n{\"ty")),
        Ok(Bytes::from("pe\":\"B\"}\n")),
    ]);
    Body::from_stream(two.chain(futures::stream::pending()))
}

async fn world() -> World {
    let authority = CertificateAuthority::new("test").unwrap();
    let tls = authority.server_config_for_known_clients(&["127.0.0.1"]);
    let listener = Listener::bind_loopback(loopback())
        .await
        .unwrap()
        .with_tls(Some(tls.unwrap()));
    let seen = Arc::new(AtomicU64::new(0));
    let seeing = seen.clone();
    let api_server = Server::start(listener, move |request, _| {
        seeing.fetch_add(1, Ordering::Relaxed);
        async move {
            if request.uri().query() == Some("watch=true") {
                return Response::new(events());
            }
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let text = format!("{} {} {}", parts.method, parts.uri, body.len());
            Response::new(Body::from(text))
        }
    });
    let proxy = ApiProxy::start(ApiProxyOptions {
        api_server: api_server.address(),
        authority_pem: authority.pem().to_owned(),
        identity: authority.issue_client("proxy", &["system:masters"]).unwrap(),
        tls: authority.server_config_for_known_clients(&["127.0.0.1"]).unwrap(),
        address: loopback(),
    })
    .await
    .unwrap();
    World {
        proxy,
        authority,
        seen,
        api_server,
    }
}

impl World {
    fn client(&self) -> Client {
        let identity = self.authority.issue_client("somebody", &[] as &[&str]).unwrap();
        let pem = format!("{}{}", identity.certificate_pem, identity.key_pem.reveal());
        self.stranger()
            .identity(Identity::from_pem(pem.as_bytes()).unwrap())
            .build()
            .unwrap()
    }

    fn stranger(&self) -> reqwest::ClientBuilder {
        let authority = Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        Client::builder().no_proxy().tls_certs_only([authority])
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.proxy.address())
    }

    fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn requests_are_passed_on_and_counted() {
    let world = world().await;
    let client = world.client();
    for _ in 0..3 {
        let answer = client
            .get(world.url("/api/v1/pods?limit=5"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), "GET /api/v1/pods?limit=5 0");
    }
    let patch = client
        .patch(world.url("/api/v1/namespaces/a/pods/b"))
        .body("12345");
    let answer = patch.send().await.unwrap().text().await.unwrap();
    assert_eq!(answer, "PATCH /api/v1/namespaces/a/pods/b 5");
    let counts = world.proxy.counts();
    assert_eq!((counts.total(), world.seen()), (4, 4));
    assert_eq!(counts.of(&ApiRequests::of(ApiVerb::List)), 3);
    assert_eq!(
        counts.to_string(),
        "3 list /api/v1/pods, 1 patch /api/v1/namespaces/a/pods/b"
    );
    world.proxy.forget_counts();
    assert_eq!(world.proxy.counts().total(), 0);
}

#[tokio::test]
async fn nobody_without_a_certificate_is_let_in() {
    let world = world().await;
    let stranger = world.stranger().build().unwrap();
    assert!(stranger.get(world.url("/api/v1/pods")).send().await.is_err());
    assert_eq!((world.proxy.counts().total(), world.seen()), (0, 0));
}

#[tokio::test]
async fn a_refusal_is_worded_as_the_api_server_would_and_says_when_to_come_back() {
    let world = world().await;
    let busy = ApiFault::Refuse {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "slow down".into(),
        retry_after: Some(Duration::from_secs(7)),
    };
    world.proxy.break_next(1, ApiRequests::all(), busy);
    let client = world.client();
    let answer = client.get(world.url("/api/v1/pods")).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    let status: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(
        (&status["reason"], &status["message"], &status["code"]),
        (&"TooManyRequests".into(), &"slow down".into(), &429.into())
    );
    let answer = client.get(world.url("/api/v1/pods")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), world.seen()), (200, 1));
}

#[tokio::test]
async fn a_reset_keeps_the_request_from_the_api_server_and_a_lost_answer_does_not() {
    let world = world().await;
    let client = world.client();
    world.proxy.break_next(1, ApiRequests::all(), ApiFault::Reset);
    let post = || {
        client
            .post(world.url("/api/v1/namespaces/a/pods"))
            .body("x")
            .send()
    };
    assert!(post().await.is_err());
    assert_eq!(world.seen(), 0);
    world
        .proxy
        .break_next(1, ApiRequests::all(), ApiFault::LoseAnswer);
    assert!(post().await.is_err());
    assert_eq!(world.seen(), 1);
    assert!(post().await.is_ok());
    assert_eq!(world.proxy.counts().total(), 3);
}

#[tokio::test]
async fn a_delay_ends_when_the_faults_are_cleared() {
    let world = world().await;
    let delay = Duration::from_millis(60);
    let client = world.client();
    world
        .proxy
        .break_next(1, ApiRequests::all(), ApiFault::Delay(delay));
    let asked = std::time::Instant::now();
    client.get(world.url("/version")).send().await.unwrap();
    assert!(asked.elapsed() >= delay);
    world
        .proxy
        .break_requests(ApiRequests::all(), ApiFault::Delay(Duration::MAX));
    let hanging = tokio::spawn(client.get(world.url("/version")).send());
    while world.proxy.counts().total() < 2 {
        tokio::task::yield_now().await;
    }
    world.proxy.clear_faults();
    assert_eq!(hanging.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn watches_end_as_planned_or_when_told() {
    let world = world().await;
    let client = world.client();
    let watch = || async { client.get(world.url(WATCH)).send().await.unwrap() };
    let plan = |after, end| {
        world.proxy.break_next(
            1,
            ApiRequests::of(ApiVerb::Watch),
            ApiFault::EndWatch { after, end },
        );
    };
    plan(1, WatchEnd::Closed);
    assert_eq!(watch().await.text().await.unwrap(), "{\"type\":\"A\"}\n");
    plan(0, WatchEnd::Expired);
    let expired: serde_json::Value = watch().await.json().await.unwrap();
    assert_eq!(
        (&expired["type"], &expired["object"]["code"]),
        (&"ERROR".into(), &410.into())
    );
    plan(2, WatchEnd::Cut);
    let mut cut = watch().await.bytes_stream();
    let mut passed = Vec::new();
    while let Some(Ok(chunk)) = cut.next().await {
        passed.extend_from_slice(&chunk);
    }
    assert_eq!(passed, b"{\"type\":\"A\"}\n{\"type\":\"B\"}\n");

    let (one, two) = tokio::join!(watch(), watch());
    let text = |answer: reqwest::Response| tokio::spawn(answer.text());
    let (one, two) = (text(one), text(two));
    world.proxy.end_watches(WatchEnd::Closed);
    for text in [one.await.unwrap().unwrap(), two.await.unwrap().unwrap()] {
        assert!(
            "{\"type\":\"A\"}\n{\"type\":\"B\"}\n".starts_with(&text),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_api_server_that_is_gone_is_a_bad_gateway() {
    let world = world().await;
    let (client, url) = (world.client(), world.url("/version"));
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    world.api_server.stop().await;
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("API server"));
}
