//! An image as it is described, and how it is made of that.

use super::{
    cached::{self, PackedImage},
    files::ImageFile,
    layer::{self, Layer},
};
use crate::{
    error::ImageError,
    layout::Layout,
    manifest::{CONFIG, Descriptor, INDEX, LAYER_TAR_GZIP, MANIFEST, Platform},
    name::{Digest, ImageName},
};
use futures::{StreamExt, TryStreamExt, stream};
use plumbline_model::Progress;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fs, path::Path};

/// Changes whenever the same inputs give other bytes than before.
const FORMAT: &str = "plumbline image 1";

/// How many images are packed at a time.
const PARALLEL: usize = 2;

/// An image to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramImage {
    /// Its name with the tag.
    pub name: ImageName,
    /// What is in it; parent directories need not be listed.
    pub files: Vec<ImageFile>,
    /// An image made before, whose layers lie above the files.
    pub above: Option<PackedImage>,
    /// The command that runs unless a pod says otherwise.
    pub entrypoint: Vec<String>,
    /// The user, a number for `runAsNonRoot`; root if empty.
    pub user: String,
    /// The environment of the command.
    pub environment: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
}

/// Makes `image` in the cache, or finds it there.
///
/// # Errors
///
/// A file can't be read, or the cache not be written.
pub async fn pack(
    image: &ProgramImage,
    cache: &Path,
    progress: &Progress,
) -> Result<PackedImage, ImageError> {
    let (image, cache, progress) = (image.clone(), cache.to_owned(), progress.clone());
    let what = image.name.to_string();
    tokio::task::spawn_blocking(move || pack_now(&image, &cache, &progress))
        .await
        .map_err(|error| ImageError::Worker {
            what,
            source: Box::new(error),
        })?
}

/// Makes several images, two at a time, and returns them in the same order.
///
/// # Errors
///
/// As [`pack`]; the first failure ends the work.
pub async fn pack_all(
    images: &[ProgramImage],
    cache: &Path,
    progress: &Progress,
) -> Result<Vec<PackedImage>, ImageError> {
    stream::iter(images.iter().map(|image| pack(image, cache, progress)))
        .buffered(PARALLEL)
        .try_collect()
        .await
}

fn pack_now(image: &ProgramImage, cache: &Path, progress: &Progress) -> Result<PackedImage, ImageError> {
    let mut files = BTreeMap::new();
    for file in &image.files {
        files.insert(file.archive_path()?, file);
    }
    cached::find_or_make(&image.name, cache, &key(image, &files)?, |directory| {
        let _task = progress.task(format!("packing {}", image.name));
        build(image, &files, directory)
    })
}

/// The name of the folder in the cache: the digest of everything that the bytes of the image depend on.
fn key(image: &ProgramImage, files: &BTreeMap<String, &ImageFile>) -> Result<String, ImageError> {
    let mut hasher = Sha256::new_with_prefix(FORMAT);
    // As text in JSON, which delimits every part.
    hasher.update(json!([image.name.tag(), configuration(image, &[])]).to_string());
    for (path, file) in files {
        hasher.update(json!([path, file.mode, hex::encode(file.content_digest()?)]).to_string());
    }
    if let Some(above) = &image.above {
        hasher.update(json!([above.digest.to_string()]).to_string());
    }
    Ok(Digest::from_hasher(hasher).hexadecimal().to_owned())
}

fn build(
    image: &ProgramImage,
    files: &BTreeMap<String, &ImageFile>,
    directory: &Path,
) -> Result<(), ImageError> {
    let layout = Layout::create(directory)?;
    let unnamed = layout.blobs().join("layer");
    let layer = layer::write(files, &unnamed)?;
    let named = layout.blob(&layer.digest);
    fs::rename(&unnamed, &named).map_err(ImageError::file("write", named))?;

    // Flux takes the first layer of an artifact for its content, so the files of an image are that.
    let mut layers = vec![layer];
    if let Some(above) = &image.above {
        layers.extend(take_layers(above, &layout)?);
    }

    let configuration = layout.write(CONFIG, configuration(image, &layers).to_string().as_bytes())?;
    let descriptors = layers
        .iter()
        .map(|layer| Descriptor::new(LAYER_TAR_GZIP, &layer.digest, layer.size));
    let manifest = json!({
        "config": configuration,
        "layers": descriptors.collect::<Vec<_>>(),
        "mediaType": MANIFEST,
        "schemaVersion": 2,
    });
    let mut child = layout.write(MANIFEST, manifest.to_string().as_bytes())?;
    child.platform = Some(Platform {
        architecture: "amd64".to_owned(),
        os: "linux".to_owned(),
    });
    let index = json!({"manifests": [child], "mediaType": INDEX, "schemaVersion": 2});
    layout.set_image(
        layout.write(INDEX, index.to_string().as_bytes())?,
        image.name.tag(),
    )
}

