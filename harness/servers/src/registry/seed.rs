//! Filling the registry from an OCI image layout without moving its content through HTTP.

use super::{manifests::ManifestRecord, names::Digest, storage::Storage};
use crate::ServerError;
use serde_json::Value;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const REFERENCE_NAME: &str = "org.opencontainers.image.ref.name";
/// Deeper nesting than an index of indexes of images is a mistake, or a loop.
const DEEPEST: usize = 4;

/// Makes the image of `layout` available as `repository:tag` and returns its digest.
pub(super) fn import(
    storage: &Storage,
    repository: &str,
    tag: &str,
    layout: &Path,
) -> Result<String, ServerError> {
    let import = Import {
        storage,
        repository,
        layout,
    };
    let path = layout.join("index.json");
    let index = fs::read(&path).map_err(ServerError::storage("read", path))?;
    let index: Value =
        serde_json::from_slice(&index).map_err(|error| import.unusable(format!("index.json: {error}")))?;
    let descriptor = choose(&index, tag)
        .ok_or_else(|| import.unusable(format!("index.json names neither {tag} nor exactly one manifest")))?;
    let digest = import.manifest(descriptor, &[tag.to_owned()], DEEPEST)?;
    Ok(digest.to_string())
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

struct Import<'a> {
    storage: &'a Storage,
    repository: &'a str,
    layout: &'a Path,
}

impl Import<'_> {
    fn manifest(&self, descriptor: &Value, tags: &[String], depth: usize) -> Result<Digest, ServerError> {
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
        for child in manifest
            .get("manifests")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if depth == 0 {
                return Err(self.unusable("indexes are nested too deeply".into()));
            }
            self.manifest(child, &[], depth - 1)?;
        }
        let layers = manifest
            .get("layers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for blob in layers.chain(manifest.get("config")) {
            // Those that live elsewhere are not part of a layout.
            if blob
                .get("digest")
                .and_then(Value::as_str)
                .is_some_and(|digest| required.iter().any(|r| r == digest))
            {
                self.blob(blob)?;
            }
        }
        let missing = self
            .storage
            .put_manifest(self.repository, &digest, record, &body, tags, &required)
            .map_err(ServerError::storage("store", digest.to_string()))?;
        match missing {
            Some(missing) => Err(self.unusable(format!("{digest} names {missing}, which is not there"))),
            None => Ok(digest),
        }
    }

    fn blob(&self, descriptor: &Value) -> Result<(), ServerError> {
        let (digest, path) = self.locate(descriptor)?;
        if self.storage.has_blob(self.repository, &digest) {
            return Ok(());
        }
        let upload = self
            .storage
            .upload_path(&format!("seed-{:032x}", rand::random::<u128>()));
        link_or_copy(&path, &upload).map_err(ServerError::storage("link or copy", &path))?;
        self.storage
            .adopt_blob(self.repository, &digest, &upload)
            .map_err(ServerError::storage("store", digest.to_string()))
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
            path: self.layout.to_owned(),
            reason,
        }
    }
}

/// Links `from` to `to`, or copies it where it cannot be linked: another file system, or one without links.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map(|_| ())
}
