//! OCI image layouts: folders that hold images, and how they get into a registry over the wire.

use crate::{
    endpoint::Endpoints,
    error::ImageError,
    manifest::{Descriptor, INDEX, Manifest},
    name::{Digest, ImageName},
    patience::Patience,
    registry::Registry,
};
use bytes::Bytes;
use futures::{FutureExt, TryStreamExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tokio::io::AsyncReadExt;

/// The content of the file `oci-layout`.
const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// The annotation of `index.json` that gives the tag of an image.
const TAG: &str = "org.opencontainers.image.ref.name";

/// How much of a blob is in memory while it is sent.
const CHUNK: usize = 256 << 10;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopIndex {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    manifests: Vec<Descriptor>,
}

/// A folder with one image.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    directory: PathBuf,
}

impl Layout {
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Makes the folders of an empty layout.
    pub fn create(directory: impl Into<PathBuf>) -> Result<Self, ImageError> {
        let layout = Self::at(directory);
        let blobs = layout.blobs();
        fs::create_dir_all(&blobs).map_err(ImageError::file("create", blobs))?;
        let file = layout.directory.join("oci-layout");
        fs::write(&file, VERSION).map_err(ImageError::file("write", file))?;
        Ok(layout)
    }

    pub fn blobs(&self) -> PathBuf {
        self.directory.join("blobs/sha256")
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hexadecimal())
    }

    /// Stores a small blob and describes it.
    pub fn write(&self, media_type: &str, content: &[u8]) -> Result<Descriptor, ImageError> {
        let file = self.blob(&Digest::of(content));
        fs::write(&file, content).map_err(ImageError::file("write", file))?;
        Ok(Descriptor::of(media_type, content))
    }

    /// Names the image that the layout holds.
    pub fn set_image(&self, mut image: Descriptor, tag: Option<&str>) -> Result<(), ImageError> {
        image
            .annotations
            .extend(tag.map(|tag| (TAG.to_owned(), tag.to_owned())));
        let top = TopIndex {
            schema_version: 2,
            media_type: INDEX.to_owned(),
            manifests: vec![image],
        };
        let file = self.directory.join("index.json");
        let text = serde_json::to_vec(&top).map_err(|error| ImageError::malformed("a layout", error))?;
        fs::write(&file, text).map_err(ImageError::file("write", file))
    }

    /// The image that the layout holds.
    pub fn image(&self) -> Result<Descriptor, ImageError> {
        let file = self.directory.join("index.json");
        let text = fs::read(&file).map_err(ImageError::file("read", &file))?;
        let top: TopIndex =
            serde_json::from_slice(&text).map_err(|error| ImageError::malformed(file.display(), error))?;
        match <[Descriptor; 1]>::try_from(top.manifests) {
            Ok([image]) => Ok(image),
            Err(images) => Err(ImageError::malformed(
                file.display(),
                format!("it names {} images, not one", images.len()),
            )),
        }
    }

    /// A manifest, with its digest checked.
    pub fn manifest(&self, digest: &Digest) -> Result<Manifest, ImageError> {
        let file = self.blob(digest);
        let content = fs::read(&file).map_err(ImageError::file("read", &file))?;
        let manifest = Manifest::parse(&file.display().to_string(), content.into())?;
        if manifest.digest == *digest {
            Ok(manifest)
        } else {
            Err(ImageError::digest(file.display(), digest, &manifest.digest))
        }
    }

    /// The digests of the uncompressed layers that a configuration names.
    pub fn diff_ids(&self, configuration: &Digest) -> Result<Vec<Digest>, ImageError> {
        #[derive(Deserialize)]
        struct Configuration {
            rootfs: RootFileSystem,
        }
        #[derive(Deserialize)]
        struct RootFileSystem {
            diff_ids: Vec<String>,
        }
        let file = self.blob(configuration);
        let text = fs::read(&file).map_err(ImageError::file("read", &file))?;
        let parsed: Configuration =
            serde_json::from_slice(&text).map_err(|error| ImageError::malformed(file.display(), error))?;
        let digests = parsed.rootfs.diff_ids.iter().map(|digest| Ok(digest.parse()?));
        digests.collect()
    }

    /// The size of everything that the image consists of; fails if a part is missing or cut short.
    pub fn checked_size(&self, manifest: &Manifest) -> Result<u64, ImageError> {
        let mut total = 0;
        for blob in manifest.blobs() {
            let file = self.blob(&blob.digest()?);
            let found = fs::metadata(&file)
                .map_err(ImageError::file("read", &file))?
                .len();
            if found != blob.size {
                let reason = format!("it has {found} bytes instead of {}", blob.size);
                return Err(ImageError::malformed(file.display(), reason));
            }
            total += found;
        }
        for child in manifest.children.iter().flatten() {
            total += self.checked_size(&self.manifest(&child.digest()?)?)?;
        }
        Ok(total + manifest.bytes.len() as u64)
    }
}

/// Sends the image of the layout in `directory` to the registry of `name`, and tags it if `name` has a tag.
///
/// # Errors
///
/// The layout is not complete, or the registry does not take it.
pub async fn push_layout(
    directory: &Path,
    name: &ImageName,
    endpoints: &Endpoints,
) -> Result<Digest, ImageError> {
    let push = Push {
        layout: Layout::at(directory),
        registry: endpoints.registry(name)?,
        repository: name.repository(),
    };
    let manifest = push.layout.manifest(&push.layout.image()?.digest()?)?;
    push.manifest(&manifest).await?;
    if let Some(tag) = name.tag() {
        push.registry
            .push_manifest(push.repository, tag, &manifest, Patience::LONG)
            .await?;
    }
    Ok(manifest.digest)
}

struct Push<'a> {
    layout: Layout,
    registry: Registry,
    repository: &'a str,
}

impl Push<'_> {
    fn manifest<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<(), ImageError>> {
        Box::pin(async move {
            for child in manifest.children.iter().flatten() {
                self.manifest(&self.layout.manifest(&child.digest()?)?).await?;
            }
            for blob in manifest.blobs() {
                self.blob(blob).await?;
            }
            let digest = manifest.digest.to_string();
            self.registry
                .push_manifest(self.repository, &digest, manifest, Patience::LONG)
                .await
        })
    }

    async fn blob(&self, blob: &Descriptor) -> Result<(), ImageError> {
        let digest = blob.digest()?;
        if self
            .registry
            .has_blob(self.repository, &digest, Patience::LONG)
            .await?
        {
            return Ok(());
        }
        let path = self.layout.blob(&digest);
        Patience::LONG
            .retry(|| {
                async {
                    let file = tokio::fs::File::open(&path)
                        .await
                        .map_err(ImageError::file("read", &path))?;
                    let content = futures::stream::try_unfold(file, |mut file| async move {
                        let mut chunk = Vec::with_capacity(CHUNK);
                        file.read_buf(&mut chunk).await?;
                        Ok::<_, io::Error>((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
                    });
                    let path = path.clone();
                    let content = content.map_err(move |source| ImageError::File {
                        action: "read",
                        path: path.clone(),
                        source,
                    });
                    self.registry
                        .push_blob(self.repository, blob, content, Patience::LONG)
                        .await
                }
                .boxed()
            })
            .await
    }
}
