//! Verifies signatures in the private registry.

use super::images::ImageSelection;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Verifies the signatures of images in the private registry and says what must come out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Which images, by their upstream names.
    pub images: ImageSelection,
    /// What must come out, for each of them.
    #[serde(default)]
    pub expect: Verification,
}

/// What a verification says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Signed by the environment's key, for this very digest.
    #[default]
    Verified,
    /// No signature.
    Unsigned,
    /// Signed by another key only.
    WrongKey,
}

impl fmt::Display for Verify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = match self.expect {
            Verification::Verified => "verified",
            Verification::Unsigned => "unsigned",
            Verification::WrongKey => "signed by another key",
        };
        write!(formatter, "verify {}: {expected}", self.images)
    }
}
