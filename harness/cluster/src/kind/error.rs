//! Why a kind cluster is not there.

use crate::{docker::DockerError, kubernetes::KubernetesError};
use plumbline_keeper::KeeperError;
use plumbline_servers::ServerError;
use std::{io, path::PathBuf};

/// A cluster, or what it needs, that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KindError {
    /// The container engine did not do its part.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// There is no image for nodes.
    #[error(
        "the engine has no image {image}: build it with `plumbline node-image build`, or name another in clusters/kind.yaml"
    )]
    NoImage {
        /// The image's name.
        image: String,
    },
    /// There is no image for registries.
    #[error(
        "the engine has no image {image} for registries: pull it, build plumbline's by `plumbline node-image build`, or take `registry` out of clusters/kind.yaml, so that plumbline's own server is used"
    )]
    NoRegistryImage {
        /// The image's name.
        image: String,
    },
    /// A registry does not run.
    #[error(
        "the registry container {container} {why}; is its image, `registry` in clusters/kind.yaml, that of a registry? the end of what it said: {said}"
    )]
    Registry {
        /// The container's name.
        container: String,
        /// What is wrong with it, or with its image.
        why: String,
        /// The end of its log.
        said: String,
    },
    /// The login of a registry could not be made.
    #[error("cannot make the login of a registry container")]
    Login(#[source] bcrypt::BcryptError),
    /// The image for nodes cannot be used.
    #[error("the image {image} cannot be a node here: {why}")]
    UnusableImage {
        /// The image's name.
        image: String,
        /// What is wrong with it.
        why: String,
    },
    /// A cluster of that name is there, and is not ours.
    #[error(
        "there is a kind cluster {name} already, which this run has not made; remove it with `kind delete cluster --name {name}`"
    )]
    Taken {
        /// The name.
        name: String,
    },
    /// kind did not make the cluster.
    #[error("kind did not create the cluster {name}: {said}")]
    NotCreated {
        /// The cluster's name.
        name: String,
        /// The end of what kind said.
        said: String,
    },
    /// kind did not remove the cluster.
    #[error("kind did not delete the cluster {name}: {said}")]
    NotDeleted {
        /// The cluster's name.
        name: String,
        /// What kind said.
        said: String,
    },
    /// kind wrote a kubeconfig that leads nowhere.
    #[error("the kubeconfig that kind wrote to {} is unusable: {why}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file of the cluster could not be written.
    #[error("cannot write {}; check that the disk has room", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A server of the run did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The API server did not do its part.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
    /// A program could not be started.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
}

impl KindError {
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
