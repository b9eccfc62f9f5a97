//! A sink for webhooks: it takes every delivery, remembers it, and tells those who wait for one.

use crate::{Availability, Listener, Server, ServerError, record::BoundedLog};
use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderMap, HeaderName, StatusCode, header};
use rustls::ServerConfig;
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::SystemTime,
};
use tokio::sync::watch;

/// The largest body that is taken.
const LARGEST: usize = 1 << 20;
/// How many deliveries are remembered.
const REMEMBERED: usize = 4096;
/// Headers that carry what a sender proves itself with.
const SENSITIVE: [HeaderName; 2] = [header::AUTHORIZATION, header::COOKIE];

/// How to start a [`WebhookSink`].
pub struct WebhookOptions {
    /// Its TLS configuration; plain HTTP if this is `None`.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
}

/// What a sender delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When it had arrived.
    pub at: SystemTime,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// All headers; those that carry secrets are marked as sensitive.
    pub headers: HeaderMap,
    /// The body.
    pub body: Payload,
}

/// The body of a [`Delivery`].
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// It was JSON.
    Json(Value),
    /// It was something else; bytes that are not UTF-8 are replaced.
    Text(String),
}

/// A running sink; dropping it stops the server.
pub struct WebhookSink {
    inner: Arc<Inner>,
    server: Server,
}

struct Inner {
    deliveries: BoundedLog<Delivery>,
    count: watch::Sender<u64>,
    status: AtomicU16,
}

/// Follows the deliveries of a sink, from the first that it remembers.
pub struct Subscription {
    inner: Arc<Inner>,
    count: watch::Receiver<u64>,
    next: u64,
}

impl WebhookSink {
    /// Starts a sink.
    pub async fn start(options: WebhookOptions) -> Result<Self, ServerError> {
        let listener = Listener::bind_loopback(options.address)
            .await?
            .with_tls(options.tls);
        let inner = Arc::new(Inner {
            deliveries: BoundedLog::new(REMEMBERED),
            count: watch::Sender::new(0),
            status: AtomicU16::new(StatusCode::OK.as_u16()),
        });
        let serving = inner.clone();
        let server = Server::start(listener, move |request, _| {
            let inner = serving.clone();
            async move { inner.take(request).await }
        });
        Ok(Self { inner, server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Takes the sink out of reach, slows it down, or brings it back, at once and for connections that stand too.
    pub fn set_availability(&self, availability: Availability) {
        self.server.set_availability(availability);
    }

    /// How the sink meets its clients now.
    pub fn availability(&self) -> Availability {
        self.server.availability()
    }

    /// Answers further deliveries with `status`; they are remembered all the same.
    pub fn set_status(&self, status: StatusCode) {
        self.inner.status.store(status.as_u16(), Ordering::Relaxed);
    }

    /// The newest deliveries, oldest first.
    pub fn received(&self) -> Vec<Delivery> {
        self.inner.deliveries.snapshot()
    }

    /// Follows the deliveries, beginning with those that have arrived already.
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            inner: self.inner.clone(),
            count: self.inner.count.subscribe(),
            next: 0,
        }
    }
}

impl Subscription {
    /// The next delivery; waits for it as long as it takes, so give it a deadline.
    pub async fn next(&mut self) -> Delivery {
        loop {
            self.count.borrow_and_update();
            if let Some((number, delivery)) = self.inner.deliveries.at_or_after(self.next) {
                self.next = number + 1;
                return delivery;
            }
            if self.count.changed().await.is_err() {
                // Cannot be: `inner` keeps the sender. Waiting is still the true answer.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Inner {
    async fn take(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let mut response = Response::new(Body::empty());
        let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return response;
        };
        let mut headers = parts.headers;
        for name in SENSITIVE {
            if let Some(value) = headers.get_mut(name) {
                value.set_sensitive(true);
            }
        }
        let body = serde_json::from_slice(&body).map_or_else(
            |_| Payload::Text(String::from_utf8_lossy(&body).into_owned()),
            Payload::Json,
        );
        let path = parts
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        let count = self.deliveries.push(Delivery {
            at: SystemTime::now(),
            method: parts.method.to_string(),
            path,
            headers,
            body,
        });
        self.count.send_modify(|known| *known = count.max(*known));
        *response.status_mut() =
            StatusCode::from_u16(self.status.load(Ordering::Relaxed)).unwrap_or(StatusCode::OK);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn sink() -> (WebhookSink, String, reqwest::Client) {
        let options = WebhookOptions {
            tls: None,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let sink = WebhookSink::start(options).await.unwrap();
        let url = format!("http://{}", sink.address());
        (sink, url, reqwest::Client::builder().no_proxy().build().unwrap())
    }

    #[tokio::test]
    async fn a_subscription_sees_what_came_before_it_and_what_comes_after() {
        let (sink, url, client) = sink().await;
        client
            .post(format!("{url}/a?b=c"))
            .json(&json!({ "reason": "ok" }))
            .send()
            .await
            .unwrap();
        let mut subscription = sink.subscribe();
        let first = subscription.next().await;
        assert_eq!(
            (first.path.as_str(), first.body),
            ("/a?b=c", Payload::Json(json!({ "reason": "ok" })))
        );
        let (second, sent) = tokio::join!(subscription.next(), client.post(&url).body("no json").send());
        assert_eq!(sent.unwrap().status(), 200);
        assert_eq!(second.body, Payload::Text("no json".into()));
        assert_eq!(sink.received().len(), 2);
    }

    #[tokio::test]
    async fn authorization_is_kept_but_not_shown() {
        let (sink, url, client) = sink().await;
        client
            .post(&url)
            .header("authorization", "Bearer hunter22")
            .send()
            .await
            .unwrap();
        let delivery = sink.received().remove(0);
        assert_eq!(delivery.headers["authorization"], "Bearer hunter22");
        assert!(!format!("{delivery:?}").contains("hunter22"));
    }

    #[tokio::test]
    async fn a_sink_can_fail_and_refuses_what_is_too_large() {
        let (sink, url, client) = sink().await;
        sink.set_status(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(client.post(&url).body("x").send().await.unwrap().status(), 503);
        assert_eq!(
            client
                .post(&url)
                .body(vec![b'x'; LARGEST + 1])
                .send()
                .await
                .unwrap()
                .status(),
            413
        );
        assert_eq!(sink.received().len(), 1);
    }
}
