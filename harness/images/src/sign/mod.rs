//! cosign signatures with a static key and without a transparency log, in both forms that they are kept in.
//!
//! The older form is cosign's `.sig` tag: a manifest under a tag made from the digest of the image, whose layers are the signed texts
//! and whose annotations are the signatures. cosign 2 and 3, Flux and Kyverno read and write it. The newer one is a Sigstore bundle
//! that refers to the image. Whoever can sign is a [`Signer`]: a [`KeyPair`], or a key in a key vault. Which keys count, and when, is said by
//! [`TrustedKeys`].
//!
//! It is implemented here rather than through the sigstore crate: that crate answers with the same empty list to an
//! unsigned image and to a registry that fails, overwrites the signatures of others, makes no bundles with static keys, and brings a
//! second client and an OpenID stack of 360 crates for it.

mod attached;
mod blob;
mod bundle;
mod contest;
mod cosign_key;
mod evidence;
mod judgement;
mod key;
mod key_vault;
mod payload;
mod public_key;
mod signature;
mod signer;
mod trust;
mod verification;

pub use blob::{is_blob_signed, sign_blob};
pub use key::KeyPair;
pub use key_vault::{AZURE_AUTHORITY, KeyVaultAccess, KeyVaultKey, KeyVaultLogin, KeyVaultSigner};
pub use public_key::PublicKey;
pub use signature::{SignOptions, SignatureFormat, Signed, sign};
pub use signer::{MessageDigest, Signer};
pub use trust::{TrustedKey, TrustedKeys};
pub use verification::{Verified, VerifyError, VerifyOptions, verify};