/// The layers of an image that was made here, which are now also in `target`.
fn take_layers(image: &PackedImage, target: &Layout) -> Result<Vec<Layer>, ImageError> {
    let source = Layout::at(&image.layout);
    let index = source.manifest(&image.digest)?;
    let no_child = || ImageError::malformed(&image.name, "it is not an index of one image");
    let child = index.children.iter().flatten().next().ok_or_else(no_child)?;
    let manifest = source.manifest(&child.digest()?)?;
    let configuration = manifest.config.as_ref().ok_or_else(no_child)?.digest()?;
    let diff_ids = source.diff_ids(&configuration)?;
    let layers = manifest.layers.iter().zip(diff_ids).map(|(layer, diff_id)| {
        let digest = layer.digest()?;
        let (from, to) = (source.blob(&digest), target.blob(&digest));
        // A link where both are on one file system.
        fs::hard_link(&from, &to)
            .or_else(|_| fs::copy(&from, &to).map(|_| ()))
            .map_err(ImageError::file("copy", &from))?;
        Ok(Layer {
            digest,
            diff_id,
            size: layer.size,
        })
    });
    layers.collect()
}

/// The configuration of the image. Keys are in alphabetical order, so that the text is the same whether or not
/// `serde_json` was built to sort them.
fn configuration(image: &ProgramImage, layers: &[Layer]) -> Value {
    let environment = image
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    json!({
        "architecture": "amd64",
        "config": {
            "Entrypoint": image.entrypoint,
            "Env": environment.collect::<Vec<_>>(),
            "Labels": image.labels,
            "User": image.user,
            "WorkingDir": "/",
        },
        "history": [{"created_by": "plumbline"}],
        "os": "linux",
        "rootfs": {
            "diff_ids": layers.iter().map(|layer| layer.diff_id.to_string()).collect::<Vec<_>>(),
            "type": "layers",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::FileSource;

    fn image(files: Vec<ImageFile>) -> ProgramImage {
        ProgramImage {
            name: "ghcr.io/a/b:1".parse().unwrap(),
            files,
            above: None,
            entrypoint: vec!["/program".into()],
            user: "65534:65534".into(),
            environment: BTreeMap::from([("A".into(), "b".into())]),
            labels: BTreeMap::new(),
        }
    }

    fn program() -> Vec<ImageFile> {
        vec![
            ImageFile::directory("/tmp", 0o1777),
            ImageFile::written("etc/x", "x"),
            ImageFile {
                path: "program".into(),
                source: FileSource::Bytes(b"elf".to_vec()),
                mode: 0o755,
            },
        ]
    }

    async fn packed(image: &ProgramImage, cache: &Path) -> PackedImage {
        pack(image, cache, &Progress::silent()).await.unwrap()
    }

    #[tokio::test]
    async fn the_same_inputs_give_the_same_digest_on_every_machine() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut reversed = program();
        reversed.reverse();
        let first = packed(&image(program()), one.path()).await;
        let second = packed(&image(reversed), other.path()).await;
        assert_eq!(first.digest, second.digest);
        let golden = "sha256:6a4a935e878b76d86c7a28284361a506f6104a95d4d4bc93976ec1b71da81425";
        assert_eq!(first.digest.to_string(), golden);
    }

    #[tokio::test]
    async fn every_input_is_in_the_digest() {
        let cache = tempfile::tempdir().unwrap();
        let mut changed = vec![image(program()); 6];
        changed[1].name = "ghcr.io/a/b:2".parse().unwrap();
        changed[2].entrypoint.clear();
        changed[3].user = "1".into();
        changed[4].files[1].mode = 0o600;
        changed[5].files[1].source = FileSource::Bytes(b"y".to_vec());
        let mut layouts = std::collections::BTreeSet::new();
        for image in &changed {
            layouts.insert(packed(image, cache.path()).await.layout);
        }
        assert_eq!(layouts.len(), changed.len());
    }

    #[tokio::test]
    async fn a_second_run_finds_the_image_and_a_broken_one_is_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let image = image(program());
        let first = packed(&image, cache.path()).await;
        let marker = first.layout.join("marker");
        fs::write(&marker, "").unwrap();
        assert_eq!(packed(&image, cache.path()).await, first);
        assert!(marker.exists());

        let blobs = first.layout.join("blobs/sha256");
        for blob in fs::read_dir(&blobs).unwrap() {
            fs::write(blob.unwrap().path(), "cut").unwrap();
        }
        assert_eq!(packed(&image, cache.path()).await, first);
        assert!(!marker.exists());
    }

    #[tokio::test]
    async fn two_at_once_make_the_same_image() {
        let cache = tempfile::tempdir().unwrap();
        let images = vec![image(program()); 4];
        let packed = pack_all(&images, cache.path(), &Progress::silent())
            .await
            .unwrap();
        assert!(packed.iter().all(|one| *one == packed[0]));
        let left = fs::read_dir(cache.path().join("images")).unwrap().count();
        assert_eq!(left, 1);
    }

    #[tokio::test]
    async fn a_path_that_climbs_is_refused() {
        let cache = tempfile::tempdir().unwrap();
        for path in ["../x", "a/../../x", "", "/", "a//b"] {
            let image = image(vec![ImageFile::written(path, "x")]);
            let error = pack(&image, cache.path(), &Progress::silent()).await.unwrap_err();
            assert!(matches!(error, ImageError::UnsafeEntry { .. }), "{path}: {error}");
        }
    }
}
