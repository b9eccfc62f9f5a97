//! The proxy as a running server: its faults, its count of requests, and what it does with each of them.

use super::{
    fault::{ApiFault, Faults, WatchEnd, refusal},
    request::{ApiRequest, ApiRequests, ApiVerb},
    watch_body,
};
use crate::{ClientConnection, ClientIdentity, Listener, Server, ServerError, tls, upstream::Upstream};
use axum::{extract::Request, response::Response};
use http::{StatusCode, header};
use rustls::ServerConfig;
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// How to start an [`ApiProxy`].
pub struct ApiProxyOptions {
    /// Where the API server listens.
    pub api_server: SocketAddr,
    /// The authority that has certified the API server, PEM.
    pub authority_pem: String,
    /// In whose name all requests are made.
    pub identity: ClientIdentity,
    /// TLS towards the clients. It must refuse strangers: whoever is let in acts as `identity`.
    pub tls: Arc<ServerConfig>,
    /// Where the proxy listens; port 0 picks a free one.
    pub address: SocketAddr,
}

impl fmt::Debug for ApiProxyOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiProxyOptions")
            .field("api_server", &self.api_server)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A running proxy; dropping it stops the server.
pub struct ApiProxy {
    inner: Arc<Inner>,
    server: Server,
}

struct Inner {
    upstream: Upstream,
    faults: Faults,
    counts: Mutex<ApiRequestCounts>,
    watch_ends: watch::Sender<WatchEnd>,
}

/// How many requests there were, of each verb and path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiRequestCounts(BTreeMap<ApiRequest, u64>);

impl ApiRequestCounts {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The requests of these.
    #[must_use]
    pub fn of(&self, requests: &ApiRequests) -> u64 {
        let included = self.0.iter().filter(|(request, _)| requests.include(request));
        included.map(|(_, count)| count).sum()
    }

    /// Each request and how often it was made, by verb and path.
    pub fn iter(&self) -> impl Iterator<Item = (&ApiRequest, u64)> {
        self.0.iter().map(|(request, count)| (request, *count))
    }
}

impl fmt::Display for ApiRequestCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (request, count)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{count} {} {}", request.verb, request.path)?;
        }
        Ok(())
    }
}

impl ApiProxy {
    /// Starts a proxy.
    pub async fn start(options: ApiProxyOptions) -> Result<Self, ServerError> {
        let listener = Listener::bind_loopback(options.address)
            .await?
            .with_tls(Some(options.tls));
        let tls = tls::client_config(
            "a client of the API server",
            &options.authority_pem,
            Some(&options.identity),
        )?;
        let inner = Arc::new(Inner {
            upstream: Upstream::new("the API server", options.api_server, Some(tls)),
            faults: Faults::none(),
            counts: Mutex::default(),
            watch_ends: watch::Sender::new(WatchEnd::Closed),
        });
        let serving = inner.clone();
        let server = Server::start(listener, move |request, _| {
            let inner = serving.clone();
            async move { inner.respond(request).await }
        });
        Ok(Self { inner, server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Lets `fault` happen to these requests until the faults are cleared.
    ///
    /// Faults are tried in the order in which they were asked for. Watches that stand already are not touched, see
    /// [`ApiProxy::end_watches`].
    pub fn break_requests(&self, requests: ApiRequests, fault: ApiFault) {
        self.inner.faults.add(requests, None, fault);
    }

    /// Lets `fault` happen to the next `times` of these requests.
    pub fn break_next(&self, times: u64, requests: ApiRequests, fault: ApiFault) {
        self.inner.faults.add(requests, Some(times), fault);
    }

    /// Ends all faults; requests that are held back by one go on.
    pub fn clear_faults(&self) {
        self.inner.faults.clear();
    }

    /// Ends the watches that stand now.
    pub fn end_watches(&self, end: WatchEnd) {
        self.inner.watch_ends.send_replace(end);
    }

    /// The requests so far, those that a fault happened to among them.
    pub fn counts(&self) -> ApiRequestCounts {
        self.inner.counts().clone()
    }

    /// Begins to count anew.
    pub fn forget_counts(&self) {
        *self.inner.counts() = ApiRequestCounts::default();
    }
}

impl Inner {
    fn counts(&self) -> MutexGuard<'_, ApiRequestCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn respond(&self, request: Request) -> Response {
        let asked = ApiRequest::of(request.method(), request.uri());
        *self.counts().0.entry(asked.clone()).or_default() += 1;
        let connection = request.extensions().get().cloned().unwrap_or_default();
        let mut clearing = self.faults.clearing();
        let mut plan = None;
        match self.faults.take(&asked) {
            Some(ApiFault::Reset) => return reset(&connection).await,
            Some(ApiFault::LoseAnswer) => {
                let answer = self.forward(request).await;
                tracing::debug!(verb = %asked.verb, path = asked.path, status = %answer.status(), "answer lost");
                return reset(&connection).await;
            }
            Some(ApiFault::Refuse {
                status,
                message,
                retry_after,
            }) => return refusal(status, &message, retry_after),
            Some(ApiFault::Delay(delay)) => {
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    // That the proxy is gone clears the faults too.
                    _ = clearing.changed() => {}
                }
            }
            Some(ApiFault::EndWatch { after, end }) => plan = Some((after, end)),
            None => {}
        }
        let ends = self.watch_ends.subscribe();
        let answer = self.forward(request).await;
        if asked.verb == ApiVerb::Watch && answer.status().is_success() {
            answer.map(|body| watch_body::pass_on(body, connection, plan, ends))
        } else {
            answer
        }
    }

    async fn forward(&self, mut request: Request) -> Response {
        let headers = request.headers_mut();
        // Everybody is `identity` here, and events can only be counted in plain text.
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::ACCEPT_ENCODING);
        match self.upstream.send(request).await {
            Ok(answer) => answer,
            Err(error) => refusal(StatusCode::BAD_GATEWAY, &error.to_string(), None),
        }
    }
}

/// Resets the connection; there is no answer.
async fn reset(connection: &ClientConnection) -> Response {
    connection.reset();
    std::future::pending().await
}
