//! Verifies signatures in the private registry.

use super::images::ImageSelection;
use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Verifies the signatures of images in the private registry and says what must come out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Which images, by their upstream names or by their names in the private registry.
    pub images: ImageSelection,
    /// The only key that counts, named as in `sign`.
    #[serde(default)]
    pub key: Option<Located<String>>,
    /// The environment whose trusted keys count where no `key` is named: those of `trusted-keys.yaml`. Without both, those of `dev`.
    #[serde(default)]
    pub environment: Option<Located<String>>,
    /// Whether every child of an index must be signed as well.
    #[serde(default)]
    pub recursive: bool,
    /// Whether every blob is pulled as well, to see that it is what the manifest says.
    #[serde(default)]
    pub contents: bool,
    /// What must come out, for each of them.
    #[serde(default)]
    pub expect: Verification,
}

/// What a verification says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Signed by a key that counts, for this very digest and repository.
    #[default]
    Verified,
    /// No signature.
    Unsigned,
    /// Signed by other keys only.
    WrongKey,
    /// The key has signed something else, or the registry serves something else.
    Mismatch,
    /// Signed by a key that was revoked.
    Revoked,
    /// Signed by a key that does not count any more, or not yet.
    Expired,
    /// What stands for a signature is none.
    Malformed,
    /// The registry did not answer, so nobody knows.
    CannotTell,
    /// The registry has no such image.
    NotFound,
}

impl fmt::Display for Verification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Verified => "verified",
            Self::Unsigned => "unsigned",
            Self::WrongKey => "signed by another key only",
            Self::Mismatch => "not what was signed",
            Self::Revoked => "signed by a revoked key",
            Self::Expired => "signed by a key outside its time",
            Self::Malformed => "with a signature that is none",
            Self::CannotTell => "not to be told",
            Self::NotFound => "not in the registry",
        })
    }
}

impl fmt::Display for Verify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "verify {}", self.images)?;
        if let Some(key) = &self.key {
            write!(formatter, " by the key {key}")?;
        }
        if let Some(environment) = &self.environment {
            write!(formatter, " by the keys of {environment}")?;
        }
        write!(formatter, ": {}", self.expect)
    }
}
