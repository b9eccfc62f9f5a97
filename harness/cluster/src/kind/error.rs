//! Why a kind cluster is not there.

use crate::{docker::DockerError, kubernetes::KubernetesError};
use plumbline_keeper::KeeperError;
use plumbline_servers::ServerError;
use std::{io, path::PathBuf};

/// After this kind tells what a command said that failed.
const COMMAND_OUTPUT: &str = "Command Output:";

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
    /// Why kind did not create a cluster, by the end of what it said.
    pub(super) fn not_created(name: &str, said: String) -> Self {
        of_engine(&format!("create the kind cluster {name}"), &said).unwrap_or_else(|| Self::NotCreated {
            name: name.to_owned(),
            said,
        })
    }

    /// Why kind did not remove a cluster, by the end of what it said.
    pub(super) fn not_deleted(name: &str, said: String) -> Self {
        of_engine(&format!("remove the kind cluster {name}"), &said).unwrap_or_else(|| Self::NotDeleted {
            name: name.to_owned(),
            said,
        })
    }

    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// What the machine lacked, where kind tells what the engine's client said when it failed and that is clear.
fn of_engine(what: &str, said: &str) -> Option<KindError> {
    let (_, engine) = said.rsplit_once(COMMAND_OUTPUT)?;
    match DockerError::of(what, engine) {
        DockerError::Failed { .. } => None,
        error => Some(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(output: &str) -> KindError {
        let said = format!(
            " ✗ Preparing nodes\nERROR: failed to create cluster: command \"docker run --name a-control-plane\" failed with error: \
             exit status 125\nCommand Output: {output}"
        );
        KindError::not_created("a", said)
    }

    #[test]
    fn what_the_machine_lacks_is_told_as_that_and_without_kinds_own_words() {
        let taken = "docker: Error response from daemon: driver failed programming external connectivity on endpoint a: Error \
                     starting userland proxy: listen tcp4 127.0.0.1:32768: bind: address already in use.";
        let allocated =
            "docker: Error response from daemon: Bind for 127.0.0.1:32768 failed: port is already allocated.";
        for output in [taken, allocated] {
            assert_eq!(
                told(output).to_string(),
                format!(
                    "docker could not create the kind cluster a, for another program has taken the port that was chosen: run again \
                     (`ss -ltnp` shows who listens); docker said: {output}"
                )
            );
        }
        let full =
            "docker: Error response from daemon: mkdir /var/lib/docker/overlay2/1: no space left on device.";
        assert_eq!(
            told(full).to_string(),
            format!(
                "docker could not create the kind cluster a, for a disk is full: make room and run again; docker said: {full}"
            )
        );
    }

    #[test]
    fn an_engine_that_has_died_is_told_as_that() {
        let said = "ERROR: failed to delete cluster \"a\": error listing nodes: command \"docker ps -a\" failed with error: exit \
                    status 1\nCommand Output: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
        let error = KindError::not_deleted("a", said.to_owned());
        assert!(
            matches!(error, KindError::Docker(DockerError::NoEngine { .. })),
            "{error}"
        );
    }

    #[test]
    fn whatever_else_kind_says_is_told_whole() {
        let error = told("docker: Error response from daemon: something else");
        assert!(matches!(error, KindError::NotCreated { .. }), "{error}");
        assert!(error.to_string().contains("Preparing nodes"), "{error}");
        let timed_out = KindError::not_created("a", "it was not done after 240 s".to_owned());
        assert!(
            timed_out
                .to_string()
                .ends_with("the cluster a: it was not done after 240 s"),
            "{timed_out}"
        );
    }
}
