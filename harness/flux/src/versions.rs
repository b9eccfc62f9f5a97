//! The versions under test, read from where the platform itself names them.

use crate::{
    Fixtures, VerbError,
    names::{GITOPS_REPOSITORY, MAIN_ENVIRONMENT},
};
use plumbline_model::FaultClass;
use plumbline_toolchain::Lock;
use serde_json::Value;

/// What the lock calls the programs of a release, before its version.
const RELEASE_SET: &str = "flux-";

/// The versions that the platform under test names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of Flux, as the FluxInstance names it: `2.9.2`.
    pub flux: String,
    /// Of the operator, as its values name it: `v0.59.0`.
    pub operator: String,
}

/// The programs of a release of Flux, by their names in the toolchain's lock.
///
/// # Errors
/// The lock does not have the release; it says which it has.
pub fn release_programs(lock: &Lock, version: &str) -> Result<Vec<String>, VerbError> {
    lock.sets.get(&format!("{RELEASE_SET}{version}")).cloned().ok_or_else(|| {
        let known: Vec<_> = lock
            .sets
            .keys()
            .filter_map(|set| set.strip_prefix(RELEASE_SET))
            .collect();
        VerbError::fault(
            FaultClass::Environment,
            format!(
                "clusters/toolchain.toml has no set `{RELEASE_SET}{version}`; it has the Flux releases: {}",
                known.join(", ")
            ),
        )
    })
}

/// Reads both versions from the fixture of `k8s-gitops`, as the main environment has them; an upgrade is tested by its own scenarios.
pub(crate) fn read(fixtures: &Fixtures) -> Result<Versions, VerbError> {
    let tree = fixtures.platform_repository(GITOPS_REPOSITORY)?;
    let text_at = |file: &str, pointer: &str| -> Result<String, VerbError> {
        let path = format!("clusters/{MAIN_ENVIRONMENT}/{file}");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_release_is_told_with_those_that_there_are() {
        let lock = "[go]\nrelease = \"1.27.4\"\nminimum = \"1.21.0\"\n\
            [sets]\n\"flux-2.9.0\" = [\"a@1\"]\ntools = [\"a@1\"]\n\
            [[program]]\nname = \"a@1\"\nversion = \"1\"\npath = { ask = [], pattern = \"{version}\" }\n";
        let lock = Lock::parse(lock, "lock").unwrap();
        assert_eq!(release_programs(&lock, "2.9.0").unwrap(), ["a@1"]);
        let Err(VerbError::Fault(fault)) = release_programs(&lock, "2.8.0") else {
            panic!("there is no such release");
        };
        assert!(
            fault
                .message
                .ends_with("no set `flux-2.8.0`; it has the Flux releases: 2.9.0"),
            "{}",
            fault.message
        );
    }
}
