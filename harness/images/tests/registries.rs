//! Registries that are where their names say: over HTTPS or plain HTTP, with the logins of the user.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use plumbline_images::{Access, Credentials, Endpoints, ImageError, ImageName, Logins, Mirrored, mirror};
use plumbline_model::{Progress, Secret};
use plumbline_servers::{
    CertificateAuthority, Registry, RegistryContent, RegistryOptions, registry::Challenge,
};
use support::{Site, content::requests};

/// The image that [`Site::publish`] stored, under the address of its registry.
fn at_address(name: &ImageName, registry: &Registry) -> ImageName {
    name.at_registry(registry.address().to_string())
}

/// What is known to somebody who trusts the registries of the site.
fn access(site: &Site, logins: Logins) -> Access {
    Access {
        authorities: Some(site.authority.pem().to_owned()),
        logins,
        ..Access::default()
    }
}

/// The file of somebody who is logged in at both registries, each in its own way.
fn logins(site: &Site) -> Logins {
    let auth = STANDARD.encode("plumbline:correct");
    let (upstream, private) = (site.upstream.address(), site.private.address());
    let text = format!(
        r#"{{"auths": {{"https://{upstream}/v1/": {{"auth": "{auth}"}}, "{private}": {{"username": "plumbline", "password": "correct"}}}}}}"#
    );
    Logins::parse("config.json", &text).unwrap()
}

async fn attempt(site: &Site, access: Access) -> Result<Mirrored, ImageError> {
    let packed = site.publish("ghcr.io/team/app:1.0", "program").await;
    let image = at_address(&packed.name, &site.upstream);
    let to = site.private.address().to_string();
    let mirrored = mirror(&image, &to, &Endpoints::everywhere(access), &Progress::silent()).await?;
    assert_eq!(mirrored.digest, packed.digest);
    assert_eq!(mirrored.target, at_address(&packed.name, &site.private));
    Ok(mirrored)
}

#[tokio::test]
async fn the_logins_of_the_user_are_used() {
    let site = Site::start().await;
    let logins = logins(&site);
    attempt(&site, access(&site, logins)).await.unwrap();
}

#[tokio::test]
async fn tokens_are_fetched_once_for_each_right() {
    let site = Site::start().await;
    site.upstream.set_challenge(Challenge::Bearer);
    site.private.set_challenge(Challenge::Bearer);
    let logins = logins(&site);
    attempt(&site, access(&site, logins)).await.unwrap();
    assert_eq!(requests(&site.upstream, "GET", "/token"), 1, "to read");
    assert_eq!(
        requests(&site.private, "GET", "/token"),
        2,
        "to read, and to write"
    );
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let site = Site::start().await;
    site.upstream.set_challenge(Challenge::Bearer);
    site.private.set_challenge(Challenge::Bearer);
    let (upstream, private) = (site.upstream.address(), site.private.address());
    for (token, is_right) in [("correct", true), ("wrong", false)] {
        let text = format!(
            r#"{{"auths": {{"{upstream}": {{"identitytoken": "{token}"}}, "{private}": {{"identitytoken": "{token}"}}}}}}"#
        );
        let logins = Logins::parse("config.json", &text).unwrap();
        let result = attempt(&site, access(&site, logins)).await;
        match result {
            Ok(_) => assert!(is_right),
            Err(error) => assert!(
                !is_right && matches!(error, ImageError::Unauthorized { .. }),
                "{error:?}"
            ),
        }
    }
    assert!(requests(&site.upstream, "POST", "/token") > 0);
}

#[tokio::test]
async fn who_is_not_let_in_is_told_where() {
    let site = Site::start().await;
    for challenge in [Challenge::Basic, Challenge::Bearer] {
        site.upstream.set_challenge(challenge);
        let wrong = Credentials {
            user: "plumbline".to_owned(),
            password: Secret::new("hunter22".to_owned()),
        };
        let known = Logins::default().with(&site.upstream.address().to_string(), wrong);
        for logins in [known, Logins::default()] {
            let error = attempt(&site, access(&site, logins)).await.unwrap_err();
            assert!(matches!(error, ImageError::Unauthorized { .. }), "{error:?}");
            assert!(
                error.to_string().contains(&site.upstream.address().to_string()),
                "{error}"
            );
            assert!(!format!("{error:?}").contains("hunter22"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_registry_of_an_unknown_authority_is_not_trusted() {
    let site = Site::start().await;
    let other = CertificateAuthority::new("somebody else").unwrap();
    for authorities in [None, Some(other.pem().to_owned())] {
        let access = Access {
            authorities,
            logins: logins(&site),
            ..Access::default()
        };
        let error = attempt(&site, access).await.unwrap_err();
        assert!(matches!(error, ImageError::Untrusted { .. }), "{error:?}");
    }
    assert!(site.upstream.requests().is_empty());
}

#[tokio::test]
async fn plain_http_is_spoken_only_where_it_is_asked_for() {
    let site = Site::start().await;
    let plain = Registry::start(RegistryOptions {
        name: "plain".to_owned(),
        content: RegistryContent::Directory(site.directory.path().join("plain")),
        credentials: None,
        tls: None,
        address: ([127, 0, 0, 1], 0).into(),
    })
    .await
    .unwrap();
    let packed = site.publish("ghcr.io/team/app:1.0", "program").await;
    let image = at_address(&packed.name, &site.upstream);
    let to = plain.address().to_string();
    for is_asked_for in [false, true] {
        let mut access = access(&site, logins(&site));
        access.plain_http.extend(is_asked_for.then(|| to.clone()));
        let result = mirror(&image, &to, &Endpoints::everywhere(access), &Progress::silent()).await;
        match result {
            Ok(_) => assert!(is_asked_for),
            Err(error) => assert!(
                !is_asked_for && matches!(error, ImageError::Untrusted { .. }),
                "{error:?}"
            ),
        }
    }
}
