//! How the embedded cluster is set up: `clusters/embedded.yaml` of the project.

use crate::VerbError;
use plumbline_model::FaultClass;
use serde::Deserialize;
use std::{fs, io, path::Path};

/// What can be set about the embedded cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EmbeddedSettings {
    /// The node agent.
    pub node: NodeSettings,
}

/// What can be set about the node agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NodeSettings {
    /// Whether only signed images of the private registry run.
    pub verify_images: bool,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self { verify_images: true }
    }
}

impl EmbeddedSettings {
    /// Reads the file; a project without it has the defaults.
    ///
    /// # Errors
    /// The file cannot be read, or says something that cannot be set.
    pub fn read(path: &Path) -> Result<Self, VerbError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|why| wrong(path, &why)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(path, &error.to_string())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }
}

fn wrong(path: &Path, why: &str) -> VerbError {
    VerbError::fault(FaultClass::Environment, format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_verifies_unless_it_is_told_not_to() {
        for text in ["node: {}", "node: {verifyImages: true}"] {
            assert_eq!(
                EmbeddedSettings::parse(text),
                Ok(EmbeddedSettings::default()),
                "{text}"
            );
        }
        let off = EmbeddedSettings::parse("node: {verifyImages: false}").unwrap();
        assert!(!off.node.verify_images);
    }

    #[test]
    fn what_cannot_be_set_is_an_error_that_names_it() {
        let error = EmbeddedSettings::parse("node: {verifyImage: false}").unwrap_err();
        assert!(error.contains("verifyImage"), "{error}");
    }

    #[test]
    fn a_project_without_the_file_has_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let read = EmbeddedSettings::read(&folder.path().join("embedded.yaml")).unwrap();
        assert_eq!(read, EmbeddedSettings::default());
    }
}
