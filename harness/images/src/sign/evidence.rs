//! What a signature is, whichever form it is kept in: signed bytes, and what they say.

use crate::name::Digest;

/// Something that claims to be a signature of an image.
#[derive(Debug)]
pub(super) struct Evidence {
    /// The bytes that are signed.
    pub message: Vec<u8>,
    /// The signatures over them, in DER; any of them may be the one that counts.
    pub signatures: Vec<Vec<u8>>,
    /// What the bytes say; nothing if they are not about an image. To be believed only once a signature holds.
    pub claim: Option<Claim>,
}

/// What signed bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The digests that they are about; one of them is enough.
    pub digests: Vec<Digest>,
    /// The repository that they are about, with its registry, where they name one.
    pub repository: Option<String>,
}

/// Why something that stands where a signature should be is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The registry serves other bytes than those of the digest.
    Tampered(String),
    /// It cannot be read.
    Malformed(String),
}
