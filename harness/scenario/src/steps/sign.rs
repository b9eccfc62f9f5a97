//! Signs images in the private registry.

use super::images::ImageSelection;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Signs images in the private registry by digest, with the environment's key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Which images, by their upstream names.
    pub images: ImageSelection,
}

impl fmt::Display for Sign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sign {}", self.images)
    }
}
