//! What is sent along so that a registry lets a request pass: nothing, user and password, or a token.

use super::{
    Answer,
    challenge::Challenge,
    connection::{SILENCE, bounded},
};
use crate::{access::Identity, error::ImageError};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header::HeaderValue};
use serde::Deserialize;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long a token lasts if its service does not say.
const LIFETIME: Duration = Duration::from_secs(60);
/// A token is replaced this long before its end: a request may take time to arrive.
const MARGIN: Duration = Duration::from_secs(10);
/// The largest answer of such a service that is read.
const LARGEST: usize = 1 << 20;

/// What the rights of a token are about: `repository:a/b:pull`; several, separated by spaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope(String);

impl Scope {
    /// To read from a repository.
    pub fn pull(repository: &str) -> Self {
        Self(format!("repository:{repository}:pull"))
    }

    /// To write to a repository.
    pub fn push(repository: &str) -> Self {
        Self(format!("repository:{repository}:pull,push"))
    }

    /// To write to a repository what another has.
    pub fn mount(repository: &str, from: &str) -> Self {
        Self(format!("{} {}", Self::push(repository).0, Self::pull(from).0))
    }
}

/// What a registry has asked for, and what it got.
pub(super) struct Authorization {
    identity: Identity,
    /// Whether the registry is spoken to over plain HTTP, so that its tokens may be fetched so too.
    plain_http: bool,
    /// Held while a token is fetched, so that requests side by side fetch it once.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    tokens: HashMap<Scope, Token>,
}

struct Token {
    value: HeaderValue,
    until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Authorization {
    pub fn new(identity: Identity, plain_http: bool) -> Self {
        Self {
            identity,
            plain_http,
            state: Mutex::default(),
        }
    }

    /// What to send with a request, as far as the registry has said what it wants.
    pub async fn header(
        &self,
        client: &Client,
        scope: &Scope,
        shown: &str,
    ) -> Result<Option<HeaderValue>, ImageError> {
        let mut state = self.state.lock().await;
        self.header_in(&mut state, client, scope, shown).await
    }

    /// What to send after the registry refused a request that had `sent`; nothing, if there is nothing better.
    pub async fn after_refusal(
        &self,
        client: &Client,
        scope: &Scope,
        challenge: Challenge,
        sent: Option<&HeaderValue>,
        shown: &str,
    ) -> Result<Option<HeaderValue>, ImageError> {
        let mut state = self.state.lock().await;
        if state
            .tokens
            .get(scope)
            .is_some_and(|token| Some(&token.value) == sent)
        {
            state.tokens.remove(scope);
        }
        state.challenge = Some(challenge);
        let header = self.header_in(&mut state, client, scope, shown).await?;
        Ok(header.filter(|header| Some(header) != sent))
    }

    async fn header_in(
        &self,
        state: &mut State,
        client: &Client,
        scope: &Scope,
        shown: &str,
    ) -> Result<Option<HeaderValue>, ImageError> {
        let (realm, service) = match &state.challenge {
            None => return Ok(None),
            Some(Challenge::Basic) => return self.basic(),
            Some(Challenge::Bearer { realm, service }) => (realm.clone(), service.clone()),
        };
        let now = Instant::now();
        if let Some(token) = state.tokens.get(scope).filter(|token| token.until > now) {
            return Ok(Some(token.value.clone()));
        }
        let token = self
            .fetch(client, &realm, service.as_deref(), scope, shown)
            .await?;
        let value = token.value.clone();
        state.tokens.insert(scope.clone(), token);
        Ok(Some(value))
    }

    fn basic(&self) -> Result<Option<HeaderValue>, ImageError> {
        let Identity::Password(login) = &self.identity else {
            return Ok(None);
        };
        let pair = format!("{}:{}", login.user, login.password.reveal());
        hidden(&format!("Basic {}", STANDARD.encode(pair))).map(Some)
    }

    async fn fetch(
        &self,
        client: &Client,
        realm: &str,
        service: Option<&str>,
        scope: &Scope,
        shown: &str,
    ) -> Result<Token, ImageError> {
        let mut url = Url::parse(realm).map_err(|error| {
            ImageError::malformed(format!("the address of the token service for {shown}"), error)
        })?;
        if url.scheme() != "https" && !self.plain_http {
            return Err(ImageError::malformed(
                format!("the address of the token service for {shown}"),
                "it is not https, so the login is not sent there",
            ));
        }
        let request = match &self.identity {
            Identity::Token(token) => {
                let mut form = url.clone();
                form.set_query(None);
                write_query(&mut form, service, scope);
                form.query_pairs_mut()
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("client_id", "plumbline")
                    .append_pair("refresh_token", token.reveal());
                client
                    .post(url)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form.query().unwrap_or_default().to_owned())
            }
            Identity::Password(login) => {
                write_query(&mut url, service, scope);
                client
                    .get(url)
                    .basic_auth(&login.user, Some(login.password.reveal()))
            }
            Identity::Anonymous => {
                write_query(&mut url, service, scope);
                client.get(url)
            }
        };
        let shown = format!("the token for {shown}");
        let asked = Instant::now();
        let response = answer_of(request, &shown).await?;
        if response.status() != StatusCode::OK {
            let mut answer = Answer::read(response).await;
            // Services answer a wrong login with several statuses.
            if answer.status == StatusCode::BAD_REQUEST {
                answer.status = StatusCode::UNAUTHORIZED;
            }
            return Err(ImageError::answered(&shown, answer));
        }
        let body = bounded(response, LARGEST, &shown).await?;
        // The parser's own words could quote the token.
        let malformed = || ImageError::malformed(&shown, "the service gives none that is understood");
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| malformed())?;
        let token = answer
            .token
            .or(answer.access_token)
            .filter(|token| !token.is_empty())
            .ok_or_else(malformed)?;
        let lifetime = answer.expires_in.map_or(LIFETIME, Duration::from_secs);
        let until = asked + lifetime.saturating_sub(MARGIN).min(Duration::from_secs(3600));
        let value = hidden(&format!("Bearer {token}"))?;
        Ok(Token { value, until })
    }
}

