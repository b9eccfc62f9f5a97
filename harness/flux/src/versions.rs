//! The versions under test, read from where the platform itself names them.

use crate::{Fixtures, VerbError, names::GITOPS_REPOSITORY};
use plumbline_model::FaultClass;
use serde_json::Value;

/// The environment whose files are read; an upgrade is tested by its own scenarios.
const ENVIRONMENT: &str = "dev";

/// The versions that the platform under test names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of Flux, as the FluxInstance names it: `2.9.2`.
    pub flux: String,
    /// Of the operator, as its values name it: `v0.59.0`.
    pub operator: String,
}

/// Reads both versions from the fixture of `k8s-gitops`.
pub(crate) fn read(fixtures: &Fixtures) -> Result<Versions, VerbError> {
    let tree = fixtures.platform_repository(GITOPS_REPOSITORY)?;
    let text_at = |file: &str, pointer: &str| -> Result<String, VerbError> {
        let path = format!("clusters/{ENVIRONMENT}/{file}");
        let missing = |why: String| {
            VerbError::fault(
                FaultClass::Environment,
                format!("fixtures/repos/{GITOPS_REPOSITORY}/{path}: {why}"),
            )
        };
        let content = tree
            .get(&path)
            .ok_or_else(|| missing("the file is missing".into()))?;
        let document: Value =
            serde_saphyr::from_slice(&content.content).map_err(|error| missing(error.to_string()))?;
        let text = document.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned)
            .ok_or_else(|| missing(format!("there is no text at {pointer}")))
    };
    Ok(Versions {
        flux: text_at("flux-instance.yaml", "/spec/distribution/version")?,
        operator: text_at("flux-operator-values.yaml", "/image/tag")?,
    })
}
