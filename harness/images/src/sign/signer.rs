//! Whoever can sign: a key that is here, or one that never leaves where it is kept.

use super::{key::KeyPair, public_key::PublicKey};
use crate::error::ImageError;
use futures::{FutureExt as _, future::BoxFuture};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The SHA-256 of what is to be signed.
pub type MessageDigest = [u8; 32];

/// Holds an ECDSA P-256 key, or knows who does.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public half of the key that [`Signer::sign`] signs with.
    fn public_key(&self) -> BoxFuture<'_, Result<PublicKey, ImageError>>;

    /// The signature of a message that has this digest, in DER.
    fn sign(&self, digest: MessageDigest) -> BoxFuture<'_, Result<Vec<u8>, ImageError>>;
}

impl Signer for KeyPair {
    fn public_key(&self) -> BoxFuture<'_, Result<PublicKey, ImageError>> {
        async { Ok(Self::public_key(self)) }.boxed()
    }

    fn sign(&self, digest: MessageDigest) -> BoxFuture<'_, Result<Vec<u8>, ImageError>> {
        async move { self.sign_digest(&digest) }.boxed()
    }
}

/// The signature of `message`, which holds: a signer elsewhere may have changed its key meanwhile.
pub(super) async fn sign_message(
    signer: &dyn Signer,
    key: &PublicKey,
    message: &[u8],
) -> Result<Vec<u8>, ImageError> {
    let signature = signer.sign(Sha256::digest(message).into()).await?;
    if key.has_signed(message, &signature) {
        Ok(signature)
    } else {
        Err(ImageError::Key {
            reason:
                "what it signs does not hold with its public key; was it changed at this moment? try again"
                    .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says that it has one key and signs with another.
    #[derive(Debug)]
    struct Liar(KeyPair, KeyPair);

    impl Signer for Liar {
        fn public_key(&self) -> BoxFuture<'_, Result<PublicKey, ImageError>> {
            Signer::public_key(&self.0)
        }

        fn sign(&self, digest: MessageDigest) -> BoxFuture<'_, Result<Vec<u8>, ImageError>> {
            Signer::sign(&self.1, digest)
        }
    }

    #[tokio::test]
    async fn what_does_not_hold_is_not_handed_out() {
        let key = KeyPair::generate();
        let public = key.public_key();
        let signature = sign_message(&key, &public, b"text").await.unwrap();
        assert!(public.has_signed(b"text", &signature));
        let liar = Liar(key, KeyPair::generate());
        assert!(sign_message(&liar, &public, b"text").await.is_err());
    }
}