fn write_query(url: &mut Url, service: Option<&str>, scope: &Scope) {
    let mut pairs = url.query_pairs_mut();
    if let Some(service) = service {
        pairs.append_pair("service", service);
    }
    for scope in scope.0.split(' ') {
        pairs.append_pair("scope", scope);
    }
}

/// A header that no debug output shows.
fn hidden(text: &str) -> Result<HeaderValue, ImageError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| ImageError::malformed("a login", "it has characters that no header may have"))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn answer_of(request: RequestBuilder, shown: &str) -> Result<Response, ImageError> {
    match tokio::time::timeout(SILENCE, request.send()).await {
        Ok(answer) => answer.map_err(|error| ImageError::request(shown, error)),
        Err(_) => Err(ImageError::silent(shown, SILENCE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Credentials;
    use plumbline_model::Secret;

    fn login() -> Authorization {
        let credentials = Credentials {
            user: "robot".to_owned(),
            password: Secret::new("hunter22".to_owned()),
        };
        Authorization::new(Identity::Password(credentials), false)
    }

    #[tokio::test]
    async fn nothing_is_sent_before_the_registry_asks() {
        let (client, scope) = (Client::new(), Scope::pull("a"));
        let login = login();
        assert_eq!(login.header(&client, &scope, "a").await.unwrap(), None);
        let header = login
            .after_refusal(&client, &scope, Challenge::Basic, None, "a")
            .await
            .unwrap();
        let header = header.unwrap();
        assert_eq!(header, "Basic cm9ib3Q6aHVudGVyMjI=");
        assert!(!format!("{header:?}").contains("cm9ib3Q"), "{header:?}");
        // The same once more would be refused once more.
        let again = login
            .after_refusal(&client, &scope, Challenge::Basic, Some(&header), "a")
            .await;
        assert_eq!(again.unwrap(), None);
    }

    #[tokio::test]
    async fn a_login_is_not_sent_over_plain_http_because_a_registry_says_so() {
        let realm = Challenge::Bearer {
            realm: "http://127.0.0.1:1/token".to_owned(),
            service: None,
        };
        let error = login()
            .after_refusal(&Client::new(), &Scope::pull("a"), realm, None, "a")
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("the login is not sent there"),
            "{error}"
        );
    }
}
