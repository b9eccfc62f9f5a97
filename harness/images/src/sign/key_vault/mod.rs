//! Keys that stay in a key vault, as Azure's does it: the digest is sent there, and comes back signed.

mod connection;
mod login;
mod reference;
mod signer;

pub use connection::KeyVaultAccess;
pub use login::{AZURE_AUTHORITY, KeyVaultLogin};
pub use reference::KeyVaultKey;
pub use signer::KeyVaultSigner;
