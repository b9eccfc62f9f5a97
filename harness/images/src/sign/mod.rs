//! cosign signatures with a static key and without a transparency log.
//!
//! The format is cosign's `.sig` tag: a manifest under a tag made from the digest of the image, whose layers are the
//! signed texts and whose annotations are the signatures. cosign 2 and 3, Flux and Kyverno read and write it.
//!
//! It is implemented here rather than through the sigstore crate: that crate answers with the same empty list to an
//! unsigned image and to a registry that fails, overwrites the signatures of others, and brings a second client and
//! an OpenID stack of 360 crates for it.

mod blob;
mod cosign_key;
mod key;
mod payload;
mod signature;
mod verification;

pub use blob::{is_blob_signed, sign_blob};
pub use key::KeyPair;
pub use signature::{Signed, sign};
pub use verification::{Verified, VerifyError, verify};
