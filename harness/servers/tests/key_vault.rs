//! What the key vault answers to whom, as its clients in the field know it.
#![allow(missing_docs, clippy::unwrap_used)]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::hazmat::PrehashVerifier},
    pkcs8::{EncodePrivateKey as _, LineEnding},
};
use plumbline_model::Secret;
use plumbline_servers::{Credentials, KeyVault, KeyVaultOptions};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::time::Duration;

struct Bench {
    vault: KeyVault,
    client: Client,
    key: SigningKey,
    version: String,
}

impl Bench {
    async fn start() -> Self {
        let client = Credentials {
            user: "pipeline".to_owned(),
            password: Secret::new("hunter22".to_owned()),
        };
        let vault = KeyVault::start(KeyVaultOptions {
            client,
            tls: None,
            address: ([127, 0, 0, 1], 0).into(),
        })
        .await
        .unwrap();
        let key = SecretKey::from_slice(&[7; 32]).unwrap();
        let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
        let version = vault.import("dev", &Secret::new(pem)).unwrap();
        Self {
            vault,
            client: Client::builder().no_proxy().build().unwrap(),
            key: key.into(),
            version,
        }
    }

    fn scope(&self) -> String {
        format!("http://{}/.default", self.vault.address().ip())
    }

    async fn log_in(&self, grant: &str, secret: &str, scope: &str) -> (StatusCode, Value) {
        let form = format!("grant_type={grant}&client_id=pipeline&client_secret={secret}&scope={scope}");
        let url = format!("{}/{}/oauth2/v2.0/token", self.vault.url(), self.vault.tenant());
        let answer = self.client.post(url).body(form).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn token(&self) -> String {
        let (_, granted) = self.log_in("client_credentials", "hunter22", &self.scope()).await;
        granted["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> Response {
        let url = format!("{}/{path}", self.vault.url());
        let request = self.client.request(method, url).bearer_auth(token).json(&body);
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn a_token_is_given_to_the_client_for_this_vault_and_for_a_while() {
    let bench = Bench::start().await;
    let (grant, scope) = ("client_credentials", bench.scope());
    for (grant, secret, scope, status, error) in [
        (grant, "wrong", scope.as_str(), 401, "invalid_client"),
        ("password", "hunter22", &scope, 400, "unsupported_grant_type"),
        (
            grant,
            "hunter22",
            "https://vault.azure.net/.default",
            400,
            "invalid_scope",
        ),
    ] {
        let (found, answer) = bench.log_in(grant, secret, scope).await;
        assert_eq!((found.as_u16(), &answer["error"]), (status, &error.into()));
    }
    bench.vault.set_token_lifetime(Duration::ZERO);
    let ended = bench.token().await;
    let path = "keys/dev?api-version=7.4";
    let answer = bench.ask(Method::GET, path, &ended, Value::Null).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    let url = bench.vault.url();
    assert_eq!(
        challenge,
        format!("Bearer authorization=\"{url}/plumbline\", resource=\"http://127.0.0.1\"")
    );
}

#[tokio::test]
async fn a_key_signs_digests_and_shows_its_public_half_only() {
    let bench = Bench::start().await;
    let token = bench.token().await;
    let public = bench
        .ask(Method::GET, "keys/dev?api-version=7.4", &token, Value::Null)
        .await;
    let public: Value = public.json().await.unwrap();
    let point = bench.key.verifying_key().to_sec1_point(false);
    assert_eq!(public["key"]["x"], URL_SAFE_NO_PAD.encode(point.x().unwrap()));
    assert_eq!(
        (public["key"].get("d"), &public["attributes"]["enabled"]),
        (None, &true.into())
    );

    let digest = [9; 32];
    let asked = json!({"alg": "ES256", "value": URL_SAFE_NO_PAD.encode(digest)});
    for version in ["", &bench.version] {
        let path = format!("keys/dev/{version}/sign?api-version=7.4");
        let signed: Value = bench
            .ask(Method::POST, &path, &token, asked.clone())
            .await
            .json()
            .await
            .unwrap();
        assert!(signed["kid"].as_str().unwrap().ends_with(&bench.version));
        let numbers = URL_SAFE_NO_PAD.decode(signed["value"].as_str().unwrap()).unwrap();
        let signature = Signature::from_slice(&numbers).unwrap();
        bench
            .key
            .verifying_key()
            .verify_prehash(&digest, &signature)
            .unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_code_that_clients_know() {
    let bench = Bench::start().await;
    let token = bench.token().await;
    let sign = "keys/dev//sign?api-version=7.4";
    let good = json!({"alg": "ES256", "value": URL_SAFE_NO_PAD.encode([9; 32])});
    let short = json!({"alg": "ES256", "value": URL_SAFE_NO_PAD.encode([9; 31])});
    let other = json!({"alg": "RS256", "value": URL_SAFE_NO_PAD.encode([9; 32])});
    for (path, body, status, code) in [
        ("keys/dev//sign", &good, 400, "BadParameter"),
        (sign, &short, 400, "BadParameter"),
        (sign, &other, 400, "BadParameter"),
        (sign, &Value::Null, 400, "BadParameter"),
        ("keys/nobody//sign?api-version=7.4", &good, 404, "KeyNotFound"),
        ("keys/dev/none/sign?api-version=7.4", &good, 404, "KeyNotFound"),
        ("keys/dev//decrypt?api-version=7.4", &good, 404, "NotFound"),
        ("secrets/dev?api-version=7.4", &good, 404, "NotFound"),
    ] {
        let answer = bench.ask(Method::POST, path, &token, body.clone()).await;
        let found = answer.status().as_u16();
        let said: Value = answer.json().await.unwrap();
        assert_eq!(
            (found, &said["error"]["code"]),
            (status, &code.into()),
            "{path} {body}"
        );
    }
    assert!(bench.vault.set_enabled("dev", false) && !bench.vault.set_enabled("nobody", false));
    let answer = bench.ask(Method::POST, sign, &token, good).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(
        bench
            .vault
            .import("bad", &Secret::new("no key".to_owned()))
            .is_err()
    );
}
