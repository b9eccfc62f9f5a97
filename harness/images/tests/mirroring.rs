//! Mirrors between two real registries: over TLS, with credentials, with faults.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use http::{Method, StatusCode};
use plumbline_images::{ImageError, KeyPair, SignOptions, mirror, push_layout, sign};
use plumbline_model::Progress;
use plumbline_servers::registry::{Alteration, Challenge, Fault};
use std::sync::atomic::{AtomicU32, Ordering};
use support::{PRIVATE, Site};

const IMAGE: &str = "ghcr.io/fluxcd/source-controller:v1";

/// How many uploads the private registry was asked for.
fn uploads(site: &Site) -> usize {
    site.private
        .requests()
        .iter()
        .filter(|request| request.uri.contains("/blobs/uploads/"))
        .count()
}

#[tokio::test]
async fn a_mirror_is_equal_and_a_second_one_sends_nothing() {
    let site = Site::start().await;
    let packed = site.publish(IMAGE, "program").await;
    let first = site.mirror(&packed.name).await;
    assert_eq!(first.digest, packed.digest);
    assert_eq!(first.target, packed.name.at_registry(PRIVATE));
    assert_eq!(
        (first.manifests, first.blobs_copied, first.blobs_present),
        (2, 2, 0)
    );
    assert!(first.bytes > 0);

    let before = uploads(&site);
    let second = site.mirror(&packed.name).await;
    assert_eq!(
        (second.blobs_copied, second.blobs_present, second.bytes),
        (0, 2, 0)
    );
    assert_eq!(second.digest, first.digest);
    assert_eq!(uploads(&site), before);
}

#[tokio::test]
async fn a_tag_that_moved_upstream_moves_in_the_mirror() {
    let site = Site::start().await;
    let old = site.publish(IMAGE, "old").await;
    site.mirror(&old.name).await;
    let new = site.publish(IMAGE, "new").await;
    assert_ne!(old.digest, new.digest);
    site.mirror(&new.name).await;
    // Mirroring what the private registry now has to where it is shows its digest.
    let there = new.name.at_registry(PRIVATE);
    assert_eq!(site.mirror(&there).await.digest, new.digest);
    let pinned = there.with_digest(old.digest.clone());
    assert_eq!(site.mirror(&pinned).await.digest, old.digest);
}

#[tokio::test]
async fn signatures_go_along_and_still_hold() {
    let site = Site::start().await;
    let packed = site.publish(IMAGE, "program").await;
    let key = KeyPair::generate();
    sign::sign(&packed.name, &key, SignOptions::default(), &site.endpoints)
        .await
        .unwrap();
    let mirrored = site.mirror(&packed.name).await;
    assert_eq!(mirrored.manifests, 3);
    let verified = site.verify(&mirrored.target, &key).await.unwrap();
    assert_eq!(verified.digest, packed.digest);
}

#[tokio::test]
async fn faults_that_pass_are_outlasted() {
    let site = Site::start().await;
    let packed = site.publish(IMAGE, &"program".repeat(10_000)).await;
    let count = AtomicU32::new(0);
    site.upstream.set_fault(move |_, uri| {
        let faults = [
            Some(Fault::Status(StatusCode::SERVICE_UNAVAILABLE)),
            Some(Fault::Disconnect),
            None,
            Some(Fault::Status(StatusCode::TOO_MANY_REQUESTS)),
        ];
        if uri == "/v2/" {
            return None;
        }
        faults
            .get(count.fetch_add(1, Ordering::Relaxed) as usize)
            .copied()
            .flatten()
    });
    let count = AtomicU32::new(0);
    site.private.set_fault(move |method, _| {
        let hit = *method == Method::PUT && count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        hit.then_some(Fault::Status(StatusCode::BAD_GATEWAY))
    });
    assert_eq!(site.mirror(&packed.name).await.digest, packed.digest);
}

#[tokio::test]
async fn two_mirrors_at_once_agree() {
    let site = Site::start().await;
    let packed = site.publish(IMAGE, "program").await;
    let (one, other) = tokio::join!(site.mirror(&packed.name), site.mirror(&packed.name));
    assert_eq!(one.digest, other.digest);
    assert_eq!(site.mirror(&packed.name).await.blobs_copied, 0);
}

#[tokio::test]
async fn other_bytes_under_a_digest_are_noticed() {
    let site = Site::start().await;
    let packed = site.publish(IMAGE, "program").await;
    let repository = packed.name.repository();
    site.upstream
        .alter(
            repository,
            &packed.digest.to_string(),
            Alteration::Bytes(b"{\"layers\":[]}"[..].into()),
        )
        .await
        .unwrap();
    let error = mirror(
        &packed.name.with_digest(packed.digest),
        PRIVATE,
        &site.endpoints,
        &Progress::silent(),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_wants_one() {
    let site = Site::start().await;
    let packed = site.publish(IMAGE, "program").await;
    site.upstream.set_challenge(Challenge::Bearer);
    site.private.set_challenge(Challenge::Bearer);
    assert_eq!(site.mirror(&packed.name).await.digest, packed.digest);
}

#[tokio::test]
async fn a_layout_that_is_pushed_equals_one_that_is_seeded() {
    let site = Site::start().await;
    let packed = site.publish(IMAGE, "program").await;
    let target = packed.name.at_registry(PRIVATE);
    let digest = push_layout(&packed.layout, &target, &site.endpoints)
        .await
        .unwrap();
    assert_eq!(digest, packed.digest);
    assert_eq!(site.mirror(&packed.name).await.blobs_copied, 0);
}

#[tokio::test]
async fn what_is_not_there_and_who_is_unknown_are_said() {
    let site = Site::start().await;
    let missing = "ghcr.io/fluxcd/nothing:v1".parse().unwrap();
    let error = mirror(&missing, PRIVATE, &site.endpoints, &Progress::silent())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "ghcr.io/fluxcd/nothing:v1 is not in its registry; mirror or push it first"
    );
    let elsewhere = "quay.io/a/b:1".parse().unwrap();
    let error = mirror(&elsewhere, PRIVATE, &site.endpoints, &Progress::silent())
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::UnknownRegistry { .. }), "{error:?}");
}
