//! A mirror is the whole image, whatever it consists of, and not a byte more than the target needs.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use plumbline_images::{ImageError, ImageName, Mirrored, mirror, mirror_all};
use plumbline_model::Progress;
use plumbline_servers::registry::Alteration;
use serde_json::{Value, json};
use support::{
    PRIVATE, Site,
    content::{INDEX, LAYER, Repository, describe, digest, requests, tag},
};

const NAME: &str = "team/app";
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

fn image(reference: &str) -> ImageName {
    format!("ghcr.io/{NAME}{reference}").parse().unwrap()
}

async fn fails(site: &Site, reference: &str) -> ImageError {
    let result = mirror(&image(reference), PRIVATE, &site.endpoints, &Progress::silent()).await;
    result.unwrap_err()
}

/// The repository at both ends of a mirror.
fn ends(site: &Site) -> (Repository<'_>, Repository<'_>) {
    (
        Repository::new(&site.upstream, &site.authority, NAME),
        Repository::new(&site.private, &site.authority, NAME),
    )
}

/// An index of an index and an image, each with something attached to it; every manifest of it.
async fn nested(source: &Repository<'_>) -> Vec<Value> {
    let layer = source.blob(LAYER, "a layer").await;
    let amd64 = source.image(None, &[&layer]).await;
    let arm64 = source
        .image(None, &[&source.blob(LAYER, "another layer").await])
        .await;
    let inner = source.index(None, &[&arm64]).await;
    let outer = source.index(Some("1.0"), &[&amd64, &inner, &amd64]).await;

    let note = source.referrer(&outer, "a note").await;
    let note_on_note = source.referrer(&note, "a note on a note").await;
    let note_on_child = source.referrer(&arm64, "a note on a child").await;
    let signature = source
        .image(
            Some(&tag(&outer, ".sig")),
            &[&source.blob("text/plain", "a signature").await],
        )
        .await;
    let attestation = source
        .image(
            Some(&tag(&amd64, ".att")),
            &[&source.blob("text/plain", "an attestation").await],
        )
        .await;
    let bill = source
        .image(
            Some(&tag(&signature, ".sbom")),
            &[&source.blob("text/plain", "a bill").await],
        )
        .await;
    vec![
        outer,
        inner,
        amd64,
        arm64,
        note,
        note_on_note,
        note_on_child,
        signature,
        attestation,
        bill,
    ]
}

async fn assert_same(source: &Repository<'_>, target: &Repository<'_>, manifests: &[Value]) {
    for manifest in manifests {
        let original = source.read(digest(manifest)).await;
        assert!(original.is_some(), "{manifest}");
        assert_eq!(original, target.read(digest(manifest)).await, "{manifest}");
    }
}

#[tokio::test]
async fn every_manifest_arrives_byte_for_byte() {
    let site = Site::start().await;
    let (source, target) = ends(&site);
    let manifests = nested(&source).await;
    let mirrored = site.mirror(&image(":1.0")).await;
    assert_eq!(mirrored.digest.to_string(), digest(&manifests[0]));
    assert_eq!(mirrored.manifests, manifests.len());
    // Two layers, two configurations that are one, three notes, a signature, an attestation, a bill.
    assert_eq!((mirrored.blobs_copied, mirrored.blobs_present), (9, 0));
    assert_same(&source, &target, &manifests).await;
    for (subject, suffix) in [(0, ".sig"), (2, ".att"), (7, ".sbom")] {
        let tag = tag(&manifests[subject], suffix);
        assert_eq!(source.read(&tag).await, target.read(&tag).await, "{tag}");
    }
    for subject in [0, 3, 4] {
        let subject = &manifests[subject];
        assert_eq!(source.referrers(subject).await, target.referrers(subject).await);
    }
}

#[tokio::test]
async fn a_second_mirror_asks_for_no_blob_and_writes_nothing() {
    let site = Site::start().await;
    let (source, _) = ends(&site);
    nested(&source).await;
    let first = site.mirror(&image(":1.0")).await;
    let counted = || {
        let all = [&site.upstream, &site.private].map(|registry| requests(registry, "", "/blobs/"));
        (
            all,
            requests(&site.private, "PUT", ""),
            requests(&site.private, "POST", ""),
        )
    };
    let before = counted();
    let second = site.mirror(&image(":1.0")).await;
    assert_eq!(counted(), before);
    let expected = Mirrored {
        blobs_copied: 0,
        blobs_present: first.blobs_copied,
        bytes: 0,
        ..first
    };
    assert_eq!(second, expected);
}

