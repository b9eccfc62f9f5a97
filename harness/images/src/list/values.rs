//! The Helm values of the operator's chart, as far as they name its image.

use super::ListError;
use serde::Deserialize;

/// What the Helm values of the operator's chart say about its image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OperatorValues {
    /// `image.repository`.
    pub repository: Option<String>,
    /// `image.tag`; without it, the chart's own version.
    pub tag: Option<String>,
}

impl OperatorValues {
    /// Reads a values file; what it says about other things is not looked at.
    ///
    /// # Errors
    ///
    /// It is not YAML, or its image is not a mapping of texts.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        #[derive(Deserialize)]
        struct Values {
            #[serde(default)]
            image: OperatorValues,
        }
        let values: Values =
            serde_saphyr::from_str(text).map_err(|error| ListError::Values(error.to_string()))?;
        Ok(values.image)
    }
}
