//! Who may use the registry: nobody asked, HTTP basic, or bearer tokens from `/token`.

use super::{
    answers::{Answer, Refusal, respond_json},
    server::Call,
};
use crate::Credentials;
use axum::{body::Body, extract::Query};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// The largest form that is read.
const LARGEST_FORM: usize = 64 << 10;

const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// How the registry asks for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Send the credentials with each request.
    Basic,
    /// Exchange the credentials for a token first, as public registries ask for.
    Bearer,
}

/// The credentials, and the tokens that were given out for them.
pub(super) struct Authorization {
    credentials: Option<Credentials>,
    scheme: &'static str,
    bearer: AtomicBool,
    tokens: Mutex<HashMap<String, Instant>>,
}

impl Authorization {
    pub(super) fn new(credentials: Option<Credentials>, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        Self {
            credentials,
            scheme,
            bearer: AtomicBool::new(false),
            tokens: Mutex::default(),
        }
    }

    pub(super) fn set_challenge(&self, challenge: Challenge) {
        self.bearer
            .store(challenge == Challenge::Bearer, Ordering::Relaxed);
    }

    /// Refuses a request that proves nothing, and says how to ask again.
    pub(super) fn check(
        &self,
        method: &Method,
        headers: &HeaderMap,
        host: &str,
        repository: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(credentials) = &self.credentials else {
            return Ok(());
        };
        let bearer = self.bearer.load(Ordering::Relaxed);
        let accepted = if bearer {
            self.has_token(headers)
        } else {
            credentials.authorize(headers)
        };
        if accepted {
            return Ok(());
        }
        let challenge = if bearer {
            let actions = if matches!(*method, Method::GET | Method::HEAD) {
                "pull"
            } else {
                "pull,push"
            };
            let scope = repository
                .map(|repository| format!(",scope=\"repository:{repository}:{actions}\""))
                .unwrap_or_default();
            format!(
                "Bearer realm=\"{}://{host}/token\",service=\"registry\"{scope}",
                self.scheme
            )
        } else {
            "Basic realm=\"registry\"".to_owned()
        };
        Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "valid credentials are required",
        )
        .with(header::WWW_AUTHENTICATE, challenge))
    }

    /// Gives a token for valid credentials: a user with a password, or the password alone as an identity token.
    pub(super) async fn token(&self, call: Call) -> Answer {
        let is_valid = match (&self.credentials, call.method == Method::POST) {
            (None, _) => true,
            (Some(credentials), false) => credentials.authorize(&call.headers),
            (Some(credentials), true) => identity_token(call.body)
                .await
                .is_some_and(|token| credentials.has_password(&token)),
        };
        if !is_valid {
            return Err(
                Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "wrong user or password")
                    .with(header::WWW_AUTHENTICATE, "Basic realm=\"registry\""),
            );
        }
        let token = hex::encode(rand::random::<[u8; 24]>());
        let now = Instant::now();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, expiry| *expiry > now);
        tokens.insert(token.clone(), now + TOKEN_LIFETIME);
        Ok(respond_json(
            &json!({ "token": token, "access_token": token, "expires_in": TOKEN_LIFETIME.as_secs() }),
        ))
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some(token) = given.and_then(|given| given.strip_prefix("Bearer ")) else {
            return false;
        };
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).is_some_and(|expiry| *expiry > Instant::now())
    }
}

/// The token in the form that asks to have it exchanged for another.
async fn identity_token(form: Body) -> Option<String> {
    let form = axum::body::to_bytes(form, LARGEST_FORM).await.ok()?;
    let form = format!("/?{}", std::str::from_utf8(&form).ok()?).parse().ok()?;
    let Query(fields) = Query::<HashMap<String, String>>::try_from_uri(&form).ok()?;
    match fields.get("grant_type")?.as_str() {
        "refresh_token" => fields.get("refresh_token").cloned(),
        _ => None,
    }
}
