//! Mirrors through registries that are busy, break off, or end in the middle.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use http::{Method, StatusCode};
use plumbline_images::{ImageError, ImageName, mirror};
use plumbline_model::{Activity, Progress};
use plumbline_servers::registry::Fault;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use support::{
    PRIVATE, Site,
    content::{LAYER, Repository, digest, requests},
};

const NAME: &str = "team/app";

fn image() -> ImageName {
    format!("ghcr.io/{NAME}:1.0").parse().unwrap()
}

/// A megabyte that nothing compresses and that is the same in every run.
fn large(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    std::iter::repeat_with(&mut next).take(1 << 20).collect()
}

/// An image of several large layers in the upstream registry.
async fn publish(site: &Site, layers: u64) {
    let source = Repository::new(&site.upstream, &site.authority, NAME);
    let mut stored = Vec::new();
    for seed in 0..layers {
        stored.push(source.blob(LAYER, large(seed)).await);
    }
    source
        .image(Some("1.0"), &stored.iter().collect::<Vec<_>>())
        .await;
}

#[tokio::test]
async fn a_pause_that_a_registry_asks_for_is_kept() {
    let site = Site::start().await;
    publish(&site, 1).await;
    let asked = AtomicUsize::new(0);
    site.private.set_fault(move |method, uri| {
        let hit = *method == Method::POST && uri.contains("/blobs/uploads/");
        let first = hit && asked.fetch_add(1, Ordering::Relaxed) == 0;
        first.then_some(Fault::Pause(StatusCode::TOO_MANY_REQUESTS, 1))
    });
    let began = Instant::now();
    site.mirror(&image()).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_pause_that_is_too_long_ends_the_mirror_and_is_told() {
    let site = Site::start().await;
    publish(&site, 1).await;
    site.private.set_fault(|method, _| {
        (*method == Method::POST).then_some(Fault::Pause(StatusCode::TOO_MANY_REQUESTS, 3600))
    });
    let error = mirror(&image(), PRIVATE, &site.endpoints, &Progress::silent())
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Unreachable { .. }), "{error:?}");
    let error = error.to_string();
    assert!(
        error.contains(PRIVATE) && error.ends_with("it asks to wait 3600 s"),
        "{error}"
    );
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let site = Site::start().await;
    publish(&site, 3).await;
    let broken = Arc::new(AtomicUsize::new(0));
    let count = broken.clone();
    site.upstream.set_fault(move |method, uri| {
        let hit = *method == Method::GET && uri.contains("/blobs/");
        (hit && count.fetch_add(1, Ordering::Relaxed) < 3).then_some(Fault::BreakOff(300_000))
    });
    let mirrored = site.mirror(&image()).await;
    assert_eq!(mirrored.blobs_copied, 4);
    assert!(broken.load(Ordering::Relaxed) > 3);
    let parts = site.upstream.requests();
    let parts = parts.iter().filter(|request| request.status == 206).count();
    assert!(parts > 0, "nothing was asked for in part");
    // So each was sent once.
    assert_eq!(requests(&site.private, "PUT", "/blobs/uploads/"), 4);
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_sent_again_and_counted_once() {
    let site = Site::start().await;
    publish(&site, 3).await;
    let count = AtomicUsize::new(0);
    site.private.set_fault(move |method, uri| {
        let hit = *method == Method::PUT && uri.contains("/blobs/uploads/");
        (hit && count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)).then_some(Fault::Disconnect)
    });
    let (total, done) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(0)));
    let (seen_total, seen_done) = (total.clone(), done.clone());
    let progress = Progress::new(move |activity| match activity {
        Activity::Started {
            total: Some((bytes, _)),
            ..
        } => seen_total.store(bytes, Ordering::Relaxed),
        Activity::Advanced { done, .. } => {
            let mut seen = seen_done.lock().unwrap();
            *seen = done.max(*seen);
        }
        _ => {}
    });
    let mirrored = mirror(&image(), PRIVATE, &site.endpoints, &progress)
        .await
        .unwrap();
    assert!(requests(&site.private, "PUT", "/blobs/uploads/") > 4);
    assert_eq!(mirrored.bytes, total.load(Ordering::Relaxed));
    assert_eq!(*done.lock().unwrap(), mirrored.bytes);
}

