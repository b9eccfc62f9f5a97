//! What a node gets from a real registry: resolved images and root file systems.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use http::StatusCode;
use plumbline_images::{ImageError, ImageName, ImageStore};
use plumbline_servers::registry::{Alteration, Fault};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use support::{PRIVATE, Site};

async fn image(site: &Site, content: &str) -> ImageName {
    let packed = site.publish("ghcr.io/a/b:1", content).await;
    site.mirror(&packed.name).await.target
}

fn store(site: &Site) -> ImageStore {
    ImageStore::new(site.directory.path().join("store"), site.endpoints.clone())
}

#[tokio::test]
async fn an_image_is_resolved_to_the_child_for_this_platform() {
    let site = Site::start().await;
    let name = image(&site, "program").await;
    let resolved = store(&site).resolve(&name).await.unwrap();
    assert_ne!(resolved.digest, resolved.manifest_digest);
    assert_eq!(resolved.image_id(), format!("{PRIVATE}/a/b@{}", resolved.digest));
    assert_eq!(resolved.config.entrypoint, ["/usr/local/bin/program"]);
    assert_eq!(resolved.config.environment, [("A".to_owned(), "b".to_owned())]);
    assert_eq!(resolved.config.user, "65534:65534");
    let pinned = store(&site)
        .resolve(&name.with_digest(resolved.digest.clone()))
        .await
        .unwrap();
    assert_eq!(pinned.manifest_digest, resolved.manifest_digest);
}

#[tokio::test]
async fn an_image_is_extracted_once_for_everybody() {
    let site = Site::start().await;
    let name = image(&site, "program").await;
    let stores = [store(&site), store(&site), store(&site)];
    let resolved = stores[0].resolve(&name).await.unwrap();
    let all = futures::future::try_join_all(stores.iter().map(|store| store.extract(&resolved)))
        .await
        .unwrap();
    assert!(all.iter().all(|path| *path == all[0]));
    let program = all[0].join("usr/local/bin/program");
    assert_eq!(fs::read_to_string(&program).unwrap(), "program");
    assert_eq!(
        fs::metadata(&program).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(
        fs::metadata(all[0].join("tmp")).unwrap().permissions().mode() & 0o7777,
        0o1777
    );
    let layers = site
        .private
        .requests()
        .into_iter()
        .filter(|request| request.method == "GET" && request.uri.contains("/blobs/sha256:"));
    // One for the configuration, one for the only layer.
    assert_eq!(layers.count(), 2);
}

#[tokio::test]
async fn what_a_killed_extraction_left_is_not_used() {
    let site = Site::start().await;
    let name = image(&site, "program").await;
    let store = store(&site);
    let resolved = store.resolve(&name).await.unwrap();
    let partial = site
        .directory
        .path()
        .join("store")
        .join(resolved.manifest_digest.hexadecimal())
        .join("partial");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("left-behind"), "").unwrap();
    let rootfs = store.extract(&resolved).await.unwrap();
    assert!(!rootfs.join("left-behind").exists());
}

#[tokio::test]
async fn a_layer_with_other_content_is_refused_and_nothing_stays() {
    let site = Site::start().await;
    let (one, other) = (image(&site, "program one").await, "ghcr.io/a/c:1");
    let other = site
        .mirror(&site.publish(other, "program two").await.name)
        .await
        .target;
    let store = store(&site);
    let resolved = store.resolve(&one).await.unwrap();
    let foreign = store.resolve(&other).await.unwrap();
    // The registry serves a valid layer, but not the one that was asked for.
    let files = site.directory.path().join("private");
    let (wanted, served) = (largest_blob(&site, &resolved), largest_blob(&site, &foreign));
    replace(&files, &wanted, &files, &served);
    let error = store.extract(&resolved).await.unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error:?}");
    let left = site
        .directory
        .path()
        .join("store")
        .join(resolved.manifest_digest.hexadecimal());
    let names = fs::read_dir(left)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["lock"]);
}

/// The digits of the only layer of an image, by way of its manifest in the registry's files.
fn largest_blob(site: &Site, image: &plumbline_images::Resolved) -> String {
    let manifest = find(
        &site.directory.path().join("cache"),
        image.manifest_digest.hexadecimal(),
    )
    .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    manifest["layers"][0]["digest"]
        .as_str()
        .unwrap()
        .trim_start_matches("sha256:")
        .to_owned()
}

fn replace(target_files: &Path, target: &str, source_files: &Path, source: &str) {
    let target = find(target_files, target).unwrap();
    let content = fs::read(find(source_files, source).unwrap()).unwrap();
    fs::remove_file(&target).unwrap();
    fs::write(target, content).unwrap();
}

/// The first file called `name`, or whose name is that behind an algorithm, below `directory` with content.
fn find(directory: &Path, name: &str) -> Option<std::path::PathBuf> {
    fs::read_dir(directory).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return find(&path, name);
        }
        (path.file_name()?.to_str()? == name && fs::metadata(&path).unwrap().len() > 64).then_some(path)
    })
}

#[tokio::test]
async fn each_failure_has_its_own_error() {
    let site = Site::start().await;
    let name = image(&site, "program").await;
    let missing = format!("{PRIVATE}/a/nothing:1").parse().unwrap();
    let error = store(&site).resolve(&missing).await.unwrap_err();
    assert!(matches!(error, ImageError::NotFound { .. }), "{error:?}");

    let stranger = ImageStore::new(site.directory.path().join("store"), site.stranger());
    let error = stranger.resolve(&name).await.unwrap_err();
    assert!(matches!(error, ImageError::Unauthorized { .. }), "{error:?}");

    let digest = store(&site).resolve(&name).await.unwrap().digest;
    site.private
        .alter(
            "a/b",
            &digest.to_string(),
            Alteration::Bytes(b"{\"layers\":[]}"[..].into()),
        )
        .await
        .unwrap();
    let error = store(&site).resolve(&name.with_digest(digest)).await.unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error:?}");

    site.private
        .set_fault(|_, _| Some(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR)));
    let error = store(&site).resolve(&name).await.unwrap_err();
    assert!(matches!(error, ImageError::Unreachable { .. }), "{error:?}");
}
