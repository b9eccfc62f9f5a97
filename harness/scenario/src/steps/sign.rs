//! Signs images in the private registry.

use super::images::ImageSelection;
use crate::{Located, TextCondition};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Signs images in the private registry by digest, as `cosign sign` does without a transparency log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Which images, by their upstream names (which are mirrored first), or by their names in the private registry.
    pub images: ImageSelection,
    /// By which key: that of an environment, by its name; `azurekms://vault/key` for one that stays in a key vault; any other name
    /// is a key made for the run. Without it, the key of `dev`.
    #[serde(default)]
    pub key: Option<Located<String>>,
    /// Where the signature is kept.
    #[serde(default)]
    pub format: SignatureFormat,
    /// Whether every child of an index is signed as well, as `cosign sign --recursive` does.
    #[serde(default)]
    pub recursive: bool,
    /// That the key must refuse to sign, and in which words.
    #[serde(default)]
    pub denied: Option<Located<TextCondition>>,
}

/// Where a signature is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFormat {
    /// Under a tag that is made of the digest and `.sig`.
    #[default]
    Signature,
    /// In a Sigstore bundle that refers to the image.
    Bundle,
}

impl fmt::Display for Sign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sign {}", self.images)?;
        if self.recursive {
            formatter.write_str(" and their children")?;
        }
        if let Some(key) = &self.key {
            write!(formatter, " by the key {key}")?;
        }
        if self.format == SignatureFormat::Bundle {
            formatter.write_str(" in a bundle")?;
        }
        match &self.denied {
            Some(denied) => write!(formatter, ", which must be refused: {}", denied.value),
            None => Ok(()),
        }
    }
}