#[tokio::test]
async fn a_mirror_that_failed_is_taken_up_where_it_ended() {
    let site = Site::start().await;
    publish(&site, 3).await;
    // The last of the blobs that the registry takes is its third.
    let count = AtomicUsize::new(0);
    site.private.set_fault(move |method, uri| {
        let hit = *method == Method::PUT && uri.contains("/blobs/uploads/");
        (hit && count.fetch_add(1, Ordering::Relaxed) >= 3).then_some(Fault::Status(StatusCode::BAD_REQUEST))
    });
    let failed = mirror(&image(), PRIVATE, &site.endpoints, &Progress::silent()).await;
    assert!(matches!(failed, Err(ImageError::Refused { .. })), "{failed:?}");
    let target = Repository::new(&site.private, &site.authority, NAME);
    assert_eq!(target.read("1.0").await, None);

    site.private.clear_fault();
    let mirrored = site.mirror(&image()).await;
    assert!(mirrored.blobs_present > 0, "{mirrored:?}");
    assert_eq!(mirrored.blobs_copied + mirrored.blobs_present, 4);
    assert!(target.read("1.0").await.is_some());
}

#[tokio::test]
async fn many_mirrors_of_one_image_at_once_agree() {
    let site = Site::start().await;
    publish(&site, 4).await;
    let image = image();
    let all = futures::future::join_all((0..6).map(|_| site.mirror(&image))).await;
    assert!(all.iter().all(|mirrored| mirrored.digest == all[0].digest));
    let source = Repository::new(&site.upstream, &site.authority, NAME);
    let target = Repository::new(&site.private, &site.authority, NAME);
    assert_eq!(source.read("1.0").await, target.read("1.0").await);
    assert_eq!(site.mirror(&image).await.blobs_copied, 0);
}

#[tokio::test]
async fn a_registry_that_takes_no_other_repository_s_blobs_gets_them_sent() {
    let site = Site::start().await;
    for name in ["team/one", "team/two"] {
        let source = Repository::new(&site.upstream, &site.authority, name);
        let layer = source.blob(LAYER, "a layer").await;
        source.image(Some("1.0"), &[&layer]).await;
    }
    site.private.set_fault(|_, uri| {
        uri.contains("mount=")
            .then_some(Fault::Status(StatusCode::METHOD_NOT_ALLOWED))
    });
    let images = ["one", "two"].map(|name| format!("ghcr.io/team/{name}:1.0").parse().unwrap());
    let all = plumbline_images::mirror_all(&images, PRIVATE, &site.endpoints, 2, &Progress::silent()).await;
    let sent = all
        .into_iter()
        .map(|mirrored| mirrored.unwrap().blobs_copied)
        .sum::<usize>();
    assert_eq!(sent, 4);
}

#[tokio::test]
async fn a_source_that_lies_about_a_size_is_refused() {
    let site = Site::start().await;
    let source = Repository::new(&site.upstream, &site.authority, NAME);
    for (tag, wrong) in [("short", 3), ("long", 3000)] {
        let mut layer = source.blob(LAYER, "seven b").await;
        layer["size"] = wrong.into();
        source.image(Some(tag), &[&layer]).await;
        let image = format!("ghcr.io/{NAME}:{tag}").parse().unwrap();
        let error = mirror(&image, PRIVATE, &site.endpoints, &Progress::silent())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ImageError::DigestMismatch { .. }),
            "{tag}: {error:?}"
        );
        assert!(error.to_string().contains(digest(&layer)), "{error}");
    }
    assert_eq!(requests(&site.private, "PUT", "/manifests/"), 0);
}
