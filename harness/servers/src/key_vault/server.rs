//! The server of the key vault.

use super::{answers::Answer, keys::Keys, tokens::Tokens};
use crate::{Availability, Credentials, Listener, Server, ServerError, record::BoundedLog};
use axum::{
    extract::{Query, Request},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use p256::{SecretKey, ecdsa::SigningKey, pkcs8::DecodePrivateKey as _};
use plumbline_model::Secret;
use rustls::ServerConfig;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The largest request that is taken.
const LARGEST: usize = 64 << 10;
/// How many requests are remembered.
const REMEMBERED: usize = 4096;
/// The tenant whose clients may log in.
const TENANT: &str = "plumbline";

/// How to start a [`KeyVault`].
pub struct KeyVaultOptions {
    /// The client that may log in: its name and its secret.
    pub client: Credentials,
    /// The TLS configuration; plain HTTP if this is `None`.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
}

/// A request that was answered; what it brought along is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVaultRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// How it was answered.
    pub status: StatusCode,
}

/// A running key vault with its token service; dropping it stops the server and forgets the keys.
pub struct KeyVault {
    inner: Arc<Inner>,
    server: Server,
}

struct Inner {
    /// Scheme, host and port.
    base: String,
    /// What tokens are for: the vault's scheme and host.
    resource: String,
    state: Mutex<State>,
    requests: BoundedLog<KeyVaultRequest>,
}

struct State {
    keys: Keys,
    tokens: Tokens,
    /// How many of the next requests are answered with a status, and for how many seconds the client is told to stay away.
    failing: Option<(usize, StatusCode, Option<u64>)>,
}

impl KeyVault {
    /// Starts a vault without keys.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start(options: KeyVaultOptions) -> Result<Self, ServerError> {
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let listener = Listener::bind_loopback(options.address)
            .await?
            .with_tls(options.tls);
        let address = listener.address();
        let inner = Arc::new(Inner {
            base: format!("{scheme}://{address}"),
            resource: format!("{scheme}://{}", address.ip()),
            state: Mutex::new(State {
                keys: Keys::default(),
                tokens: Tokens::of(options.client),
                failing: None,
            }),
            requests: BoundedLog::new(REMEMBERED),
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

    /// The vault's URL.
    pub fn url(&self) -> &str {
        &self.inner.base
    }

    /// The tenant of the client that may log in.
    pub const fn tenant(&self) -> &'static str {
        TENANT
    }

    /// Adds a key, a P-256 one in PKCS#8 PEM, as the newest version of that name; gives the version.
    ///
    /// # Errors
    /// It is no such key.
    pub fn import(&self, name: &str, pem: &Secret<String>) -> Result<String, ServerError> {
        let key = SecretKey::from_pkcs8_pem(pem.reveal()).map_err(|_| ServerError::Name {
            what: "key",
            name: name.to_owned(),
            reason: "its content is not a P-256 key in PKCS#8 PEM",
        })?;
        Ok(self.inner.state().keys.add(name, SigningKey::from(key)))
    }

    /// Lets a key sign no more, or again; whether there is one of that name.
    pub fn set_enabled(&self, name: &str, is_enabled: bool) -> bool {
        self.inner.state().keys.enable(name, is_enabled)
    }

    /// How long tokens count that are given from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.inner.state().tokens.lifetime = lifetime;
    }

    /// Lets no token count that was given so far.
    pub fn revoke_tokens(&self) {
        self.inner.state().tokens.forget();
    }

    /// Answers the next `times` requests with `status`, and tells clients to stay away for `seconds`.
    pub fn fail(&self, times: usize, status: StatusCode, seconds: Option<u64>) {
        self.inner.state().failing = Some((times, status, seconds));
    }

    /// Takes the vault out of reach, slows it down, or brings it back.
    pub fn set_availability(&self, availability: Availability) {
        self.server.set_availability(availability);
    }

