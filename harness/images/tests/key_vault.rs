//! Signing with keys that stay in a vault: its login, its moods, and what comes of it.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use http::{Method, StatusCode};
use plumbline_images::{
    ImageError, KeyPair, KeyVaultAccess, KeyVaultKey, KeyVaultLogin, KeyVaultSigner, SignOptions,
    SignatureFormat, Signer, sign,
};
use plumbline_model::Secret;
use plumbline_servers::{CertificateAuthority, Credentials, KeyVault, KeyVaultOptions};
use std::time::Duration;
use support::Site;

struct Bench {
    vault: KeyVault,
    client: Credentials,
    authority: CertificateAuthority,
}

impl Bench {
    async fn start() -> Self {
        let authority = CertificateAuthority::new("vault test").unwrap();
        let client = Credentials::generate("pipeline");
        let vault = KeyVault::start(KeyVaultOptions {
            client: client.clone(),
            tls: Some(authority.server_config(&["127.0.0.1"]).unwrap()),
            address: ([127, 0, 0, 1], 0).into(),
        })
        .await
        .unwrap();
        Self {
            vault,
            client,
            authority,
        }
    }

    /// A new version of the key `dev`.
    fn rotate(&self) -> (KeyPair, String) {
        let key = KeyPair::generate();
        let version = self.vault.import("dev", &key.private_pem().unwrap()).unwrap();
        (key, version)
    }

    fn access(&self) -> KeyVaultAccess {
        KeyVaultAccess {
            url: Some(self.vault.url().to_owned()),
            tls_ca_pem: Some(self.authority.pem().to_owned()),
            login: KeyVaultLogin {
                tenant: None,
                client: self.client.user.clone(),
                secret: self.client.password.clone(),
                authority: self.vault.url().to_owned(),
            },
        }
    }

    fn signer(&self, key: &str) -> KeyVaultSigner {
        let key: KeyVaultKey = key.parse().unwrap();
        KeyVaultSigner::new(key, &self.access()).unwrap()
    }

    /// Method, and how it was answered, of every request so far.
    fn answers(&self) -> Vec<(Method, u16)> {
        let requests = self.vault.requests().into_iter();
        requests
            .map(|request| (request.method, request.status.as_u16()))
            .collect()
    }
}

#[tokio::test]
async fn an_image_is_signed_in_both_forms_by_a_key_that_stays_in_its_vault() {
    let (site, bench) = (Site::start().await, Bench::start().await);
    let (key, _) = bench.rotate();
    let image = site.image("ghcr.io/a/b:1").await;
    let signer = bench.signer("azurekms://plumbline/dev");
    for format in [SignatureFormat::Tag, SignatureFormat::Bundle] {
        let options = SignOptions {
            format,
            recursive: false,
        };
        let sign = async || {
            sign::sign(&image, &signer, options, &site.endpoints)
                .await
                .unwrap()
        };
        assert!(!sign().await.already);
        assert!(sign().await.already, "it is known by its key, not by its bytes");
    }
    site.verify(&image, &key).await.unwrap();
    // One login served everything.
    let logins = bench.vault.requests().into_iter();
    let logins = logins.filter(|request| request.path.ends_with("/token"));
    assert_eq!(logins.count(), 1);
}

#[tokio::test]
async fn a_version_stays_with_its_public_key_although_a_newer_one_has_come() {
    let bench = Bench::start().await;
    let (old, version) = bench.rotate();
    let signer = bench.signer("azurekms://plumbline/dev");
    assert_eq!(signer.public_key().await.unwrap(), old.public_key());
    let (new, _) = bench.rotate();
    signer.sign([7; 32]).await.unwrap();
    let signed = bench.vault.requests().pop().unwrap();
    assert_eq!(signed.path, format!("/keys/dev/{version}/sign"));
    let public = async |key: &str| bench.signer(key).public_key().await.unwrap();
    assert_eq!(public("azurekms://plumbline/dev").await, new.public_key());
    assert_eq!(
        public(&format!("azurekms://plumbline/dev/{version}")).await,
        old.public_key()
    );
}

