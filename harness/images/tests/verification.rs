//! Every way in which a signature in a real registry can fail to hold, told from every other.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use http::StatusCode;
use plumbline_images::{
    Digest, Endpoint, Endpoints, ImageName, KeyPair, SignOptions, SignatureFormat, TrustedKey, TrustedKeys,
    VerifyError, VerifyOptions, push_layout,
    sign::{self, verify},
};
use plumbline_servers::registry::{Alteration, Fault};
use reqwest::Method;
use support::{PRIVATE, Site};

const FORMATS: [SignatureFormat; 2] = [SignatureFormat::Tag, SignatureFormat::Bundle];

async fn sign(site: &Site, image: &ImageName, key: &KeyPair, format: SignatureFormat) {
    let options = SignOptions {
        format,
        recursive: false,
    };
    sign::sign(image, key, options, &site.endpoints).await.unwrap();
}

/// The tag under which signatures of an image are.
fn tag(image: &ImageName) -> String {
    format!("sha256-{}.sig", image.digest().unwrap().hexadecimal())
}

/// What the registry lists as referring to an image.
async fn referrers(site: &Site, image: &ImageName) -> Vec<serde_json::Value> {
    let path = format!("a/b/referrers/{}", image.digest().unwrap());
    let index = site.send(Method::GET, &path, String::new()).await;
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_unsigned_image_and_a_wrong_key_are_told_apart() {
    for format in FORMATS {
        let site = Site::start().await;
        let image = site.image("ghcr.io/a/b:1").await;
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let error = site.verify(&image, &key).await.unwrap_err();
        assert!(matches!(error, VerifyError::Unsigned { .. }), "{error:?}");
        sign(&site, &image, &other, format).await;
        let error = site.verify(&image, &key).await.unwrap_err();
        assert!(
            matches!(error, VerifyError::WrongKey { signatures: 1, .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_signature_of_another_image_does_not_count() {
    let site = Site::start().await;
    let (mine, other) = (
        site.image("ghcr.io/a/b:1").await,
        site.image("ghcr.io/a/b:2").await,
    );
    let key = KeyPair::generate();
    sign(&site, &other, &key, SignatureFormat::Tag).await;
    // The signature of one is put under the tag of the other.
    let text = site
        .request(Method::GET, "a/b", &tag(&other), String::new())
        .await;
    site.request(Method::PUT, "a/b", &tag(&mine), text).await;
    let error = site.verify(&mine, &key).await.unwrap_err();
    assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_bundle_of_another_image_does_not_count() {
    let site = Site::start().await;
    let (mine, other) = (
        site.image("ghcr.io/a/b:1").await,
        site.image("ghcr.io/a/b:2").await,
    );
    let key = KeyPair::generate();
    sign(&site, &mine, &KeyPair::generate(), SignatureFormat::Bundle).await;
    sign(&site, &other, &key, SignatureFormat::Bundle).await;
    // The bundle that refers to one is made to refer to the other.
    let subject = |bundle: &serde_json::Value| bundle["subject"].clone();
    let read = async |image: &ImageName| -> serde_json::Value {
        let digest = referrers(&site, image).await[0]["digest"]
            .as_str()
            .unwrap()
            .to_owned();
        let text = site.request(Method::GET, "a/b", &digest, String::new()).await;
        serde_json::from_str(&text).unwrap()
    };
    let mut moved = read(&other).await;
    moved["subject"] = subject(&read(&mine).await);
    let moved = moved.to_string();
    let digest = Digest::of(moved.as_bytes()).to_string();
    site.request(Method::PUT, "a/b", &digest, moved).await;
    assert_eq!(referrers(&site, &mine).await.len(), 2);
    let error = site.verify(&mine, &key).await.unwrap_err();
    assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_signature_that_came_along_from_another_repository_does_not_count() {
    let site = Site::start().await;
    let image = site.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    sign(&site, &image, &key, SignatureFormat::Tag).await;
    // Somebody publishes the same image in another repository, and the signature of the first with it.
    let packed = site.pack("ghcr.io/a/b:1", "ghcr.io/a/b:1").await;
    let copy: ImageName = format!("{PRIVATE}/elsewhere/b:1").parse().unwrap();
    push_layout(&packed.layout, &copy, &site.endpoints).await.unwrap();
    let copy = copy.with_digest(packed.digest);
    assert_eq!(copy.digest(), image.digest());
    let text = site
        .request(Method::GET, "a/b", &tag(&image), String::new())
        .await;
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    for blob in [&manifest["config"], &manifest["layers"][0]] {
        let path = format!(
            "elsewhere/b/blobs/uploads/?mount={}&from=a/b",
            blob["digest"].as_str().unwrap()
        );
        site.send(Method::POST, &path, String::new()).await;
    }
    site.request(Method::PUT, "elsewhere/b", &tag(&image), text).await;
    let error = site.verify(&copy, &key).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{copy} is not what was signed: its signature is about the repository {PRIVATE}/a/b, and it is in {PRIVATE}/elsewhere/b"
        )
    );
    let anywhere = TrustedKeys::from(key.public_key()).for_any_repository();
    verify(&copy, &anywhere, VerifyOptions::default(), &site.endpoints)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_tag_that_was_moved_is_judged_by_what_it_names_now() {
    let site = Site::start().await;
    let (signed, other) = (
        site.image("ghcr.io/a/b:1").await,
        site.image("ghcr.io/a/b:2").await,
    );
    let key = KeyPair::generate();
    sign(&site, &signed, &key, SignatureFormat::Tag).await;
    let tagged: ImageName = format!("{PRIVATE}/a/b:1").parse().unwrap();
    site.verify(&tagged, &key).await.unwrap();
    let digest = other.digest().unwrap().to_string();
    let text = site.request(Method::GET, "a/b", &digest, String::new()).await;
    site.request(Method::PUT, "a/b", "1", text).await;
    let error = site.verify(&tagged, &key).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unsigned { .. }), "{error:?}");
    site.verify(&signed, &key).await.unwrap();
}

#[tokio::test]
async fn a_registry_that_serves_other_bytes_is_noticed() {
    let site = Site::start().await;
    let image = site.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    sign(&site, &image, &key, SignatureFormat::Tag).await;
    let digest = image.digest().unwrap().to_string();
    site.private
        .alter(
            image.repository(),
            &digest,
            Alteration::Bytes(b"{\"layers\":[]}"[..].into()),
        )
        .await
        .unwrap();
    // By its tag as well: the registry still announces the digest that was signed.
    for name in [image.clone(), "registry.plumbline.test/a/b:1".parse().unwrap()] {
        let error = site.verify(&name, &key).await.unwrap_err();
        assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn signatures_that_are_none_are_told_from_none_at_all() {
    let site = Site::start().await;
    let image = site.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    sign(&site, &image, &key, SignatureFormat::Tag).await;
    let text = site
        .request(Method::GET, "a/b", &tag(&image), String::new())
        .await;
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    for annotations in [
        serde_json::json!({}),
        serde_json::json!({"dev.cosignproject.cosign/signature": "no base64!"}),
    ] {
        manifest["layers"][0]["annotations"] = annotations;
        site.request(Method::PUT, "a/b", &tag(&image), manifest.to_string())
            .await;
        let error = site.verify(&image, &key).await.unwrap_err();
        assert!(matches!(error, VerifyError::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn every_question_that_a_registry_does_not_answer_leaves_it_open() {
    let questions = [
        (SignatureFormat::Tag, "/manifests/sha256:"),
        (SignatureFormat::Tag, ".sig"),
        (SignatureFormat::Tag, "/blobs/"),
        (SignatureFormat::Bundle, ".sig"),
        (SignatureFormat::Bundle, "/referrers/"),
        (SignatureFormat::Bundle, "/blobs/"),
    ];
    let statuses = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    let all = questions
        .into_iter()
        .flat_map(|question| statuses.map(|status| (question, status)));
    let answers = all.map(|((format, part), status)| async move {
        let site = Site::start().await;
        let image = site.image("ghcr.io/a/b:1").await;
        let key = KeyPair::generate();
        sign(&site, &image, &key, format).await;
        site.private
            .set_fault(move |_, uri| uri.contains(part).then_some(Fault::Status(status)));
        let error = site.verify(&image, &key).await.unwrap_err();
        assert!(
            matches!(error, VerifyError::CannotTell { .. }),
            "{format:?} {part} {status}: {error:?}"
        );
    });
    futures::future::join_all(answers).await;
}

/// The list that a registry keeps under a tag, in place of an interface of its own.
#[tokio::test]
async fn a_fallback_tag_that_is_refused_is_not_taken_for_no_signature() {
    let site = Site::start().await;
    site.private.set_referrers(false);
    let image = site.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    sign(&site, &image, &key, SignatureFormat::Bundle).await;
    site.verify(&image, &key).await.unwrap();
    let tag = format!("sha256-{}", image.digest().unwrap().hexadecimal());
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::FORBIDDEN] {
        let tag = tag.clone();
        site.private
            .set_fault(move |_, uri| uri.ends_with(&tag).then_some(Fault::Status(status)));
        let error = site.verify(&image, &key).await.unwrap_err();
        assert!(
            matches!(error, VerifyError::CannotTell { .. }),
            "{status}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_or_lets_nobody_in_leaves_it_open() {
    let site = Site::start().await;
    let image = site.image("ghcr.io/a/b:1").await;
    let trusted = KeyPair::generate().public_key().into();
    let nobody = Endpoint {
        address: ([127, 0, 0, 1], 1).into(),
        tls_ca_pem: None,
        credentials: None,
    };
    let nowhere = Endpoints::new().with(PRIVATE, &nobody).unwrap();
    for endpoints in [site.stranger(), nowhere] {
        let error = verify(&image, &trusted, VerifyOptions::default(), &endpoints)
            .await
            .unwrap_err();
        assert!(matches!(error, VerifyError::CannotTell { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_image_is_said() {
    let site = Site::start().await;
    let missing = format!("{PRIVATE}/a/b:1").parse().unwrap();
    let error = site.verify(&missing, &KeyPair::generate()).await.unwrap_err();
    assert!(matches!(error, VerifyError::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn one_key_follows_another_without_a_gap() {
    for format in FORMATS {
        let site = Site::start().await;
        let image = site.image("ghcr.io/a/b:1").await;
        let (old, new) = (KeyPair::generate(), KeyPair::generate());
        let known = |is_revoked| -> TrustedKeys {
            let old = TrustedKey {
                is_revoked,
                ..TrustedKey::new("old", old.public_key())
            };
            [old, TrustedKey::new("new", new.public_key())]
                .into_iter()
                .collect()
        };
        let verify = async |trusted: TrustedKeys| {
            verify(&image, &trusted, VerifyOptions::default(), &site.endpoints).await
        };
        sign(&site, &image, &old, format).await;
        assert_eq!(verify(known(false)).await.unwrap().keys, ["old"]);
        let error = verify(known(true)).await.unwrap_err();
        assert!(matches!(error, VerifyError::Revoked { .. }), "{error:?}");
        sign(&site, &image, &new, format).await;
        assert_eq!(verify(known(true)).await.unwrap().keys, ["new"]);
    }
}

#[tokio::test]
async fn the_contents_of_an_image_are_looked_at_where_that_is_asked_for() {
    let site = Site::start().await;
    let image = site.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    sign(&site, &image, &key, SignatureFormat::Tag).await;
    let trusted = TrustedKeys::from(key.public_key());
    let contents = VerifyOptions {
        contents: true,
        ..VerifyOptions::default()
    };
    verify(&image, &trusted, contents, &site.endpoints).await.unwrap();
    let layer = &site.blob_files("a/b", image.digest().unwrap()).await[0];
    let mut bytes = std::fs::read(layer).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(layer, bytes).unwrap();
    site.verify(&image, &key).await.unwrap();
    let error = verify(&image, &trusted, contents, &site.endpoints)
        .await
        .unwrap_err();
    assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
}