    /// The newest requests, oldest first.
    pub fn requests(&self) -> Vec<KeyVaultRequest> {
        self.inner.requests.snapshot()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn respond(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let answer = match axum::body::to_bytes(body, LARGEST).await {
            Ok(body) => self.failure().unwrap_or_else(|| {
                let query = head.uri.query().unwrap_or_default();
                self.answer(&head.method, &path, query, &head.headers, &body)
            }),
            Err(_) => Answer::refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BadParameter",
                "the request is too large",
            ),
        };
        self.requests.push(KeyVaultRequest {
            method: head.method,
            path,
            status: answer.status,
        });
        answer.into_response()
    }

    fn failure(&self) -> Option<Answer> {
        let mut state = self.state();
        let (times, status, seconds) = state.failing.take()?;
        if times > 1 {
            state.failing = Some((times - 1, status, seconds));
        }
        let answer = Answer::refusal(status, "Throttled", "a fault was injected");
        Some(match seconds {
            Some(seconds) => answer.with(header::RETRY_AFTER, &seconds.to_string()),
            None => answer,
        })
    }

    fn answer(&self, method: &Method, path: &str, query: &str, headers: &HeaderMap, body: &Bytes) -> Answer {
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match (method, &parts[..]) {
            (&Method::POST, [TENANT, "oauth2", "v2.0", "token"]) => {
                let form = fields(body);
                let scope = format!("{}/.default", self.resource);
                self.state().tokens.give(&form, &scope)
            }
            (_, ["keys", ..]) if !self.state().tokens.admit(headers) => self.challenge(),
            (_, ["keys", ..]) if !query.split('&').any(|field| field.starts_with("api-version=7.")) => {
                Answer::refusal(
                    StatusCode::BAD_REQUEST,
                    "BadParameter",
                    "the query parameter api-version is missing, or not known here",
                )
            }
            (&Method::GET, ["keys", key]) => self.public(key, ""),
            (&Method::GET, ["keys", key, version]) => self.public(key, version),
            (&Method::POST, ["keys", key, version, "sign"]) => self.sign(key, version, body),
            _ => Answer::refusal(StatusCode::NOT_FOUND, "NotFound", "there is nothing of that name"),
        }
    }

    /// Says where tokens are to be had.
    fn challenge(&self) -> Answer {
        let where_to = format!(
            "Bearer authorization=\"{}/{TENANT}\", resource=\"{}\"",
            self.base, self.resource
        );
        Answer::refusal(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "the request has no token that counts",
        )
        .with(header::WWW_AUTHENTICATE, &where_to)
    }

    fn public(&self, key: &str, version: &str) -> Answer {
        let state = self.state();
        let Some(found) = state.keys.version(key, version) else {
            return missing(key);
        };
        let identifier = self.identifier(key, &found.name);
        Answer::ok(json!({"key": found.public(&identifier), "attributes": {"enabled": found.is_enabled}}))
    }

    fn sign(&self, key: &str, version: &str, body: &Bytes) -> Answer {
        let state = self.state();
        let Some(found) = state.keys.version(key, version) else {
            return missing(key);
        };
        if !found.is_enabled {
            let why = "the operation sign is not allowed on a disabled key";
            return Answer::refusal(StatusCode::FORBIDDEN, "Forbidden", why);
        }
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let digest = asked["value"]
            .as_str()
            .and_then(|value| URL_SAFE_NO_PAD.decode(value).ok());
        let digest = digest.filter(|digest| asked["alg"] == "ES256" && digest.len() == 32);
        match digest.and_then(|digest| found.sign(&digest)) {
            Some(value) => Answer::ok(json!({"kid": self.identifier(key, &found.name), "value": value})),
            None => Answer::refusal(
                StatusCode::BAD_REQUEST,
                "BadParameter",
                "this key signs digests of 32 bytes by ES256",
            ),
        }
    }

    fn identifier(&self, key: &str, version: &str) -> String {
        format!("{}/keys/{key}/{version}", self.base)
    }
}

/// The fields of a form, none if it is not one.
fn fields(form: &[u8]) -> Vec<(String, String)> {
    // A form is written as a query is.
    let uri = format!("/?{}", String::from_utf8_lossy(form)).parse().ok();
    let query = uri.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
    query.map(|Query(fields)| fields).unwrap_or_default()
}

fn missing(key: &str) -> Answer {
    let why = format!("a key called {key} is not in this vault, or not in that version");
    Answer::refusal(StatusCode::NOT_FOUND, "KeyNotFound", &why)
}
