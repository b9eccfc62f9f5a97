//! ECDSA P-256 public keys.

use crate::error::ImageError;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::{
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    pkcs8::{DecodePublicKey, EncodePublicKey, LineEnding},
};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The public half of a key that signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a key in PEM, as `cosign generate-key-pair` writes it.
    ///
    /// # Errors
    ///
    /// The text is not such a key, or one of another curve.
    pub fn from_pem(pem: &str) -> Result<Self, ImageError> {
        if pem.contains("PRIVATE KEY-----") {
            return Err(ImageError::Key {
                reason: "it is a private key; give its public half".to_owned(),
            });
        }
        match VerifyingKey::from_public_key_pem(pem.trim()) {
            Ok(key) => Ok(Self(key)),
            Err(error) => Err(ImageError::Key {
                reason: format!("not a P-256 public key in PEM: {error}"),
            }),
        }
    }

    /// The key in PEM, as Flux, Kyverno and `cosign verify --key` take it.
    ///
    /// # Errors
    ///
    /// The key can't be encoded, which does not happen for keys of this curve.
    pub fn pem(&self) -> Result<String, ImageError> {
        self.0
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| ImageError::Key {
                reason: error.to_string(),
            })
    }

    /// The key of these two coordinates of 32 bytes.
    pub(super) fn from_coordinates(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = [&[0x04], x, y].concat();
        let is_whole = x.len() == 32 && y.len() == 32;
        is_whole
            .then(|| VerifyingKey::from_sec1_bytes(&point).ok())
            .flatten()
            .map(Self)
    }

    /// By what a bundle names the key that belongs to it: the digest of the key in DER.
    pub(super) fn hint(&self) -> Result<String, ImageError> {
        let der = self.0.to_public_key_der().map_err(|error| ImageError::Key {
            reason: error.to_string(),
        })?;
        Ok(STANDARD.encode(Sha256::digest(der.as_bytes())))
    }

    /// Whether `signature`, in DER, is that of the key's owner over `message`.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl From<VerifyingKey> for PublicKey {
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.hint().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPair;

    #[test]
    fn a_key_survives_its_text_and_is_told_from_others() {
        let key = KeyPair::generate().public_key();
        let again = PublicKey::from_pem(&format!("\n{}\n", key.pem().unwrap())).unwrap();
        assert_eq!(again, key);
        assert_ne!(KeyPair::generate().public_key(), key);
        assert!(PublicKey::from_pem("no key").is_err());
    }

    #[test]
    fn coordinates_that_are_no_point_of_the_curve_are_no_key() {
        for (x, y) in [(&[0; 32][..], &[0; 32][..]), (&[1; 31], &[1; 33]), (&[], &[])] {
            assert!(PublicKey::from_coordinates(x, y).is_none(), "{x:?}");
        }
    }
}