#[tokio::test]
async fn a_digest_beside_the_tag_is_what_the_tag_means_in_the_end() {
    let site = Site::start().await;
    let (source, target) = ends(&site);
    let old = source.image(Some("1.0"), &[]).await;
    source.index(Some("1.0"), &[]).await;
    let mirrored = site.mirror(&image(&format!(":1.0@{}", digest(&old)))).await;
    assert_eq!(mirrored.digest.to_string(), digest(&old));
    assert_eq!(target.read("1.0").await, source.read(digest(&old)).await);
}

#[tokio::test]
async fn what_was_attached_later_is_mirrored_later() {
    let site = Site::start().await;
    let (source, target) = ends(&site);
    let manifests = nested(&source).await;
    site.mirror(&image(":1.0")).await;
    let late = source.referrer(&manifests[1], "a late note").await;
    let again = site.mirror(&image(":1.0")).await;
    assert_eq!(again.blobs_copied, 1);
    assert_eq!(target.referrers(&manifests[1]).await, [digest(&late)]);
}

#[tokio::test]
async fn referrers_are_listed_by_a_tag_where_the_registry_does_not_list_them() {
    let site = Site::start().await;
    let (source, target) = ends(&site);
    let manifests = nested(&source).await;
    site.private.set_referrers(false);
    site.mirror(&image(":1.0")).await;
    let list = target.read(&tag(&manifests[0], "")).await.unwrap();
    let list: Value = serde_json::from_slice(&list).unwrap();
    assert_eq!(list["manifests"][0]["digest"], manifests[4]["digest"]);
    assert_eq!(
        list["manifests"][0]["artifactType"],
        "application/vnd.example.note"
    );

    // Nothing new, so the list is not written again.
    let writes = requests(&site.private, "PUT", "");
    site.mirror(&image(":1.0")).await;
    assert_eq!(requests(&site.private, "PUT", ""), writes);

    // A further one is added to the list.
    let late = source.referrer(&manifests[0], "a late note").await;
    site.mirror(&image(":1.0")).await;
    let list = target.read(&tag(&manifests[0], "")).await.unwrap();
    let list = String::from_utf8(list.to_vec()).unwrap();
    assert!(
        list.contains(digest(&late)) && list.contains(digest(&manifests[4])),
        "{list}"
    );
}

#[tokio::test]
async fn a_list_under_a_tag_is_read_and_arrives_as_it_is() {
    let site = Site::start().await;
    let (source, target) = ends(&site);
    let subject = source.image(Some("1.0"), &[]).await;
    let note = source.referrer(&subject, "a note").await;
    site.upstream.set_referrers(false);
    let list = source.index(Some(&tag(&subject, "")), &[&note]).await;

    site.mirror(&image(":1.0")).await;
    assert_same(&source, &target, &[note]).await;
    assert_eq!(
        target.read(digest(&list)).await,
        None,
        "the registry lists by itself"
    );

    let other = support::registry(&site.directory.path().join("other"), &site.authority).await;
    other.set_referrers(false);
    let endpoints = site.with_registry("other.example", &other);
    mirror(&image(":1.0"), "other.example", &endpoints, &Progress::silent())
        .await
        .unwrap();
    let other = Repository::new(&other, &site.authority, NAME);
    assert_same(&source, &other, &[list]).await;
}

#[tokio::test]
async fn what_registries_do_not_have_is_left_out() {
    let site = Site::start().await;
    let (source, target) = ends(&site);
    let elsewhere = |media_type, content: &[u8]| {
        let mut layer = describe(media_type, content);
        layer["urls"] = json!(["https://example.com/layer"]);
        layer
    };
    let here_too = elsewhere(LAYER, b"a layer that is here too");
    source.blob(LAYER, "a layer that is here too").await;
    source.blob(FOREIGN, "a layer that nobody may hand on").await;
    let foreign = elsewhere(FOREIGN, b"a layer that nobody may hand on");
    let layers = [here_too.clone(), elsewhere(LAYER, b"nowhere"), foreign.clone()];
    source.image(Some("1.0"), &layers.each_ref()).await;

    let mirrored = site.mirror(&image(":1.0")).await;
    assert_eq!((mirrored.blobs_copied, mirrored.blobs_present), (2, 0));
    assert!(target.has_blob(&here_too).await);
    assert!(!target.has_blob(&foreign).await);
}

#[tokio::test]
async fn a_build_cache_whose_children_are_blobs_is_mirrored() {
    let site = Site::start().await;
    let (source, target) = ends(&site);
    let cached = source.blob("application/vnd.buildkit.cacheconfig.v0", "{}").await;
    let cache = source.index(Some("cache"), &[&cached]).await;
    let mirrored = site.mirror(&image(":cache")).await;
    assert_eq!((mirrored.manifests, mirrored.blobs_copied), (1, 1));
    assert!(target.has_blob(&cached).await);
    assert_same(&source, &target, &[cache]).await;
}

