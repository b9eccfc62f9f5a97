//! What the images are called, and what they are made of.

use super::NodeImageError;
use crate::docker::{Docker, DockerError};
use plumbline_toolchain::Toolchain;
use std::path::{Path, PathBuf};

/// The programs that are in the node image, by themselves or in an image that it holds.
pub(super) const PROGRAMS: [&str; 12] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
    "kubeadm",
    "kubelet",
    "kube-proxy",
    "kube-scheduler",
    "coredns",
    "crictl",
    "pod-network",
    "pause",
];

/// The program whose version is that of the node.
const VERSIONED: &str = "kubelet";

/// The version of Debian's registry.
pub(super) const REGISTRY_VERSION: &str = "2.8.2";

/// The release of Debian that both images are of.
pub(super) const DEBIAN_RELEASE: &str = "bookworm";

/// The label that holds the digest of everything that an image is made of.
pub(super) const KEY_LABEL: &str = "plumbline.key";

/// Raised when this code makes other images of the same files.
const MANNER: u32 = 1;

/// What the images are called, and what they are made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub(super) folder: PathBuf,
    pub(super) version: String,
    node_key: String,
    registry_key: String,
}

impl Recipe {
    /// The recipe in `clusters/node/` of the folder `clusters`, for the version of Kubernetes of the toolchain's lock.
    ///
    /// # Errors
    /// If the lock lacks a program, or the folder cannot be read.
    pub fn of(toolchain: &Toolchain, clusters: &Path) -> Result<Self, NodeImageError> {
        let folder = clusters.join("node");
        let key_of = |programs: &[&str]| -> Result<String, NodeImageError> {
            let parts = toolchain.digest_of_parts(programs, &folder)?;
            Ok(format!("{MANNER}-{parts}"))
        };
        let version = toolchain.version(VERSIONED).unwrap_or_default().to_owned();
        Ok(Self {
            version,
            node_key: key_of(&PROGRAMS)?,
            // No program of ours is in it: it stays what it is for another version of Kubernetes.
            registry_key: key_of(&[])?,
            folder,
        })
    }

    /// The node image, by its name: `plumbline/node:v1.34.4`.
    #[must_use]
    pub fn node(&self) -> String {
        format!("plumbline/node:v{}", self.version)
    }

    /// The registry's image, by its name: `plumbline/registry:2.8.2`.
    #[must_use]
    pub fn registry(&self) -> String {
        format!("plumbline/registry:{REGISTRY_VERSION}")
    }

    /// The digest of everything that the node image is made of.
    pub(super) fn node_key(&self) -> &str {
        &self.node_key
    }

    /// The digest of everything that the registry's image is made of.
    pub(super) fn registry_key(&self) -> &str {
        &self.registry_key
    }

    /// Whether the engine has both images, made of just this.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub async fn is_built(&self, docker: &Docker) -> Result<bool, DockerError> {
        let format = format!("{{{{index .Config.Labels \"{KEY_LABEL}\"}}}}");
        let images = [self.node(), self.registry()];
        let question = ["image", "inspect", "--format", &format, &images[0], &images[1]];
        match docker.ask("look for the node image", question).await {
            Ok(keys) => Ok(keys.lines().eq([self.node_key.as_str(), &self.registry_key])),
            Err(DockerError::Failed { said, .. }) if said.contains("No such image") => Ok(false),
            Err(error) => Err(error),
        }
    }

    #[cfg(test)]
    pub(super) fn for_tests(version: &str) -> Self {
        Self {
            folder: "/clusters/node".into(),
            version: version.to_owned(),
            node_key: String::new(),
            registry_key: String::new(),
        }
    }
}
