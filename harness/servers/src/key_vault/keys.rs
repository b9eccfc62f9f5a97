//! The keys of a vault, each with its versions.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One version of a key.
pub(super) struct Version {
    pub(super) name: String,
    signing: SigningKey,
    pub(super) is_enabled: bool,
}

/// Every key, its versions oldest first.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<String, Vec<Version>>);

impl Keys {
    /// Adds a version, which is the newest from now on; gives its name.
    pub(super) fn add(&mut self, key: &str, signing: SigningKey) -> String {
        let name = hex::encode(rand::random::<[u8; 16]>());
        self.0.entry(key.to_owned()).or_default().push(Version {
            name: name.clone(),
            signing,
            is_enabled: true,
        });
        name
    }

    /// Lets no version of a key sign any more, or lets all sign again; whether there is such a key.
    pub(super) fn enable(&mut self, key: &str, is_enabled: bool) -> bool {
        let versions = self.0.get_mut(key);
        let known = versions.is_some();
        for version in versions.into_iter().flatten() {
            version.is_enabled = is_enabled;
        }
        known
    }

    /// A version of a key; without a name, the newest.
    pub(super) fn version(&self, key: &str, version: &str) -> Option<&Version> {
        let versions = self.0.get(key)?;
        match version {
            "" => versions.last(),
            name => versions.iter().find(|version| version.name == name),
        }
    }
}

impl Version {
    /// The public half, as a JSON Web Key that is called `identifier`.
    pub(super) fn public(&self, identifier: &str) -> Value {
        let point = self.signing.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<&p256::FieldBytes>| bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        json!({
            "kid": identifier,
            "kty": "EC",
            "crv": "P-256",
            "key_ops": ["sign", "verify"],
            "x": coordinate(point.x()),
            "y": coordinate(point.y()),
        })
    }

    /// The signature of what has this digest: both its numbers, one behind the other.
    pub(super) fn sign(&self, digest: &[u8]) -> Option<String> {
        let signature: Signature = self.signing.sign_prehash(digest).ok()?;
        Some(URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
