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

    /// Whether it is about a manifest, as far as its type says.
    pub fn is_manifest(&self) -> bool {
        self.media_type.is_empty() || ACCEPTED.contains(&self.media_type.as_str())
    }

    /// Whether registries may hand the content on; that of some vendors they may not.
    pub fn is_distributable(&self) -> bool {
        !["nondistributable", "foreign"]
            .iter()
            .any(|word| self.media_type.contains(word))
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
    /// Whether the manifest itself says its media type.
    says_media_type: bool,
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
        if shape.manifests.is_some() && (shape.config.is_some() || !shape.layers.is_empty()) {
            let reason = "it is an index and an image at once, so that each reader could see another";
            return Err(ImageError::malformed(format!("the manifest of {what}"), reason));
        }
        let digest = Digest::of(&bytes);
        // The media type may be left out by OCI's own rules; the shape then tells an index from a manifest.
        let by_shape = if shape.manifests.is_some() {
            INDEX
        } else {
            MANIFEST
        };
        let says_media_type = shape.media_type.is_some();
        let media_type = shape.media_type.unwrap_or_else(|| by_shape.to_owned());
        let layers = shape.layers.into_iter().chain(shape.blobs).collect();
        Ok(Self {
            bytes,
            digest,
            media_type,
            says_media_type,
            children: shape.manifests,
            config: shape.config,
            layers,
        })
    }

    /// The same manifest, known to be sent as `media_type`: a manifest that does not say its own is told by that before its shape.
    pub fn sent_as(mut self, media_type: Option<&str>) -> Self {
        let media_type = media_type.and_then(|text| text.split(';').next()).map(str::trim);
        if let (false, Some(known)) = (
            self.says_media_type,
            media_type.filter(|text| ACCEPTED.contains(text)),
        ) {
            known.clone_into(&mut self.media_type);
        }
        self
    }

    /// The blobs that the registry must have for this manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config
            .iter()
            .chain(&self.layers)
            .filter(|blob| blob.urls.is_empty() && blob.is_distributable())
    }

    /// The blobs that the registry may have besides: they are elsewhere too.
    pub fn optional_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.layers
            .iter()
            .filter(|blob| !blob.urls.is_empty() && blob.is_distributable())
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

    #[test]
    fn content_that_may_not_be_handed_on_is_not_wanted_at_all() {
        let digest = Digest::of(b"");
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        let text = format!(
            r#"{{"layers":[{{"mediaType":"{foreign}","digest":"{digest}","size":1,"urls":["https://x"]}}]}}"#
        );
        let manifest = Manifest::parse("x", text.into()).unwrap();
        assert_eq!(
            (manifest.blobs().count(), manifest.optional_blobs().count()),
            (0, 0)
        );
    }

    #[test]
    fn what_is_an_index_and_an_image_at_once_is_refused() {
        let layer = format!(r#"{{"digest":"{}","size":1}}"#, Digest::of(b""));
        for text in [
            format!(r#"{{"manifests":[],"layers":[{layer}]}}"#),
            format!(r#"{{"manifests":[],"config":{layer}}}"#),
        ] {
            let error = Manifest::parse("x", text.into()).unwrap_err();
            assert!(error.to_string().contains("at once"), "{error}");
        }
    }

    #[test]
    fn hostile_manifests_are_errors() {
        let size = |size: &str| {
            let digest = Digest::of(b"");
            format!(r#"{{"layers":[{{"digest":"{digest}","size":{size}}}]}}"#)
        };
        let deep = format!(r#"{{"layers":{}}}"#, "[".repeat(100_000));
        for text in [
            size("-1"),
            size("1e300"),
            size("18446744073709551616"),
            deep,
            "[]".to_owned(),
            String::new(),
        ] {
            let error = Manifest::parse("x", text.clone().into()).err();
            let is_malformed = matches!(error, Some(ImageError::Malformed { .. }));
            assert!(is_malformed, "{text:.40}");
        }
    }

    #[test]
    fn a_manifest_that_does_not_say_what_it_is_is_what_it_was_sent_as() {
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let parse = |text: &'static str| Manifest::parse("x", Bytes::from_static(text.as_bytes())).unwrap();
        let silent = parse(r#"{"layers":[]}"#);
        assert_eq!(
            silent
                .clone()
                .sent_as(Some("application/vnd.docker.distribution.manifest.v2+json; a=b"))
                .media_type,
            docker
        );
        assert_eq!(silent.clone().sent_as(Some("text/plain")).media_type, MANIFEST);
        assert_eq!(silent.sent_as(None).media_type, MANIFEST);
        let clear = parse(r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}"#);
        assert_eq!(clear.sent_as(Some(docker)).media_type, MANIFEST);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse("x", bytes.into());
        }
    }
}
