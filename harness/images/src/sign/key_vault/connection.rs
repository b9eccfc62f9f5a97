//! The requests to a vault: with a token that counts, and again where it says that it is busy.

use super::login::{KeyVaultLogin, TokenRequest};
use crate::error::ImageError;
use plumbline_model::Secret;
use reqwest::{
    Certificate, Client, Method, Response, StatusCode, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect,
};
use serde_json::Value;
use std::time::Duration;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

/// The version of the vault's interface that is spoken.
const VERSION: &str = "7.4";

/// How long an operation may take, waiting for a busy vault included.
const LONGEST: Duration = Duration::from_secs(20);

/// How long one request may take.
const LONGEST_REQUEST: Duration = Duration::from_secs(10);

/// The shortest pause before another try, and the longest one that is not asked for by the vault.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How long before its end a token is taken for ended.
const MARGIN: Duration = Duration::from_secs(30);

/// The largest answer that is read.
const LARGEST: usize = 64 << 10;

/// How to reach a vault.
#[derive(Clone, Debug)]
pub struct KeyVaultAccess {
    /// Where it is, if not where its name says; HTTPS, or loopback.
    pub url: Option<String>,
    /// Certificate authorities in PEM that are trusted besides those of the machine.
    pub tls_ca_pem: Option<String>,
    /// Who logs in.
    pub login: KeyVaultLogin,
}

/// A vault, and the token for it.
#[derive(Debug)]
pub(super) struct Connection {
    /// Of which key, for errors.
    key: String,
    base: Url,
    client: Client,
    login: KeyVaultLogin,
    token: Mutex<Option<Token>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Token {
    value: Secret<String>,
    until: Instant,
}

/// Why there is no answer.
enum Trouble {
    /// It will not be otherwise another time.
    Refused(String),
    /// It may be; after a pause, where the vault says how long.
    Later(String, Option<Duration>),
}

impl Connection {
    pub fn new(key: String, url: &str, access: &KeyVaultAccess) -> Result<Self, ImageError> {
        let unusable = |reason: String| ImageError::Key {
            reason: format!("{key}: {reason}"),
        };
        let base = secure(url).map_err(&unusable)?;
        secure(&access.login.authority).map_err(&unusable)?;
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(LONGEST_REQUEST)
            .user_agent(concat!("plumbline/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &access.tls_ca_pem {
            let authorities = Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|error| unusable(format!("the certificate authority cannot be read: {error}")))?;
            builder = builder.tls_certs_merge(authorities);
        }
        // A proxy of the machine is no way to the machine itself.
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            key,
            base,
            client,
            login: access.login.clone(),
            token: Mutex::default(),
        })
    }

    /// Asks the vault; `path` is below `keys/`.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ImageError> {
        let deadline = Instant::now() + LONGEST;
        let mut pause = PAUSES.0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let attempt = timeout(left, self.attempt(&method, path, body)).await;
            let (detail, asked) = match attempt {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Trouble::Refused(detail))) => {
                    return Err(ImageError::KeyRefused {
                        key: self.key.clone(),
                        detail,
                    });
                }
                Ok(Err(Trouble::Later(detail, asked))) => (detail, asked),
                Err(_) => ("it did not answer".to_owned(), None),
            };
            let wait = asked.unwrap_or(pause);
            if Instant::now() + wait >= deadline {
                return Err(ImageError::KeyUnreachable {
                    key: self.key.clone(),
                    seconds: LONGEST.as_secs(),
                    detail,
                });
            }
            sleep(wait).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn attempt(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let token = self.token.lock().await.clone();
        let token = token.filter(|token| Instant::now() < token.until);
        let mut response = self.send(method, path, body, token.as_ref()).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let request = self
                .login
                .answer(&self.base, response.headers())
                .map_err(Trouble::Refused)?;
            let token = self.log_in(&request, token).await?;
            response = self.send(method, path, body, Some(&token)).await?;
        }
        answer(response, "the vault").await
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        token: Option<&Token>,
    ) -> Result<Response, Trouble> {
        let url = format!("{}keys/{path}?api-version={VERSION}", self.base);
        let mut request = self.client.request(method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token.value.reveal());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.map_err(unreachable)
    }

    /// A token that is not `stale`: one that somebody else has got meanwhile, or a new one.
    async fn log_in(&self, request: &TokenRequest, stale: Option<Token>) -> Result<Token, Trouble> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref()
            && stale.as_ref() != Some(token)
            && Instant::now() < token.until
        {
            return Ok(token.clone());
        }
        let response = self
            .client
            .post(&request.url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(request.form.reveal().clone())
            .send()
            .await
            .map_err(unreachable)?;
        let granted = answer(response, "the login").await?;
        let (value, lifetime) = (granted["access_token"].as_str(), granted["expires_in"].as_u64());
        let Some(value) = value else {
            return Err(Trouble::Refused("the login gives no token".to_owned()));
        };
        let lifetime = Duration::from_secs(lifetime.unwrap_or_default()).saturating_sub(MARGIN);
        let token = Token {
            value: Secret::new(value.to_owned()),
            until: Instant::now() + lifetime,
        };
        *held = Some(token.clone());
        Ok(token)
    }
}

/// The JSON of an answer, or what is wrong.
async fn answer(mut response: Response, who: &str) -> Result<Value, Trouble> {
    let status = response.status();
    let asked = response.headers().get(RETRY_AFTER);
    let asked = asked
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(Trouble::Refused(format!("{who} answers more than it should")));
        }
    }
    let value: Option<Value> = serde_json::from_slice(&body).ok();
    if status.is_success() {
        return value.ok_or_else(|| Trouble::Refused(format!("{who} does not answer in JSON")));
    }
    let said = value.as_ref().and_then(reason).unwrap_or_default();
    let detail = format!("{who} says {status}{said}");
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Trouble::Later(detail, asked)),
        status if status.is_server_error() => Err(Trouble::Later(detail, asked)),
        _ => Err(Trouble::Refused(detail)),
    }
}

/// What a refusal says, by the vault's form or by that of the login.
fn reason(body: &Value) -> Option<String> {
    let message = match &body["error"] {
        Value::Object(error) => error.get("message")?.as_str()?,
        _ => body["error_description"].as_str()?,
    };
    Some(format!(": {}", message.lines().next().unwrap_or_default()))
}

fn unreachable(error: reqwest::Error) -> Trouble {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Trouble::Later(format!("it cannot be reached: {cause}"), None)
}

/// A URL that secrets may be sent to.
fn secure(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        Ok(url)
    } else {
        Err(format!(
            "`{text}` is not HTTPS, and tokens are sent over nothing else"
        ))
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_sent_over_https_or_not_at_all() {
        for text in [
            "https://a.vault.azure.net",
            "http://127.0.0.1:1",
            "http://localhost",
        ] {
            assert!(secure(text).is_ok(), "{text}");
        }
        for text in [
            "http://a.vault.azure.net",
            "ftp://127.0.0.1",
            "a.vault.azure.net",
            "http://127.0.0.1.evil",
        ] {
            assert!(secure(text).is_err(), "{text}");
        }
    }
}
