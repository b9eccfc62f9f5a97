//! The text that is signed: "simple signing", which names an image and its digest.

use super::evidence::Claim;
use crate::{
    error::ImageError,
    name::{Digest, ImageName},
};
use serde::{Deserialize, Serialize};

/// The media type of the text as a layer.
pub(super) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation of that layer which has the signature.
pub(super) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// What `type` must say, so that a text signed for another purpose is not taken for a signature of an image.
const TYPE: &str = "cosign container image signature";

#[derive(Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    #[serde(default)]
    optional: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// The text for `digest`; the name goes in without tag and digest, as cosign does it.
pub(super) fn write(name: &ImageName, digest: &Digest) -> Result<Vec<u8>, ImageError> {
    let payload = Payload {
        critical: Critical {
            identity: Identity {
                reference: name.without_reference(),
            },
            image: Image {
                digest: digest.to_string(),
            },
            kind: TYPE.to_owned(),
        },
        optional: None,
    };
    serde_json::to_vec(&payload).map_err(|error| ImageError::malformed("a signed text", error))
}

/// What a text is about; nothing if it is not a signature of an image at all.
pub(super) fn read(text: &[u8]) -> Option<Claim> {
    let payload: Payload = serde_json::from_slice(text).ok()?;
    (payload.critical.kind == TYPE).then_some(())?;
    Some(Claim {
        digests: vec![payload.critical.image.digest.parse().ok()?],
        repository: Some(payload.critical.identity.reference),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_cosign() {
        let name = "registry.plumbline.test/a/b:1".parse().unwrap();
        let digest = Digest::of(b"");
        let text = write(&name, &digest).unwrap();
        assert_eq!(
            String::from_utf8(text.clone()).unwrap(),
            format!(
                r#"{{"critical":{{"identity":{{"docker-reference":"registry.plumbline.test/a/b"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
            )
        );
        let claim = Claim {
            digests: vec![digest],
            repository: Some("registry.plumbline.test/a/b".to_owned()),
        };
        assert_eq!(read(&text), Some(claim));
    }

    #[test]
    fn a_text_for_another_purpose_is_not_accepted() {
        let text = write(&"ghcr.io/a/b".parse().unwrap(), &Digest::of(b"")).unwrap();
        let other = String::from_utf8(text)
            .unwrap()
            .replace(TYPE, "atomic container signature");
        assert_eq!(read(other.as_bytes()), None);
        assert_eq!(read(b"{}"), None);
    }
}
