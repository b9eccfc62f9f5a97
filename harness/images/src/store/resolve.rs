//! From the name in a pod to the manifest and configuration for this platform.

use crate::{
    error::ImageError,
    manifest::{Descriptor, Manifest, Platform},
    name::{Digest, ImageName},
    patience::Patience,
    registry::Registry,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The platform of the embedded cluster.
const ARCHITECTURE: &str = "amd64";
const OPERATING_SYSTEM: &str = "linux";

/// An image as its registry has it at this moment.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The name that was resolved.
    pub name: ImageName,
    /// The digest behind the name: of the index if the image has one, else of the manifest.
    pub digest: Digest,
    /// The digest of the manifest for linux/amd64.
    pub manifest_digest: Digest,
    /// How its program runs.
    pub config: ImageConfig,
    pub(super) layers: Vec<Descriptor>,
}

impl Resolved {
    /// `registry/repository@digest`, as a container status shows it.
    #[must_use]
    pub fn image_id(&self) -> String {
        format!("{}@{}", self.name.without_reference(), self.digest)
    }

    /// The size of the compressed layers in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }
}

/// How the program of an image runs unless a pod says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments that a pod's `args` replace.
    pub command: Vec<String>,
    /// The environment, in order.
    pub environment: Vec<(String, String)>,
    /// The user, as `uid`, `uid:gid` or a name; empty means root.
    pub user: String,
    /// The working directory; empty means `/`.
    pub working_directory: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    config: Option<Runtime>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Runtime {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

impl ImageConfig {
    fn parse(image: &str, bytes: &[u8]) -> Result<Self, ImageError> {
        let configuration: Configuration = serde_json::from_slice(bytes)
            .map_err(|error| ImageError::malformed(format!("the configuration of {image}"), error))?;
        let runtime = configuration.config.unwrap_or_default();
        let environment =
            runtime
                .env
                .unwrap_or_default()
                .into_iter()
                .map(|variable| match variable.split_once('=') {
                    Some((name, value)) => (name.to_owned(), value.to_owned()),
                    None => (variable, String::new()),
                });
        Ok(Self {
            entrypoint: runtime.entrypoint.unwrap_or_default(),
            command: runtime.cmd.unwrap_or_default(),
            environment: environment.collect(),
            user: runtime.user.unwrap_or_default(),
            working_directory: runtime.working_dir.unwrap_or_default(),
            labels: runtime.labels.unwrap_or_default(),
        })
    }
}

pub(super) async fn resolve(name: &ImageName, registry: &Registry) -> Result<Resolved, ImageError> {
    let shown = name.to_string();
    let (repository, patience) = (name.repository(), Patience::SHORT);
    let top = registry.manifest(name, patience).await?;
    let digest = top.digest.clone();
    let manifest = match &top.children {
        Some(children) => {
            let child = choose(&shown, children)?.digest()?;
            registry
                .manifest_at(repository, &child.to_string(), patience)
                .await?
        }
        None => top,
    };
    if manifest.children.is_some() {
        return Err(ImageError::malformed(
            &shown,
            "its index has another index for linux/amd64",
        ));
    }
    let Manifest {
        config: Some(config),
        layers,
        digest: manifest_digest,
        ..
    } = manifest
    else {
        return Err(ImageError::malformed(
            &shown,
            "its manifest has no configuration, so it can't be run",
        ));
    };
    let bytes = registry.small_blob(repository, &config, patience).await?;
    let config = ImageConfig::parse(&shown, &bytes)?;
    Ok(Resolved {
        name: name.clone(),
        digest,
        manifest_digest,
        config,
        layers,
    })
}

fn choose<'a>(image: &str, children: &'a [Descriptor]) -> Result<&'a Descriptor, ImageError> {
    let fits = |platform: &Platform| platform.architecture == ARCHITECTURE && platform.os == OPERATING_SYSTEM;
    children
        .iter()
        .find(|child| child.platform.as_ref().is_some_and(fits))
        .ok_or_else(|| {
            let offered = children
                .iter()
                .filter_map(|child| child.platform.as_ref())
                .map(|platform| format!("{}/{}", platform.os, platform.architecture))
                .collect::<Vec<_>>();
            let offered = if offered.is_empty() {
                "none".to_owned()
            } else {
                offered.join(", ")
            };
            ImageError::NoPlatform {
                image: image.to_owned(),
                offered,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(os: &str, architecture: &str) -> Descriptor {
        let mut child = Descriptor::of("", architecture.as_bytes());
        child.platform = Some(Platform {
            architecture: architecture.into(),
            os: os.into(),
        });
        child
    }

    #[test]
    fn the_child_for_this_platform_is_chosen() {
        let children = [
            child("linux", "arm64"),
            child("windows", "amd64"),
            child("linux", "amd64"),
        ];
        assert_eq!(choose("a", &children).unwrap(), &children[2]);
        let error = choose("ghcr.io/a/b", &children[..2]).unwrap_err().to_string();
        assert_eq!(
            error,
            "ghcr.io/a/b has no image for linux/amd64; it offers: linux/arm64, windows/amd64"
        );
    }

    #[test]
    fn a_configuration_may_leave_everything_out() {
        for text in [
            "{}",
            r#"{"config":null}"#,
            r#"{"config":{"Env":null,"Entrypoint":null}}"#,
        ] {
            assert_eq!(
                ImageConfig::parse("a", text.as_bytes()).unwrap(),
                ImageConfig::default(),
                "{text}"
            );
        }
        let config = ImageConfig::parse("a", br#"{"config":{"Env":["A=b=c","D"]}}"#).unwrap();
        assert_eq!(
            config.environment,
            [("A".into(), "b=c".into()), ("D".into(), String::new())]
        );
    }
}
