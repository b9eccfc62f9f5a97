//! Signatures in a real registry, and every way in which one can fail to hold.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use http::StatusCode;
use plumbline_images::{
    Endpoint, Endpoints, ImageName, KeyPair, VerifyError, mirror,
    sign::{sign, verify},
};
use plumbline_model::Progress;
use plumbline_servers::registry::Fault;
use support::{PRIVATE, Site};

/// An image in the private registry, by digest.
async fn image(site: &Site, name: &str) -> ImageName {
    let packed = site.publish(name, name).await;
    let mirrored = site.mirror(&packed.name).await;
    mirrored.target.with_digest(mirrored.digest)
}

#[tokio::test]
async fn a_signature_holds_and_is_made_once() {
    let site = Site::start().await;
    let image = image(&site, "ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    let signed = sign(&image, &key, &site.endpoints).await.unwrap();
    assert_eq!((signed.signatures, signed.already), (1, false));
    let again = sign(&image, &key, &site.endpoints).await.unwrap();
    assert_eq!((again.signatures, again.already), (1, true));
    let verified = verify(&image, &key.public_pem().unwrap(), &site.endpoints)
        .await
        .unwrap();
    assert_eq!((Some(&verified.digest), verified.signatures), (image.digest(), 1));
}

#[tokio::test]
async fn a_second_key_does_not_take_the_first_signature_away() {
    let site = Site::start().await;
    let image = image(&site, "ghcr.io/a/b:1").await;
    let keys = [KeyPair::generate(), KeyPair::generate()];
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(
            sign(&image, key, &site.endpoints).await.unwrap().signatures,
            index + 1
        );
    }
    for key in &keys {
        verify(&image, &key.public_pem().unwrap(), &site.endpoints)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_unsigned_image_and_a_wrong_key_are_told_apart() {
    let site = Site::start().await;
    let image = image(&site, "ghcr.io/a/b:1").await;
    let (key, other) = (KeyPair::generate(), KeyPair::generate());
    let public = key.public_pem().unwrap();
    let error = verify(&image, &public, &site.endpoints).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unsigned { .. }), "{error:?}");
    sign(&image, &other, &site.endpoints).await.unwrap();
    let error = verify(&image, &public, &site.endpoints).await.unwrap_err();
    assert!(
        matches!(error, VerifyError::WrongKey { signatures: 1, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_signature_of_another_image_does_not_count() {
    let site = Site::start().await;
    let (mine, other) = (
        image(&site, "ghcr.io/a/b:1").await,
        image(&site, "ghcr.io/a/b:2").await,
    );
    let key = KeyPair::generate();
    sign(&other, &key, &site.endpoints).await.unwrap();
    // The signature of one is put under the tag of the other.
    let tag = |image: &ImageName| format!("sha256-{}.sig", image.digest().unwrap().hexadecimal());
    let text = site
        .request(reqwest::Method::GET, "a/b", &tag(&other), String::new())
        .await;
    site.request(reqwest::Method::PUT, "a/b", &tag(&mine), text).await;
    let error = verify(&mine, &key.public_pem().unwrap(), &site.endpoints)
        .await
        .unwrap_err();
    assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_registry_that_serves_other_bytes_is_noticed() {
    let site = Site::start().await;
    let image = image(&site, "ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    sign(&image, &key, &site.endpoints).await.unwrap();
    let digest = image.digest().unwrap().to_string();
    site.private
        .tamper_with_manifest(image.repository(), &digest, b"{\"layers\":[]}")
        .unwrap();
    let error = verify(&image, &key.public_pem().unwrap(), &site.endpoints)
        .await
        .unwrap_err();
    assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_registry_that_fails_is_not_an_unsigned_image() {
    let site = Site::start().await;
    let image = image(&site, "ghcr.io/a/b:1").await;
    let public = KeyPair::generate().public_pem().unwrap();
    site.private.set_fault(|_, uri| {
        uri.ends_with(".sig")
            .then_some(Fault::Status(StatusCode::SERVICE_UNAVAILABLE))
    });
    let failing = verify(&image, &public, &site.endpoints).await.unwrap_err();
    site.private.clear_fault();
    let stranger = verify(&image, &public, &site.stranger()).await.unwrap_err();
    let nobody = Endpoint {
        address: ([127, 0, 0, 1], 1).into(),
        tls_ca_pem: None,
        credentials: None,
    };
    let nowhere = Endpoints::new().with(PRIVATE, &nobody).unwrap();
    let refused = verify(&image, &public, &nowhere).await.unwrap_err();
    for error in [failing, stranger, refused] {
        assert!(matches!(error, VerifyError::CannotTell { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_image_and_a_broken_key_are_said() {
    let site = Site::start().await;
    let missing = format!("{PRIVATE}/a/b:1").parse().unwrap();
    let public = KeyPair::generate().public_pem().unwrap();
    let error = verify(&missing, &public, &site.endpoints).await.unwrap_err();
    assert!(matches!(error, VerifyError::NotFound { .. }), "{error:?}");
    let error = verify(&missing, "no key", &site.endpoints).await.unwrap_err();
    assert!(matches!(error, VerifyError::InvalidKey { .. }), "{error:?}");
}

#[tokio::test]
async fn referrers_and_signatures_reach_a_registry_of_the_old_specification() {
    let site = Site::start().await;
    let packed = site.publish("ghcr.io/a/b:1", "program").await;
    let key = KeyPair::generate();
    sign(&packed.name, &key, &site.endpoints).await.unwrap();
    site.private.set_referrers(false);
    let mirrored = mirror(&packed.name, PRIVATE, &site.endpoints, &Progress::silent())
        .await
        .unwrap();
    verify(&mirrored.target, &key.public_pem().unwrap(), &site.endpoints)
        .await
        .unwrap();
}
