//! An artifact that is no image: one archive under a type of its own, as `oras push` makes it.

use super::{
    cached::{self, PackedImage},
    files::ImageFile,
    layer,
};
use crate::{
    error::ImageError,
    layout::Layout,
    manifest::{Descriptor, MANIFEST},
    name::ImageName,
};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path};

/// The type of a configuration that says nothing, and its content.
const NO_CONFIGURATION: &str = "application/vnd.oci.empty.v1+json";
const NOTHING: &[u8] = b"{}";

/// The annotation that names the file which a layer is.
const TITLE: &str = "org.opencontainers.image.title";

/// An artifact to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its name with the tag.
    pub name: ImageName,
    /// What it is.
    pub artifact_type: &'static str,
    /// What its only layer is.
    pub layer_type: &'static str,
    /// The file that the layer is taken for.
    pub title: &'static str,
    /// What is in the archive.
    pub files: Vec<ImageFile>,
}

/// The artifact `name` that was packed under `key`, if it is in the cache and whole.
#[must_use]
pub fn find_artifact(name: &ImageName, key: &str, cache: &Path) -> Option<PackedImage> {
    cached::find(name, cache, key)
}

/// Makes `artifact` in the cache under `key`, or finds it there. The key is the digest of what it is made from.
///
/// # Errors
///
/// A file can't be read, or the cache not be written.
pub async fn pack_artifact(artifact: Artifact, key: String, cache: &Path) -> Result<PackedImage, ImageError> {
    let (what, cache) = (artifact.name.to_string(), cache.to_owned());
    let packing = move || {
        cached::find_or_make(&artifact.name, &cache, &key, |directory| {
            build(&artifact, directory)
        })
    };
    tokio::task::spawn_blocking(packing)
        .await
        .map_err(|error| ImageError::Worker {
            what,
            source: Box::new(error),
        })?
}

fn build(artifact: &Artifact, directory: &Path) -> Result<(), ImageError> {
    let mut files = BTreeMap::new();
    for file in &artifact.files {
        files.insert(file.archive_path()?, file);
    }
    let layout = Layout::create(directory)?;
    let unnamed = layout.blobs().join("layer");
    let written = layer::write(&files, &unnamed)?;
    let named = layout.blob(&written.digest);
    fs::rename(&unnamed, &named).map_err(ImageError::file("write", named))?;
    let mut layer = Descriptor::new(artifact.layer_type, &written.digest, written.size);
    layer
        .annotations
        .insert(TITLE.to_owned(), artifact.title.to_owned());
    let manifest = json!({
        "artifactType": artifact.artifact_type,
        "config": layout.write(NO_CONFIGURATION, NOTHING)?,
        "layers": [layer],
        "mediaType": MANIFEST,
        "schemaVersion": 2,
    });
    layout.set_image(
        layout.write(MANIFEST, manifest.to_string().as_bytes())?,
        artifact.name.tag(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[tokio::test]
    async fn an_artifact_is_one_typed_layer_and_the_same_on_every_machine() {
        let artifact = Artifact {
            name: "ghcr.io/a/b:2".parse().unwrap(),
            artifact_type: "application/vnd.a+json",
            layer_type: "application/vnd.b.tar+gzip",
            title: "b.tar.gz",
            files: vec![ImageFile::written("x", "x")],
        };
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let packed = pack_artifact(artifact.clone(), "k".to_owned(), one.path())
            .await
            .unwrap();
        let again = pack_artifact(artifact.clone(), "k".to_owned(), other.path())
            .await
            .unwrap();
        assert_eq!(packed.digest, again.digest);
        assert_eq!(
            find_artifact(&artifact.name, "k", one.path()),
            Some(packed.clone())
        );
        assert_eq!(find_artifact(&artifact.name, "other", one.path()), None);

        let manifest = fs::read(Layout::at(packed.layout).blob(&packed.digest)).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["artifactType"], "application/vnd.a+json");
        assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.b.tar+gzip");
        assert_eq!(manifest["layers"][0]["annotations"][TITLE], "b.tar.gz");
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    }
}
