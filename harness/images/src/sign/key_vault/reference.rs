//! How a key in a vault is named.

use crate::error::ImageError;
use std::{fmt, str::FromStr};

/// What the name begins with; cosign's word for it.
const SCHEME: &str = "azurekms://";

/// Where a vault is whose name is no host.
const DOMAIN: &str = "vault.azure.net";

/// A key in a vault: `azurekms://<vault>/<key>`, with `/<version>` behind it for one that is not the newest. The vault is named
/// by its host, as cosign does, or by the part of it that is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVaultKey {
    vault: String,
    name: String,
    version: Option<String>,
}

impl KeyVaultKey {
    /// Whether `text` means a key in a vault, well-formed or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The vault, as it is named.
    #[must_use]
    pub fn vault(&self) -> &str {
        &self.vault
    }

    /// The key's name in its vault.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version; without one, the newest is meant.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Where the vault is, unless one is told otherwise.
    pub(super) fn url(&self) -> String {
        if self.vault.contains('.') {
            format!("https://{}", self.vault)
        } else {
            format!("https://{}.{DOMAIN}", self.vault)
        }
    }
}

impl fmt::Display for KeyVaultKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}/{}", self.vault, self.name)?;
        match &self.version {
            Some(version) => write!(formatter, "/{version}"),
            None => Ok(()),
        }
    }
}

impl FromStr for KeyVaultKey {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let is_name = |part: &&str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_host = |part: &&str| part.split('.').all(|label| is_name(&label));
        let parts: Vec<_> = text.strip_prefix(SCHEME).unwrap_or_default().split('/').collect();
        match parts[..] {
            [vault, name, ref version @ ..]
                if is_host(&vault) && is_name(&name) && version.len() < 2 && version.iter().all(is_name) =>
            {
                Ok(Self {
                    vault: vault.to_owned(),
                    name: name.to_owned(),
                    version: version.first().map(|version| (*version).to_owned()),
                })
            }
            _ => Err(ImageError::Key {
                reason: format!(
                    "`{text}` names no key in a vault; write it as {SCHEME}<vault>/<key>[/<version>]"
                ),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_vault_is_named_by_its_host_or_by_a_part_of_it() {
        for (text, url, version) in [
            (
                "azurekms://plumbline/dev",
                "https://plumbline.vault.azure.net",
                None,
            ),
            (
                "azurekms://plumbline.vault.azure.net/dev/0a1b",
                "https://plumbline.vault.azure.net",
                Some("0a1b"),
            ),
            (
                "azurekms://v.vault.azure.cn/dev",
                "https://v.vault.azure.cn",
                None,
            ),
        ] {
            let key: KeyVaultKey = text.parse().unwrap();
            assert_eq!(
                (
                    key.url().as_str(),
                    key.name(),
                    key.version(),
                    key.to_string().as_str()
                ),
                (url, "dev", version, text)
            );
        }
        for text in [
            "",
            "dev",
            "azurekms://",
            "azurekms://plumbline",
            "azurekms://plumbline/",
            "azurekms:///dev",
            "azurekms://a/b/c/d",
            "azurekms://a/b/",
            "azurekms://a@evil/b",
            "azurekms://evil#/b",
            "azurekms://a/b?c",
            "azurekms://a:1/b",
            "azurekms://a..b/c",
        ] {
            assert!(text.parse::<KeyVaultKey>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(text in "(azurekms://)?[a-z./@:-]{0,20}") {
            if let Ok(key) = text.parse::<KeyVaultKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