#[tokio::test]
async fn a_token_that_has_ended_is_replaced() {
    let bench = Bench::start().await;
    bench.rotate();
    let signer = bench.signer("azurekms://plumbline/dev");
    signer.sign([7; 32]).await.unwrap();
    bench.vault.revoke_tokens();
    signer.sign([7; 32]).await.unwrap();
    let post = |status| (Method::POST, status);
    let get = |status| (Method::GET, status);
    assert_eq!(
        bench.answers(),
        [
            get(401),
            post(200),
            get(200),
            post(200),
            post(401),
            post(200),
            post(200)
        ]
    );
    // One that ends at once is good for one question.
    bench.vault.revoke_tokens();
    bench.vault.set_token_lifetime(Duration::from_secs(5));
    for _ in 0..2 {
        signer.sign([7; 32]).await.unwrap();
    }
    assert_eq!(bench.answers()[7..].len(), 6);
}

#[tokio::test]
async fn a_vault_that_is_busy_is_asked_again() {
    let bench = Bench::start().await;
    bench.rotate();
    for (status, seconds) in [
        (StatusCode::TOO_MANY_REQUESTS, Some(0)),
        (StatusCode::SERVICE_UNAVAILABLE, None),
    ] {
        let signer = bench.signer("azurekms://plumbline/dev");
        bench.vault.fail(2, status, seconds);
        signer.sign([7; 32]).await.unwrap();
    }
    // Longer than anybody waits.
    bench.vault.fail(1, StatusCode::TOO_MANY_REQUESTS, Some(3600));
    let error = bench
        .signer("azurekms://plumbline/dev")
        .sign([7; 32])
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::KeyUnreachable { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the key azurekms://plumbline/dev did not sign within 20 s; last seen: the vault says 429 Too Many Requests: a fault was injected"
    );
}

#[tokio::test]
async fn what_the_vault_refuses_is_said_at_once_and_in_its_words() {
    let bench = Bench::start().await;
    bench.rotate();
    let disabled = bench.signer("azurekms://plumbline/dev");
    assert!(bench.vault.set_enabled("dev", false));
    let missing = bench.signer("azurekms://plumbline/nobody");
    let mut access = bench.access();
    access.login.secret = Secret::new("wrong".to_owned());
    let stranger = KeyVaultSigner::new("azurekms://plumbline/dev".parse().unwrap(), &access).unwrap();
    for (signer, said) in [
        (
            disabled,
            "the key azurekms://plumbline/dev does not sign: the vault says 403 Forbidden: the operation sign is not allowed on a disabled key",
        ),
        (
            missing,
            "the key azurekms://plumbline/nobody does not sign: the vault says 404 Not Found: a key called nobody is not in this vault, or not in that version",
        ),
        (
            stranger,
            "the key azurekms://plumbline/dev does not sign: the login says 401 Unauthorized: the client's name or its secret is wrong",
        ),
    ] {
        let error = signer.sign([7; 32]).await.unwrap_err();
        assert!(matches!(error, ImageError::KeyRefused { .. }), "{error:?}");
        assert_eq!(error.to_string(), said);
    }
}

#[tokio::test]
async fn no_secret_is_sent_where_the_vault_alone_wants_it() {
    let bench = Bench::start().await;
    bench.rotate();
    let mut access = bench.access();
    access.login.authority = "https://login.plumbline.test".to_owned();
    let signer = KeyVaultSigner::new("azurekms://plumbline/dev".parse().unwrap(), &access).unwrap();
    let error = signer.sign([7; 32]).await.unwrap_err().to_string();
    assert!(error.contains("wants a login at"), "{error}");
    assert_eq!(bench.answers(), [(Method::GET, 401)]);
    assert!(!format!("{access:?} {signer:?}").contains(bench.client.password.reveal().as_str()));
}
