//! The versions under test, read from where the platform itself names them.

use crate::{
    Fixtures, VerbError,
    names::{GITOPS_REPOSITORY, MAIN_ENVIRONMENT, instance_file},
    release::components_of,
};
use plumbline_model::FaultClass;
use plumbline_toolchain::Lock;
use serde_json::Value;

/// What the lock calls Flux, before the version of a release.
pub const FLUX: &str = "flux";

/// The versions that the platform under test names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of Flux, as the FluxInstance names it: `2.9.2`.
    pub flux: String,
    /// The components of Flux that the FluxInstance names.
    pub components: Vec<String>,
    /// Of the operator, as its values name it: `v0.59.0`.
    pub operator: String,
}

/// The programs of a release of Flux, by their names in the toolchain's lock.
///
/// # Errors
/// The lock does not have the release; it says which it has.
pub fn release_programs(lock: &Lock, version: &str) -> Result<Vec<String>, VerbError> {
    let programs = lock.programs_of(FLUX, version);
    programs
        .map(<[_]>::to_vec)
        .map_err(|error| VerbError::fault(FaultClass::Environment, error.to_string()))
}

/// Reads both versions from the fixture of `k8s-gitops`, as the main environment has them; an upgrade is tested by its own scenarios.
pub(crate) fn read(fixtures: &Fixtures) -> Result<Versions, VerbError> {
    let tree = fixtures.platform_repository(GITOPS_REPOSITORY)?;
    let wrong = |path: &str, why: String| {
        VerbError::fault(
            FaultClass::Environment,
            format!("fixtures/repos/{GITOPS_REPOSITORY}/{path}: {why}"),
        )
    };
    let document = |path: &str| -> Result<Value, VerbError> {
        let file = tree
            .get(path)
            .ok_or_else(|| wrong(path, "the file is missing".into()))?;
        serde_saphyr::from_slice(&file.content).map_err(|error| wrong(path, error.to_string()))
    };
    let text_in = |path: &str, pointer: &str| -> Result<String, VerbError> {
        let document = document(path)?;
        let text = document.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned)
            .ok_or_else(|| wrong(path, format!("there is no text at {pointer}")))
    };
    let instance = instance_file(MAIN_ENVIRONMENT);
    let operator = format!("clusters/{MAIN_ENVIRONMENT}/flux-operator-values.yaml");
    Ok(Versions {
        flux: text_in(&instance, "/spec/distribution/version")?,
        components: components_of(&document(&instance)?),
        operator: text_in(&operator, "/image/tag")?,
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
                .ends_with("no set `flux-2.8.0`; of flux it has: 2.9.0"),
            "{}",
            fault.message
        );
    }
}
