//! Signing: a layer more in the manifest under the `.sig` tag.

use super::{key::KeyPair, payload};
use crate::{
    endpoint::Endpoints,
    error::ImageError,
    manifest::{CONFIG, Descriptor, MANIFEST, Manifest},
    name::{Digest, ImageName},
    patience::Patience,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

/// cosign's own stand-in for a time, so that the same signature always gives the same bytes.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// What signing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The digest that is signed: that of the index if the image is one.
    pub digest: Digest,
    /// How many signatures the image has now, those of others included.
    pub signatures: usize,
    /// Whether this key had signed it before; then nothing was written.
    pub already: bool,
}

/// Signs `image` with `key`, and keeps the signatures of other keys.
///
/// A name with a tag only is resolved first; give a digest to sign exactly what was looked at.
///
/// # Errors
///
/// The image is not in its registry, or the registry does not take the signature.
pub async fn sign(image: &ImageName, key: &KeyPair, endpoints: &Endpoints) -> Result<Signed, ImageError> {
    let registry = endpoints.registry(image)?;
    let (repository, patience) = (image.repository(), Patience::LONG);
    let digest = registry.manifest(image, patience).await?.digest;
    let tag = digest.tag(".sig");

    let text = Bytes::from(payload::write(image, &digest)?);
    let mut layer = Descriptor::of(payload::SIMPLE_SIGNING, &text);
    let signature = STANDARD.encode(key.sign(&text).to_der());
    layer.annotations.insert(payload::SIGNATURE.to_owned(), signature);

    let mut layers = existing_layers(registry.find_manifest(repository, &tag, patience).await?)?;
    let layer_value = json!(layer);
    // The signature is deterministic, so an earlier one of the same key is equal.
    let already = layers.iter().any(|known| {
        known["digest"] == layer_value["digest"] && known["annotations"] == layer_value["annotations"]
    });
    if already {
        return Ok(Signed {
            digest,
            signatures: layers.len(),
            already,
        });
    }
    layers.push(layer_value);

    let configuration = Bytes::from(configuration(&layers).to_string());
    let configuration_blob = Descriptor::of(CONFIG, &configuration);
    registry
        .push_small_blob(repository, &layer, &text, patience)
        .await?;
    registry
        .push_small_blob(repository, &configuration_blob, &configuration, patience)
        .await?;
    let signatures = layers.len();
    let manifest = json!({
        "config": configuration_blob,
        "layers": layers,
        "mediaType": MANIFEST,
        "schemaVersion": 2,
    });
    let manifest = Manifest::parse(&tag, manifest.to_string().into())?;
    registry
        .push_manifest(repository, &tag, &manifest, patience)
        .await?;
    Ok(Signed {
        digest,
        signatures,
        already,
    })
}

/// The layers as they are, with annotations that are not known here.
fn existing_layers(manifest: Option<Manifest>) -> Result<Vec<Value>, ImageError> {
    let Some(manifest) = manifest else {
        return Ok(Vec::new());
    };
    let malformed = |reason: &str| ImageError::malformed("the manifest of the signatures", reason);
    let mut value: Value =
        serde_json::from_slice(&manifest.bytes).map_err(|error| malformed(&error.to_string()))?;
    match value["layers"].take() {
        Value::Array(layers) => Ok(layers),
        _ => Err(malformed("it has no layers")),
    }
}

/// The configuration that cosign gives such a manifest: one that lists the texts as layers of an empty image.
fn configuration(layers: &[Value]) -> Value {
    let digests = layers.iter().map(|layer| &layer["digest"]).collect::<Vec<_>>();
    json!({
        "architecture": "",
        "created": NO_TIME,
        "history": layers.iter().map(|_| json!({"created": NO_TIME})).collect::<Vec<_>>(),
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": digests},
        "config": {},
    })
}
