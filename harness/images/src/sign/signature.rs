//! Signing: the signature of one key more beside an image, in either form. What others have attached stays.

use super::{
    attached::{Attached, Found},
    bundle::{self, BUNDLE},
    contest::Contest,
    evidence::Evidence,
    payload,
    public_key::PublicKey,
    signer::{Signer, sign_message},
};
use crate::{
    endpoint::Endpoints,
    error::ImageError,
    manifest::{CONFIG, Descriptor, MANIFEST, Manifest},
    name::{Digest, ImageName},
    patience::Patience,
    registry::{Referrers, Registry},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// cosign's own stand-in for a time, so that the same signature always gives the same bytes.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// What an artifact has for a configuration that needs none.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Where a signature is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureFormat {
    /// In the manifest under the tag that is made of the digest and `.sig`: every tool reads it.
    #[default]
    Tag,
    /// In a Sigstore bundle that refers to the image: what cosign 3 writes, and Flux looks for first.
    Bundle,
}

/// How an image is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignOptions {
    /// Where the signature is kept.
    pub format: SignatureFormat,
    /// Every child of an index is signed as well, before the index itself is.
    pub recursive: bool,
}

/// What signing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The digest that is signed: that of the index if the image is one.
    pub digest: Digest,
    /// How many signatures of this format the image has now, those of others included.
    pub signatures: usize,
    /// Whether this key had signed it before; then nothing was written.
    pub already: bool,
    /// The children that are signed too, where that was asked for.
    pub children: Vec<Digest>,
}

/// Signs `image`, and keeps the signatures of other keys.
///
/// A name with a tag only is resolved first; give a digest to sign exactly what was looked at.
///
/// # Errors
///
/// The image is not in its registry, the signer does not sign, or the registry does not take the signature.
pub async fn sign(
    image: &ImageName,
    signer: &dyn Signer,
    options: SignOptions,
    endpoints: &Endpoints,
) -> Result<Signed, ImageError> {
    let registry = endpoints.registry(image)?;
    let signing = Signing {
        registry: &registry,
        signer,
        key: signer.public_key().await?,
        options,
    };
    let manifest = registry.manifest(image, Patience::LONG).await?;
    signing.image(image, &manifest).await
}

struct Signing<'a> {
    registry: &'a Registry,
    signer: &'a dyn Signer,
    key: PublicKey,
    options: SignOptions,
}

