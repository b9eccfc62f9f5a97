//! Filling the registry from an OCI image layout: what is in it, and how our own storage takes it without moving its content.

use super::{manifests::ManifestRecord, names::Digest, storage::Storage};
use crate::ServerError;
use bytes::Bytes;
use serde_json::Value;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const REFERENCE_NAME: &str = "org.opencontainers.image.ref.name";
/// Deeper nesting than an index of indexes of images is a mistake, or a loop.
const DEEPEST: usize = 4;

/// What is to be stored, in an order in which it can be.
pub(super) struct Plan {
    layout: PathBuf,
    pub(super) blobs: Vec<(Digest, PathBuf)>,
    /// Children before those that name them; never none.
    pub(super) manifests: Vec<PlannedManifest>,
}

/// A manifest of a layout, whose digest was checked.
pub(super) struct PlannedManifest {
    pub(super) digest: Digest,
    pub(super) record: ManifestRecord,
    pub(super) body: Bytes,
    pub(super) tag: Option<String>,
    required: Vec<String>,
}

impl Plan {
    /// Reads the image of `layout` that is called `tag`, or the only one. Blobs are not read: the layout is our own, and each
    /// size is checked.
    pub(super) fn read(layout: &Path, tag: &str) -> Result<Self, ServerError> {
        let mut plan = Self {
            layout: layout.to_owned(),
            blobs: Vec::new(),
            manifests: Vec::new(),
        };
        let path = layout.join("index.json");
        let index = fs::read(&path).map_err(ServerError::storage("read", path))?;
        let index: Value =
            serde_json::from_slice(&index).map_err(|error| plan.unusable(format!("index.json: {error}")))?;
        let descriptor = choose(&index, tag).ok_or_else(|| {
            plan.unusable(format!("index.json names neither {tag} nor exactly one manifest"))
        })?;
        plan.add_manifest(descriptor, Some(tag), DEEPEST)?;
        Ok(plan)
    }

    /// The digest of the image.
    pub(super) fn digest(&self) -> String {
        let last = self.manifests.last();
        last.map_or_else(String::new, |manifest| manifest.digest.to_string())
    }

    /// Links every blob into `storage`, or copies it where it cannot be linked, and adds the manifests.
    pub(super) fn store(&self, storage: &Storage, repository: &str) -> Result<(), ServerError> {
        for (digest, path) in &self.blobs {
            if storage.has_blob(repository, digest) {
                continue;
            }
            let upload = storage.upload_path(&format!("seed-{:032x}", rand::random::<u128>()));
            link_or_copy(path, &upload).map_err(ServerError::storage("link or copy", path))?;
            storage
                .adopt_blob(repository, digest, &upload)
                .map_err(ServerError::storage("store", digest.to_string()))?;
        }
        for manifest in &self.manifests {
            let PlannedManifest {
                digest,
                record,
                body,
                tag,
                required,
            } = manifest;
            let missing = storage
                .put_manifest(repository, digest, record.clone(), body, tag.as_slice(), required)
                .map_err(ServerError::storage("store", digest.to_string()))?;
            if let Some(missing) = missing {
                return Err(self.unusable(format!("{digest} names {missing}, which is not there")));
            }
        }
        Ok(())
    }

    fn add_manifest(
        &mut self,
        descriptor: &Value,
        tag: Option<&str>,
        depth: usize,
    ) -> Result<(), ServerError> {
        let (digest, path) = self.locate(descriptor)?;
        let body = fs::read(&path).map_err(ServerError::storage("read", &path))?;
        let real = Digest::of(digest.algorithm(), &body);
        if real != digest {
            return Err(self.unusable(format!("{} has the digest {real}", path.display())));
        }
        let media_type = descriptor.get("mediaType").and_then(Value::as_str);
        let (record, required) = ManifestRecord::parse(media_type, &body)
            .map_err(|refusal| self.unusable(format!("{digest}: {refusal}")))?;
        let manifest: Value =
            serde_json::from_slice(&body).map_err(|error| self.unusable(format!("{digest}: {error}")))?;
        let list = |name: &str| {
            let list = manifest.get(name).and_then(Value::as_array);
            list.into_iter().flatten()
        };
        for child in list("manifests") {
            if depth == 0 {
                return Err(self.unusable("indexes are nested too deeply".into()));
            }
            self.add_manifest(child, None, depth - 1)?;
        }
        for blob in list("layers").chain(manifest.get("config")) {
            // Those that live elsewhere are not part of a layout.
            if blob
                .get("digest")
                .and_then(Value::as_str)
                .is_some_and(|digest| required.iter().any(|r| r == digest))
            {
                let blob = self.locate(blob)?;
                self.blobs.push(blob);
            }
        }
        self.manifests.push(PlannedManifest {
            digest,
            record,
            body: body.into(),
            tag: tag.map(str::to_owned),
            required,
        });
        Ok(())
    }

    /// The digest that `descriptor` names and the file that has it, of the size that it says.
    fn locate(&self, descriptor: &Value) -> Result<(Digest, PathBuf), ServerError> {
        let text = descriptor
            .get("digest")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let digest = Digest::parse(text).ok_or_else(|| self.unusable(format!("{text:?} is not a digest")))?;
        let path = self.layout.join("blobs").join(digest.blob_path());
        let size = fs::metadata(&path)
            .map_err(ServerError::storage("read", &path))?
            .len();
        match descriptor.get("size").and_then(Value::as_u64) {
            Some(expected) if expected == size => Ok((digest, path)),
            expected => Err(self.unusable(format!(
                "{} has {size} bytes, its descriptor says {expected:?}",
                path.display()
            ))),
        }
    }

    fn unusable(&self, reason: String) -> ServerError {
        ServerError::Layout {
            path: self.layout.clone(),
            reason,
        }
    }
}

/// The manifest that is called `tag`, or the only one.
fn choose<'a>(index: &'a Value, tag: &str) -> Option<&'a Value> {
    let manifests = index.get("manifests")?.as_array()?;
    let called = |descriptor: &&Value| {
        descriptor
            .get("annotations")
            .and_then(|annotations| annotations.get(REFERENCE_NAME)?.as_str())
            == Some(tag)
    };
    manifests.iter().find(called).or(match manifests.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

/// Links `from` to `to`, or copies it where it cannot be linked: another file system, or one without links.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map(|_| ())
}
