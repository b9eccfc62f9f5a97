//! Manifests as they are: raw bytes, and the few fields of them that matter here.

use crate::{error::ImageError, name::Digest};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER_TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// All kinds of manifests; a registry that is asked for them converts none into another.
pub(crate) const ACCEPTED: &[&str] = &[
    MANIFEST,
    INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
];

/// A reference to content. The fields are in alphabetical order, so that its text does not depend on whether
/// `serde_json` sorts keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    pub digest: String,
    #[serde(default)]
    pub media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    pub size: u64,
    /// Where else the content is; such content is not in the registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

impl Descriptor {
    /// Describes `content`.
    pub fn of(media_type: &str, content: &[u8]) -> Self {
        Self::new(media_type, &Digest::of(content), content.len() as u64)
    }

    pub fn new(media_type: &str, digest: &Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: digest.to_string(),
            size,
            platform: None,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }

    pub fn digest(&self) -> Result<Digest, ImageError> {
        Ok(self.digest.parse()?)
    }
}

/// The operating system and processor that an image is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Platform {
    pub architecture: String,
    pub os: String,
}

/// A manifest or index: its bytes, and what they refer to.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub bytes: Bytes,
    pub digest: Digest,
    pub media_type: String,
    /// The manifests of an index; absent for what is not an index.
    pub children: Option<Vec<Descriptor>>,
    pub config: Option<Descriptor>,
    pub layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    blobs: Vec<Descriptor>,
}

impl Manifest {
    /// Understands `bytes`; `what` names them in an error.
    pub fn parse(what: &str, bytes: Bytes) -> Result<Self, ImageError> {
        let shape: Shape = serde_json::from_slice(&bytes)
            .map_err(|error| ImageError::malformed(format!("the manifest of {what}"), error))?;
        let digest = Digest::of(&bytes);
        // The media type may be left out by OCI's own rules; the shape then tells an index from a manifest.
        let by_shape = if shape.manifests.is_some() {
            INDEX
        } else {
            MANIFEST
        };
        let media_type = shape.media_type.unwrap_or_else(|| by_shape.to_owned());
        let layers = shape.layers.into_iter().chain(shape.blobs).collect();
        Ok(Self {
            bytes,
            digest,
            media_type,
            children: shape.manifests,
            config: shape.config,
            layers,
        })
    }

    /// The blobs that the registry must have for this manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config
            .iter()
            .chain(&self.layers)
            .filter(|blob| blob.urls.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_missing_media_type_is_told_by_the_shape() {
        let index = Manifest::parse("x", Bytes::from_static(br#"{"manifests":[]}"#)).unwrap();
        assert_eq!(
            (index.media_type.as_str(), index.children.is_some()),
            (INDEX, true)
        );
        let manifest = Manifest::parse("x", Bytes::from_static(br#"{"layers":[]}"#)).unwrap();
        assert_eq!(
            (manifest.media_type.as_str(), manifest.children.is_some()),
            (MANIFEST, false)
        );
    }

    #[test]
    fn content_that_is_elsewhere_is_not_wanted_from_the_registry() {
        let text = format!(
            r#"{{"layers":[{{"digest":"{0}","size":1,"urls":["https://x"]}},{{"digest":"{0}","size":1}}]}}"#,
            Digest::of(b"")
        );
        assert_eq!(Manifest::parse("x", text.into()).unwrap().blobs().count(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse("x", bytes.into());
        }
    }
}