impl Signing<'_> {
    fn image<'b>(
        &'b self,
        image: &'b ImageName,
        manifest: &'b Manifest,
    ) -> BoxFuture<'b, Result<Signed, ImageError>> {
        Box::pin(async move {
            let mut children = Vec::new();
            if self.options.recursive {
                for child in manifest.children.iter().flatten() {
                    let name = image.with_digest(child.digest()?);
                    let child = self.registry.manifest(&name, Patience::LONG).await?;
                    let signed = self.image(&name, &child).await?;
                    children.push(signed.digest);
                    children.extend(signed.children);
                }
            }
            let attached = Attached {
                registry: self.registry,
                repository: image.repository(),
                digest: &manifest.digest,
                patience: Patience::LONG,
            };
            let (signatures, already) = match self.options.format {
                SignatureFormat::Tag => self.under_tag(image, &attached).await?,
                SignatureFormat::Bundle => self.in_bundle(manifest, &attached).await?,
            };
            Ok(Signed {
                digest: manifest.digest.clone(),
                signatures,
                already,
                children,
            })
        })
    }

    /// Adds a layer to the manifest under the tag. Registries do not say whether a tag has changed since it was read, so two
    /// signers may overwrite each other: each looks again after a while, and adds its own again if it has gone.
    async fn under_tag(
        &self,
        image: &ImageName,
        attached: &Attached<'_>,
    ) -> Result<(usize, bool), ImageError> {
        let (repository, tag, patience) = (attached.repository, attached.tag(), attached.patience);
        let text = Bytes::from(payload::write(image, attached.digest)?);
        let mut layer = None;
        let mut contest = Contest::begin();
        loop {
            let manifest = self.registry.find_manifest(repository, &tag, patience).await?;
            let mut layers = existing_layers(manifest.as_ref())?;
            if self.is_among(manifest.as_ref(), &text, attached).await? {
                return Ok((layers.len(), layer.is_none()));
            }
            let Some(mine) = &layer else {
                layer = Some(self.signed_text(&text, attached).await?);
                // A signer elsewhere takes its time, in which others sign: what was read is not to be built upon.
                contest.begin_turn();
                continue;
            };
            layers.push(json!(mine));
            let configuration = Bytes::from(configuration(&layers).to_string());
            let configuration_blob = Descriptor::of(CONFIG, &configuration);
            self.registry
                .push_small_blob(repository, &configuration_blob, &configuration, patience)
                .await?;
            let manifest = json!({
                "config": configuration_blob,
                "layers": layers,
                "mediaType": MANIFEST,
                "schemaVersion": 2,
            });
            let manifest = Manifest::parse(&tag, manifest.to_string().into())?;
            self.registry
                .push_manifest(repository, &tag, &manifest, patience)
                .await?;
            contest.wait(image).await?;
        }
    }

    /// Signs the text and stores it; gives the layer that it is.
    async fn signed_text(&self, text: &Bytes, attached: &Attached<'_>) -> Result<Descriptor, ImageError> {
        let signature = sign_message(self.signer, &self.key, text).await?;
        let mut layer = Descriptor::of(payload::SIMPLE_SIGNING, text);
        let signature = (payload::SIGNATURE.to_owned(), STANDARD.encode(signature));
        layer.annotations.extend([signature]);
        self.registry
            .push_small_blob(attached.repository, &layer, text, attached.patience)
            .await?;
        Ok(layer)
    }

    /// Whether the manifest has a signature of the key over this very text: not every key signs the same text the same way twice.
    async fn is_among(
        &self,
        manifest: Option<&Manifest>,
        text: &Bytes,
        attached: &Attached<'_>,
    ) -> Result<bool, ImageError> {
        let digest = Digest::of(text).to_string();
        let layers = manifest.into_iter().flat_map(|manifest| &manifest.layers);
        for layer in layers.filter(|layer| layer.digest == digest) {
            if let Ok(evidence) = attached.signature(layer).await?
                && self.has_signed(&evidence)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_signed(&self, evidence: &Evidence) -> bool {
        let mut signatures = evidence.signatures.iter();
        signatures.any(|signature| self.key.has_signed(&evidence.message, signature))
    }

    /// Pushes a bundle that refers to the image. Where the registry keeps no list of what refers to an image, a tag does, and
    /// what was said of tags above holds.
    async fn in_bundle(
        &self,
        manifest: &Manifest,
        attached: &Attached<'_>,
    ) -> Result<(usize, bool), ImageError> {
        let (repository, patience) = (attached.repository, attached.patience);
        let is_mine = |found: &Found| {
            let mut evidence = found.iter().flatten();
            evidence.any(|evidence| {
                let claim = evidence.claim.as_ref();
                claim.is_some_and(|claim| claim.digests.contains(attached.digest))
                    && self.has_signed(evidence)
            })
        };
        let found = attached.bundles().await?;
        if is_mine(&found) {
            return Ok((found.len(), true));
        }
        let unsigned = bundle::Unsigned::about(attached.digest)?;
        let signature = sign_message(self.signer, &self.key, &unsigned.message()).await?;
        let text = Bytes::from(unsigned.signed(&self.key, &signature)?);
        let listed = self.push_bundle(manifest, attached, &text).await?;
        let mut contest = Contest::begin();
        loop {
            self.registry
                .ensure_referrers(repository, attached.digest, &listed, patience)
                .await?;
            contest.wait(&attached.digest.to_string()).await?;
            let found = attached.bundles().await?;
            if is_mine(&found) {
                return Ok((found.len(), false));
            }
        }
    }

    async fn push_bundle(
        &self,
        image: &Manifest,
        attached: &Attached<'_>,
        text: &Bytes,
    ) -> Result<Referrers, ImageError> {
        let (repository, patience) = (attached.repository, attached.patience);
        let empty = Bytes::from_static(b"{}");
        let (layer, configuration) = (Descriptor::of(BUNDLE, text), Descriptor::of(EMPTY, &empty));
        for (blob, content) in [(&layer, text), (&configuration, &empty)] {
            self.registry
                .push_small_blob(repository, blob, content, patience)
                .await?;
        }
        let annotations = json!({
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": bundle::SIGNED,
        });
        let manifest = json!({
            "annotations": annotations,
            "artifactType": BUNDLE,
            "config": configuration,
            "layers": [layer],
            "mediaType": MANIFEST,
            "schemaVersion": 2,
            "subject": Descriptor::new(&image.media_type, &image.digest, image.bytes.len() as u64),
        });
        let manifest = Manifest::parse("a bundle", manifest.to_string().into())?;
        let digest = manifest.digest.to_string();
        self.registry
            .push_manifest(repository, &digest, &manifest, patience)
            .await?;
        let entry = json!({
            "annotations": annotations,
            "artifactType": BUNDLE,
            "digest": digest,
            "mediaType": MANIFEST,
            "size": manifest.bytes.len(),
        });
        Ok(Referrers {
            entries: vec![entry],
            ..Referrers::default()
        })
    }
}

/// The layers as they are, with annotations that are not known here.
fn existing_layers(manifest: Option<&Manifest>) -> Result<Vec<Value>, ImageError> {
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
