//! Lists the images that the operator deploys.

use super::default_environment;
use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Lists the images of the operator and a version of Flux, as `plumbline images list` does, from the data of the operator that the environment
/// installs. Output: `entries` (`image`, `repository`, `tag`, `digest`; the operator's own first), `block` (as a pipeline takes them).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListImages {
    /// The version of Flux.
    pub flux: Located<String>,
    /// Whose operator's values.
    #[serde(default = "default_environment")]
    pub environment: Located<String>,
    /// The name under which later steps find the output.
    #[serde(rename = "as")]
    pub output: Located<String>,
}

impl ListImages {
    /// What later steps can read.
    pub const OUTPUT: &'static [&'static str] = &["entries", "block"];
}

impl fmt::Display for ListImages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "list the images of Flux {} in {}",
            self.flux, self.environment
        )
    }
}
