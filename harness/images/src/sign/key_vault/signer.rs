//! Signing with a key that stays in its vault.

use super::{
    connection::{Connection, KeyVaultAccess},
    reference::KeyVaultKey,
};
use crate::{
    error::ImageError,
    sign::{
        public_key::PublicKey,
        signer::{MessageDigest, Signer},
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{FutureExt as _, future::BoxFuture};
use p256::ecdsa::Signature;
use reqwest::Method;
use serde_json::json;
use std::fmt;
use tokio::sync::OnceCell;

/// The vault's word for ECDSA on P-256 over SHA-256.
const ALGORITHM: &str = "ES256";

/// Signs with a key of a vault. The version that is the newest at the first question stays the one that signs, so that signatures and
/// public key belong together.
pub struct KeyVaultSigner {
    key: KeyVaultKey,
    connection: Connection,
    version: OnceCell<Version>,
}

struct Version {
    name: String,
    public: PublicKey,
}

impl fmt::Debug for KeyVaultSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyVaultSigner({})", self.key)
    }
}

impl KeyVaultSigner {
    /// Whoever signs with this key; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The vault or the login is at no address that a secret may be sent to, or the certificate authorities can't be read.
    pub fn new(key: KeyVaultKey, access: &KeyVaultAccess) -> Result<Self, ImageError> {
        let url = access.url.clone().unwrap_or_else(|| key.url());
        Ok(Self {
            connection: Connection::new(key.to_string(), &url, access)?,
            key,
            version: OnceCell::new(),
        })
    }

    async fn version(&self) -> Result<&Version, ImageError> {
        self.version.get_or_try_init(|| self.find()).await
    }

    async fn find(&self) -> Result<Version, ImageError> {
        let path = match self.key.version() {
            Some(version) => format!("{}/{version}", self.key.name()),
            None => self.key.name().to_owned(),
        };
        let found = self.connection.ask(Method::GET, &path, None).await?;
        let key = &found["key"];
        let is_usable = matches!(key["kty"].as_str(), Some("EC" | "EC-HSM")) && key["crv"] == "P-256";
        let coordinate = |name: &str| {
            key[name]
                .as_str()
                .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        };
        let public = match (is_usable, coordinate("x"), coordinate("y")) {
            (true, Some(x), Some(y)) => PublicKey::from_coordinates(&x, &y),
            _ => None,
        };
        let identifier = key["kid"].as_str().unwrap_or_default();
        let name = identifier.rsplit('/').next().filter(|name| !name.is_empty());
        match (public, name) {
            (Some(public), Some(name)) => Ok(Version {
                name: name.to_owned(),
                public,
            }),
            _ => Err(self.unusable("it is not a key on the curve P-256, and no other can be used here")),
        }
    }

    async fn signature(&self, digest: MessageDigest) -> Result<Vec<u8>, ImageError> {
        let version = self.version().await?;
        let path = format!("{}/{}/sign", self.key.name(), version.name);
        let body = json!({"alg": ALGORITHM, "value": URL_SAFE_NO_PAD.encode(digest)});
        let signed = self.connection.ask(Method::POST, &path, Some(&body)).await?;
        // Both numbers of the signature, one behind the other.
        let signature = signed["value"]
            .as_str()
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|numbers| Signature::from_slice(&numbers).ok());
        match signature {
            Some(signature) => Ok(signature.to_der().as_bytes().to_vec()),
            None => Err(self.unusable("the vault answers with something that is no signature")),
        }
    }

    fn unusable(&self, detail: &str) -> ImageError {
        ImageError::KeyRefused {
            key: self.key.to_string(),
            detail: detail.to_owned(),
        }
    }
}

impl Signer for KeyVaultSigner {
    fn public_key(&self) -> BoxFuture<'_, Result<PublicKey, ImageError>> {
        async { Ok(self.version().await?.public) }.boxed()
    }

    fn sign(&self, digest: MessageDigest) -> BoxFuture<'_, Result<Vec<u8>, ImageError>> {
        self.signature(digest).boxed()
    }
}
