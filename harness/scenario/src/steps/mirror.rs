//! Mirrors images into the private registry.

use super::images::ImageSelection;
use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Mirrors images from upstream into the private registry, keeping every digest. Output: `images`, `copied`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// Which images.
    pub images: ImageSelection,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    pub output: Option<Located<String>>,
}

impl Mirror {
    /// What later steps can read: how many images were looked at, and how many blobs and manifests were copied.
    pub const OUTPUT: &'static [&'static str] = &["images", "copied"];
}

impl fmt::Display for Mirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "mirror {}", self.images)
    }
}
