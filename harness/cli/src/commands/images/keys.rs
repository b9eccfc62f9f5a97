//! From `--key` to a key that signs, or to keys that count.

use super::{
    access::read,
    arguments::{Registries, Vault},
};
use crate::{commands::CommandError, directories::text_variable, signature::private_key};
use plumbline_images::{
    KeyVaultAccess, KeyVaultKey, KeyVaultLogin, KeyVaultSigner, PublicKey, Signer, TrustedKey, TrustedKeys,
    sign::AZURE_AUTHORITY,
};
use plumbline_model::Secret;
use std::path::Path;

/// Who signs.
pub(super) fn signer(
    key: &str,
    vault: &Vault,
    registries: &Registries,
) -> Result<Box<dyn Signer>, CommandError> {
    if KeyVaultKey::is_meant(key) {
        return Ok(Box::new(vault_signer(key, vault, registries)?));
    }
    Ok(Box::new(private_key(Path::new(key))?))
}

/// The keys that count, each by the name that it was given.
pub(super) async fn trusted(
    keys: &[String],
    vault: &Vault,
    registries: &Registries,
) -> Result<TrustedKeys, CommandError> {
    let mut trusted = Vec::new();
    for name in keys {
        let key = if KeyVaultKey::is_meant(name) {
            vault_signer(name, vault, registries)?.public_key().await?
        } else {
            PublicKey::from_pem(&read(Path::new(name))?)
                .map_err(|error| CommandError::Usage(format!("{name}: {error}")))?
        };
        trusted.push(TrustedKey::new(name, key));
    }
    Ok(trusted.into_iter().collect())
}

fn vault_signer(key: &str, vault: &Vault, registries: &Registries) -> Result<KeyVaultSigner, CommandError> {
    let key: KeyVaultKey = key.parse()?;
    let needed = |name: &str| {
        text_variable(name).ok_or_else(|| {
            CommandError::Usage(format!("{key} is in a key vault: set {name}, who logs in there"))
        })
    };
    let login = KeyVaultLogin {
        client: needed("AZURE_CLIENT_ID")?,
        secret: Secret::new(needed("AZURE_CLIENT_SECRET")?),
        tenant: text_variable("AZURE_TENANT_ID"),
        authority: text_variable("AZURE_AUTHORITY_HOST").unwrap_or_else(|| AZURE_AUTHORITY.to_owned()),
    };
    let access = KeyVaultAccess {
        url: vault.vault_url.clone(),
        tls_ca_pem: registries.ca_file.as_deref().map(read).transpose()?,
        login,
    };
    Ok(KeyVaultSigner::new(key, &access)?)
}
