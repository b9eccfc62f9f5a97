//! The login: a client proves itself with its secret and is given a token, which counts for a while.

use super::answers::Answer;
use crate::Credentials;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long a token counts unless it is said otherwise.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Tokens that were given, and until when each counts.
pub(super) struct Tokens {
    client: Credentials,
    pub(super) lifetime: Duration,
    given: HashMap<String, Instant>,
}

impl Tokens {
    pub(super) fn of(client: Credentials) -> Self {
        Self {
            client,
            lifetime: LIFETIME,
            given: HashMap::new(),
        }
    }

    /// Answers a request for a token for `scope`.
    pub(super) fn give(&mut self, form: &[(String, String)], scope: &str) -> Answer {
        let field = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        if field("grant_type") != "client_credentials" {
            let why = "only the grant `client_credentials` is known here";
            return Answer::no_token(StatusCode::BAD_REQUEST, "unsupported_grant_type", why);
        }
        let is_client = field("client_id") == self.client.user
            && field("client_secret") == self.client.password.reveal().as_str();
        if !is_client {
            let why = "the client's name or its secret is wrong";
            return Answer::no_token(StatusCode::UNAUTHORIZED, "invalid_client", why);
        }
        if field("scope") != scope {
            let why = "there is nothing of that name that a token could be for";
            return Answer::no_token(StatusCode::BAD_REQUEST, "invalid_scope", why);
        }
        let token = hex::encode(rand::random::<[u8; 32]>());
        self.given.insert(token.clone(), Instant::now() + self.lifetime);
        Answer::ok(json!({
            "token_type": "Bearer",
            "expires_in": self.lifetime.as_secs(),
            "access_token": token,
        }))
    }

    /// Whether a request brings a token that still counts.
    pub(super) fn admit(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION);
        let token = value
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let until = token.and_then(|token| self.given.get(token));
        until.is_some_and(|until| Instant::now() < *until)
    }

    /// Lets no token count any more.
    pub(super) fn forget(&mut self) {
        self.given.clear();
    }
}
