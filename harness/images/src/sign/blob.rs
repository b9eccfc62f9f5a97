//! Signatures of files: what `cosign sign-blob` writes and `cosign verify-blob` reads with a static key and without a transparency
//! log, the base64 text of an ECDSA signature in DER over the SHA-256 of the file.

use super::{key::KeyPair, public_key::PublicKey};
use crate::error::ImageError;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Signs the content of a file; the same content always gets the same signature.
#[must_use]
pub fn sign_blob(key: &KeyPair, content: &[u8]) -> String {
    STANDARD.encode(key.sign(content).to_der().as_bytes())
}

/// Whether `signature` is that of the key's owner over exactly this content. What is no signature at all is not.
///
/// # Errors
/// The key is not a P-256 public key in PEM.
pub fn is_blob_signed(public_pem: &str, content: &[u8], signature: &str) -> Result<bool, ImageError> {
    let key = PublicKey::from_pem(public_pem)?;
    let signature = STANDARD.decode(signature.trim());
    Ok(signature.is_ok_and(|der| key.has_signed(content, &der)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_content_that_was_signed_is_signed_and_only_by_its_key() {
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let public = key.public_pem().unwrap();
        let signature = sign_blob(&key, b"report");
        assert!(is_blob_signed(&public, b"report", &format!("{signature}\n")).unwrap());
        assert!(!is_blob_signed(&public, b"report ", &signature).unwrap());
        assert!(!is_blob_signed(&other.public_pem().unwrap(), b"report", &signature).unwrap());
        for nothing in ["", "AAAA", "no base64!"] {
            assert!(!is_blob_signed(&public, b"report", nothing).unwrap(), "{nothing}");
        }
        assert!(is_blob_signed("no key", b"report", &signature).is_err());
    }
}
