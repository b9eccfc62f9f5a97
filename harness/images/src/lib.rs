//! OCI client work: images are packed, mirrored between registries, signed, verified and extracted here.
//!
//! Registries are addressed by the stable names that appear in Git and in reports (`ghcr.io`,
//! `registry.plumbline.test`); [`Endpoints`] maps those names to the loopback addresses of one run, or, outside
//! of runs, takes every name for the address that it is ([`Access`] says how it is reached). Content is handled
//! as raw bytes throughout: nothing here ever re-serialises a manifest that it did not make itself, so digests are
//! those of the source.
//!
//! - [`pack`] makes deterministic images out of programs and folders;
//! - [`platform`] knows which images the Flux platform consists of;
//! - [`list`] tells which images an operator deploys for a release of Flux;
//! - [`mirror()`] copies an image, with everything attached to it, from one registry to another;
//! - [`scan`] knows trivy's command line and its report;
//! - [`sign`] makes and checks cosign signatures;
//! - [`ImageStore`] resolves references and extracts root file systems.

mod access;
mod endpoint;
mod error;
mod layout;
pub mod list;
mod manifest;
mod mirror;
mod name;
pub mod pack;
mod patience;
pub mod platform;
mod registry;
pub mod scan;
pub mod sign;
mod store;

pub use access::{Access, Logins};
pub use endpoint::{Credentials, Endpoint, Endpoints};
pub use error::ImageError;
pub use layout::push_layout;
pub use mirror::{Mirrored, mirror, mirror_all};
pub use name::{Digest, ImageName, NameError};
pub use pack::{FileSource, ImageFile, PackedImage, ProgramImage};
pub use platform::{FluxRelease, PlatformImageInputs, PlatformImages, VersionedProgram};
pub use sign::{
    KeyPair, KeyVaultAccess, KeyVaultKey, KeyVaultLogin, KeyVaultSigner, PublicKey, SignOptions,
    SignatureFormat, Signer, TrustedKey, TrustedKeys, Verified, VerifyError, VerifyOptions, is_blob_signed,
    sign_blob,
};
pub use store::{ImageConfig, ImageStore, Resolved};
