//! ECDSA P-256 key pairs.

use super::{cosign_key, public_key::PublicKey};
use crate::error::ImageError;
use p256::{
    SecretKey,
    ecdsa::{
        Signature, SigningKey,
        signature::{Signer, hazmat::PrehashSigner},
    },
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
};
use plumbline_model::Secret;
use rand::RngCore;
use std::fmt;

/// A key that signs, with its public half.
#[derive(Clone)]
pub struct KeyPair {
    signing: SigningKey,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyPair(***)")
    }
}

impl KeyPair {
    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        loop {
            let mut bytes = [0; 32];
            rand::rng().fill_bytes(&mut bytes);
            // All but one in 2^32 numbers are keys of this curve.
            if let Ok(key) = SecretKey::from_slice(&bytes) {
                return Self { signing: key.into() };
            }
        }
    }

    /// Reads a key in PKCS#8 PEM, which is not encrypted.
    ///
    /// # Errors
    ///
    /// The text is not such a key, or one of another curve.
    pub fn from_pkcs8_pem(pem: &Secret<String>) -> Result<Self, ImageError> {
        let key = SecretKey::from_pkcs8_pem(pem.reveal()).map_err(|error| ImageError::Key {
            reason: format!("not a P-256 key in PKCS#8 PEM: {error}"),
        })?;
        Ok(Self { signing: key.into() })
    }

    /// Reads a key as `cosign generate-key-pair` writes it, encrypted with a password.
    ///
    /// This takes about a tenth of a second on purpose: the format's key derivation is slow.
    ///
    /// # Errors
    ///
    /// The text is not such a key, or the password is wrong.
    pub fn from_cosign(pem: &Secret<String>, password: &Secret<String>) -> Result<Self, ImageError> {
        let der = cosign_key::decrypt(pem, password)?;
        let key = SecretKey::from_pkcs8_der(der.reveal()).map_err(|error| ImageError::Key {
            reason: format!("not a P-256 key: {error}"),
        })?;
        Ok(Self { signing: key.into() })
    }

    /// The private key as cosign writes it, encrypted with `password`.
    ///
    /// # Errors
    ///
    /// The key can't be encoded, which does not happen for keys of this curve.
    pub fn to_cosign(&self, password: &Secret<String>) -> Result<Secret<String>, ImageError> {
        let der = self.signing.to_pkcs8_der().map_err(|error| ImageError::Key {
            reason: error.to_string(),
        })?;
        cosign_key::encrypt(&Secret::new(der.as_bytes().to_vec()), password)
    }

    /// The private key in PKCS#8 PEM, not encrypted.
    ///
    /// # Errors
    ///
    /// The key can't be encoded, which does not happen for keys of this curve.
    pub fn private_pem(&self) -> Result<Secret<String>, ImageError> {
        self.signing
            .to_pkcs8_pem(LineEnding::LF)
            .map(|pem| Secret::new(pem.to_string()))
            .map_err(|error| ImageError::Key {
                reason: error.to_string(),
            })
    }

    /// The public key in PEM, as Flux, Kyverno and `cosign verify --key` take it.
    ///
    /// # Errors
    ///
    /// The key can't be encoded, which does not happen for keys of this curve.
    pub fn public_pem(&self) -> Result<String, ImageError> {
        self.public_key().pem()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        (*self.signing.verifying_key()).into()
    }

    /// Signs what has this SHA-256 digest, in DER; deterministic too.
    pub(super) fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, ImageError> {
        let signature: Signature = self
            .signing
            .sign_prehash(digest)
            .map_err(|error| ImageError::Key {
                reason: error.to_string(),
            })?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    /// Signs deterministically (RFC 6979): the same text always gets the same signature.
    pub(super) fn sign(&self, text: &[u8]) -> Signature {
        self.signing.sign(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_the_encryption_of_cosign() {
        let (key, password) = (KeyPair::generate(), Secret::new("correct horse".to_owned()));
        let pem = key.to_cosign(&password).unwrap();
        let read = KeyPair::from_cosign(&pem, &password).unwrap();
        assert_eq!(read.public_pem().unwrap(), key.public_pem().unwrap());
        assert!(KeyPair::from_cosign(&pem, &Secret::new("wrong".to_owned())).is_err());
    }

    #[test]
    fn a_key_survives_its_text() {
        let key = KeyPair::generate();
        let again = KeyPair::from_pkcs8_pem(&key.private_pem().unwrap()).unwrap();
        let signature = again.sign(b"text").to_der();
        assert!(key.public_key().has_signed(b"text", signature.as_bytes()));
        assert!(!key.public_key().has_signed(b"other", signature.as_bytes()));
    }

    #[test]
    fn two_keys_differ_and_neither_is_shown() {
        let (one, other) = (KeyPair::generate(), KeyPair::generate());
        assert_ne!(one.public_pem().unwrap(), other.public_pem().unwrap());
        assert_eq!(format!("{one:?}"), "KeyPair(***)");
    }
}
