//! Who may come in.

use crate::world::{client, header, options, status};
use base64::Engine as _;
use plumbline_model::Secret;
use plumbline_servers::{CertificateAuthority, Credentials, Registry, RegistryOptions, registry::Challenge};
use reqwest::Client;
use serde_json::Value;

#[tokio::test]
async fn credentials_are_asked_for_and_tokens_given() {
    let directory = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::new("test").unwrap();
    let credentials = Credentials {
        user: "flux".into(),
        password: Secret::new("pass".into()),
    };
    let tls = Some(authority.server_config(&["127.0.0.1"]).unwrap());
    let options = RegistryOptions {
        credentials: Some(credentials),
        tls,
        ..options(directory.path())
    };
    let registry = Registry::start(options).await.unwrap();
    let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let client = Client::builder()
        .tls_certs_only([certificate])
        .no_proxy()
        .build()
        .unwrap();
    let base = format!("https://{}", registry.address());
    let challenge = client.get(format!("{base}/v2/")).send().await.unwrap();
    assert_eq!(
        (
            challenge.status().as_u16(),
            header(&challenge, "www-authenticate")
        ),
        (401, "Basic realm=\"registry\"".into())
    );
    assert_eq!(
        status(
            client
                .get(format!("{base}/v2/"))
                .basic_auth("flux", Some("wrong"))
        )
        .await,
        401
    );
    assert_eq!(
        status(client.get(format!("{base}/v2/")).basic_auth("flux", Some("pass"))).await,
        200
    );

    registry.set_challenge(Challenge::Bearer);
    let challenge = client.get(format!("{base}/v2/a/tags/list")).send().await.unwrap();
    let expected = format!("Bearer realm=\"{base}/token\",service=\"registry\",scope=\"repository:a:pull\"");
    assert_eq!(header(&challenge, "www-authenticate"), expected);
    let token = format!("{base}/token");
    assert_eq!(
        status(client.get(&token).basic_auth("flux", Some("wrong"))).await,
        401
    );
    let given = client
        .get(&token)
        .basic_auth("flux", Some("pass"))
        .send()
        .await
        .unwrap();
    let given: Value = given.json().await.unwrap();
    let with = |token: &str| client.get(format!("{base}/v2/")).bearer_auth(token);
    assert_eq!(status(with(given["token"].as_str().unwrap())).await, 200);
    assert_eq!(status(with("made-up")).await, 401);
}

#[tokio::test]
async fn basic_credentials_of_the_wrong_form_are_no_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let credentials = Some(Credentials::generate("flux"));
    let registry = Registry::start(RegistryOptions {
        credentials,
        ..options(directory.path())
    })
    .await
    .unwrap();
    let empty = base64::engine::general_purpose::STANDARD.encode(":");
    for value in ["Basic", "Bearer x", &format!("Basic {empty}")] {
        let request = client()
            .get(format!("http://{}/v2/", registry.address()))
            .header("authorization", value);
        assert_eq!(status(request).await, 401, "{value}");
    }
}
