//! How registries are reached that are no part of a run: any host, over HTTPS unless told otherwise, with the logins of the user.

use crate::{endpoint::Credentials, error::ImageError};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use plumbline_model::Secret;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is known about registries in general. Nothing in it is needed for a public registry that everybody may read.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Certificate authorities in PEM form that are trusted besides those of the system.
    pub authorities: Option<String>,
    /// The registries, as `host` or `host:port`, that are spoken to over plain HTTP.
    pub plain_http: BTreeSet<String>,
    /// Who the user is.
    pub logins: Logins,
}

/// The logins of a user, registry by registry.
#[derive(Clone, Debug, Default)]
pub struct Logins {
    by_registry: BTreeMap<String, Login>,
}

/// One login.
#[derive(Clone, Debug)]
enum Login {
    /// A user and a password.
    Password(Credentials),
    /// A token that is exchanged for others, as `az acr login` keeps it.
    Identity(Secret<String>),
    /// A program has it.
    Helper(String),
}

/// What a registry is told when it asks who is there.
#[derive(Clone, Debug, Default)]
pub(crate) enum Identity {
    /// Nothing.
    #[default]
    Anonymous,
    /// A user and a password.
    Password(Credentials),
    /// A token that is exchanged for others.
    Token(Secret<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl Logins {
    /// Reads the `config.json` that `docker login` and its kin write; `what` names it in errors.
    ///
    /// # Errors
    ///
    /// The text is no such file, or a login in it is not base64 of `user:password`.
    pub fn parse(what: &str, text: &str) -> Result<Self, ImageError> {
        let configuration: Configuration = serde_json::from_str(text).map_err(|error| {
            // The parser's own words could quote what it stumbled over, which may be a password.
            let place = format!("line {}, column {}", error.line(), error.column());
            ImageError::malformed(what, format!("{place} is not as `docker login` writes it"))
        })?;
        let store = configuration.creds_store.filter(|store| !store.is_empty());
        let mut by_registry = BTreeMap::new();
        for (registry, entry) in configuration.auths {
            let login = entry.login(what, &registry)?;
            // An entry without a login says that the store has it.
            if let Some(login) = login.or_else(|| store.clone().map(Login::Helper)) {
                by_registry.insert(plain_name(&registry), login);
            }
        }
        for (registry, helper) in configuration.cred_helpers {
            by_registry.insert(plain_name(&registry), Login::Helper(helper));
        }
        Ok(Self { by_registry })
    }

    /// The same logins, and one more.
    #[must_use]
    pub fn with(mut self, registry: &str, credentials: Credentials) -> Self {
        self.by_registry
            .insert(plain_name(registry), Login::Password(credentials));
        self
    }

    /// Who the user is at `registry`: nobody, unless there is a login.
    pub(crate) fn identity(&self, registry: &str) -> Result<Identity, ImageError> {
        match self.by_registry.get(registry) {
            None => Ok(Identity::Anonymous),
            Some(Login::Password(credentials)) => Ok(Identity::Password(credentials.clone())),
            Some(Login::Identity(token)) => Ok(Identity::Token(token.clone())),
            Some(Login::Helper(helper)) => Err(ImageError::CredentialHelper {
                registry: registry.to_owned(),
                helper: helper.clone(),
            }),
        }
    }
}

impl Entry {
    fn login(self, what: &str, registry: &str) -> Result<Option<Login>, ImageError> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(token) = given(self.identitytoken) {
            return Ok(Some(Login::Identity(Secret::new(token))));
        }
        let pair = match given(self.auth) {
            Some(auth) => Some(decoded(&auth).ok_or_else(|| {
                let reason = format!("the login for {registry} is not base64 of user:password; log in again");
                ImageError::malformed(what, reason)
            })?),
            None => given(self.username).zip(given(self.password)),
        };
        Ok(pair.map(|(user, password)| {
            Login::Password(Credentials {
                user,
                password: Secret::new(password),
            })
        }))
    }
}

fn decoded(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    // Old versions of docker filled up with zero bytes.
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// The registry that a key of the file means: once it was the URL of an API. Docker Hub's is still written so.
fn plain_name(key: &str) -> String {
    let name = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key)
        .trim_end_matches('/');
    let name = name
        .strip_suffix("/v1")
        .or_else(|| name.strip_suffix("/v2"))
        .unwrap_or(name);
    match name {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(logins: &Logins, registry: &str) -> String {
        match logins.identity(registry) {
            Ok(Identity::Anonymous) => "anonymous".to_owned(),
            Ok(Identity::Password(login)) => format!("{}:{}", login.user, login.password.reveal()),
            Ok(Identity::Token(token)) => format!("token {}", token.reveal()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn logins_are_found_in_every_form_that_docker_writes() {
        let auth = STANDARD.encode("user:pass:word");
        let text = format!(
            r#"{{"auths": {{
                "ghcr.io": {{"auth": "{auth}"}},
                "https://index.docker.io/v1/": {{"username": "me", "password": "secret"}},
                "example.azurecr.io": {{"auth": "{auth}", "identitytoken": "abc"}},
                "127.0.0.1:5000": {{}}
            }}, "HttpHeaders": {{"a": "b"}}}}"#
        );
        let logins = Logins::parse("config.json", &text).unwrap();
        for (registry, login) in [
            ("ghcr.io", "user:pass:word"),
            ("docker.io", "me:secret"),
            ("example.azurecr.io", "token abc"),
            ("127.0.0.1:5000", "anonymous"),
            ("quay.io", "anonymous"),
        ] {
            assert_eq!(shown(&logins, registry), login, "{registry}");
        }
        assert!(!format!("{logins:?}").contains("secret"));
    }

    #[test]
    fn a_login_that_a_helper_has_is_an_error_for_its_registry_only() {
        let text = r#"{"auths": {"ghcr.io": {}}, "credsStore": "desktop", "credHelpers": {"e.azurecr.io": "acr-env"}}"#;
        let logins = Logins::parse("config.json", text).unwrap();
        assert_eq!(
            shown(&logins, "ghcr.io"),
            "the login for ghcr.io is kept by the credential helper `docker-credential-desktop`, which plumbline does not start; \
             give a configuration that has the login itself"
        );
        assert!(shown(&logins, "e.azurecr.io").contains("docker-credential-acr-env"));
        assert_eq!(shown(&logins, "quay.io"), "anonymous");
    }

    #[test]
    fn a_broken_file_is_an_error_that_quotes_nothing_of_it() {
        for text in [
            "{",
            r#"{"auths": {"a": {"password": 12345678}}}"#,
            r#"{"auths": {"a": {"auth": "!hunter22"}}}"#,
        ] {
            let error = Logins::parse("config.json", text).unwrap_err().to_string();
            assert!(error.starts_with("config.json is malformed: "), "{error}");
            assert!(!error.contains("1234") && !error.contains("hunter"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
            let _ = Logins::parse("config.json", &text);
            let _ = decoded(&text);
        }
    }
}
