//! A key vault: keys that sign and never leave it, behind a login by tokens. It speaks what Azure Key Vault and its token service
//! speak, as far as signing needs it.

mod answers;
mod keys;
mod server;
mod tokens;

pub use server::{KeyVault, KeyVaultOptions, KeyVaultRequest};