#[tokio::test]
async fn what_images_share_is_sent_once_and_mounted_after_that() {
    let site = Site::start().await;
    let names = ["team/one", "team/two", "team/three"];
    for name in names {
        let source = Repository::new(&site.upstream, &site.authority, name);
        let shared = source.blob(LAYER, "a layer of all".repeat(1000)).await;
        let own = source.blob(LAYER, format!("a layer of {name}")).await;
        source.image(Some("1.0"), &[&shared, &own]).await;
    }
    let images = names.map(|name| format!("ghcr.io/{name}:1.0").parse().unwrap());
    let all = mirror_all(&images, PRIVATE, &site.endpoints, 8, &Progress::silent()).await;
    let all = all.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    let sum = |count: fn(&Mirrored) -> usize| all.iter().map(count).sum::<usize>();
    // The shared layer and the configuration once, three layers; twice the shared ones are mounted.
    assert_eq!(sum(|mirrored| mirrored.blobs_copied), 5);
    assert_eq!(sum(|mirrored| mirrored.blobs_mounted), 4);
    assert_eq!(requests(&site.private, "POST", "mount="), 4);
    assert_eq!(requests(&site.private, "PUT", "/blobs/uploads/"), 5);
}

#[tokio::test]
async fn an_image_at_its_own_registry_is_there_already() {
    let site = Site::start().await;
    let (source, _) = ends(&site);
    nested(&source).await;
    let before = requests(&site.upstream, "GET", "/blobs/");
    let here = mirror(&image(":1.0"), "ghcr.io", &site.endpoints, &Progress::silent())
        .await
        .unwrap();
    assert_eq!((here.blobs_copied, here.blobs_present), (0, 9));
    assert_eq!(requests(&site.upstream, "GET", "/blobs/"), before);
}

#[tokio::test]
async fn a_child_that_is_missing_is_named_and_nothing_is_written() {
    let site = Site::start().await;
    let (source, _) = ends(&site);
    let child = source.image(None, &[]).await;
    source.index(Some("1.0"), &[&child]).await;
    source.remove(digest(&child)).await;
    let error = fails(&site, ":1.0").await.to_string();
    assert_eq!(
        error,
        format!(
            "ghcr.io/{NAME}@{} is not in its registry; mirror or push it first",
            digest(&child)
        )
    );
    assert_eq!(requests(&site.private, "PUT", ""), 0);
}

#[tokio::test]
async fn a_blob_of_other_content_is_refused_and_nothing_is_tagged() {
    let site = Site::start().await;
    let (source, _) = ends(&site);
    let layer = source.blob(LAYER, "a layer").await;
    source.image(Some("1.0"), &[&layer]).await;
    site.upstream
        .alter(NAME, digest(&layer), Alteration::OneByte)
        .await
        .unwrap();
    let error = fails(&site, ":1.0").await;
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error:?}");
    assert!(error.to_string().contains("ghcr.io/team/app@sha256:"), "{error}");
    assert_eq!(requests(&site.private, "PUT", "/manifests/"), 0);
}

#[tokio::test]
async fn a_signature_of_itself_and_other_circles_come_to_an_end() {
    let site = Site::start().await;
    let (source, _) = ends(&site);
    let image_digest = source.image(Some("1.0"), &[]).await;
    source.image(Some(&tag(&image_digest, ".sig")), &[]).await;
    site.upstream.set_referrers(false);
    source
        .index(Some(&tag(&image_digest, "")), &[&image_digest])
        .await;
    assert_eq!(site.mirror(&image(":1.0")).await.manifests, 1);
}

#[tokio::test]
async fn hostile_manifests_are_errors_and_nothing_is_written() {
    let site = Site::start().await;
    let (source, _) = ends(&site);
    let mut deep = source.image(None, &[]).await;
    for _ in 0..20 {
        deep = source.index(None, &[&deep]).await;
    }
    let error = fails(&site, &format!("@{}", digest(&deep))).await;
    assert!(
        error.to_string().contains("nested more than 16 levels deep"),
        "{error}"
    );

    let big = source.index(Some("big"), &[]).await;
    let content = format!("{{\"manifests\":[],\"a\":\"{}\"}}", "a".repeat(9 << 20));
    site.upstream
        .alter(NAME, digest(&big), Alteration::Bytes(content.into()))
        .await
        .unwrap();
    let error = fails(&site, ":big").await;
    assert!(matches!(error, ImageError::TooLarge { .. }), "{error:?}");

    let layer = digest(&big);
    let content = format!(r#"{{"manifests":[],"layers":[{{"digest":"{layer}","size":-1}}]}}"#);
    source.manifest(Some("negative"), INDEX, &content).await;
    let error = fails(&site, ":negative").await;
    assert!(matches!(error, ImageError::Malformed { .. }), "{error:?}");
    assert_eq!(requests(&site.private, "PUT", ""), 0);
}
