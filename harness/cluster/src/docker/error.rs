//! Why the container engine did not do what was asked.

use super::tells_of_full_disk;
use plumbline_keeper::KeeperError;
use std::{path::PathBuf, time::Duration};

/// What the client says when nobody answers.
const NO_ENGINE: [&str; 3] = [
    "Cannot connect to the Docker daemon",
    "Is the docker daemon running",
    "error during connect",
];
/// What it says when it may not ask.
const NO_PERMISSION: &str = "permission denied while trying to connect";
/// What the engine says of what it does not hold, or not much longer.
const GONE: [&str; 3] = ["No such", "not found", "already in progress"];
/// What the engine says when somebody else listens where it was to listen: of another container, or of any program.
const PORT_TAKEN: [&str; 2] = ["port is already allocated", "address already in use"];

/// Something that the container engine, or its client, did not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerError {
    /// There is no client.
    #[error(
        "no `docker` on PATH: install a Docker engine, or run ci/docker-engine; `plumbline doctor` says what else is missing"
    )]
    NoClient,
    /// The client finds no engine.
    #[error("the Docker engine does not answer: start it, or run ci/docker-engine; docker said: {said}")]
    NoEngine {
        /// The client's words.
        said: String,
    },
    /// The engine's socket is not this user's.
    #[error(
        "this user may not use the Docker engine: add it to the group `docker` and log in again, or use another engine by DOCKER_HOST; docker said: {said}"
    )]
    NoPermission {
        /// The client's words.
        said: String,
    },
    /// There is too little room for what is to be done.
    #[error(
        "{root}, where the Docker engine keeps everything, has {free} MB free, and a run on kind needs {wanted} MB: make room \
         there (`docker system df` shows what takes it), or use another engine by DOCKER_HOST",
        root = .root.display()
    )]
    NoRoom {
        /// Where it keeps everything.
        root: PathBuf,
        /// What is free there, in megabytes.
        free: u64,
        /// What is needed, in megabytes.
        wanted: u64,
    },
    /// The disk became full.
    #[error("docker could not {what}, for a disk is full: make room and run again; docker said: {said}")]
    Full {
        /// What was asked: a verb and its object.
        what: String,
        /// The client's words.
        said: String,
    },
    /// Somebody else has the port that the engine took for free.
    #[error(
        "docker could not {what}, for another program has taken the port that was chosen: run again (`ss -ltnp` shows who \
         listens); docker said: {said}"
    )]
    PortTaken {
        /// What was asked: a verb and its object.
        what: String,
        /// The client's words.
        said: String,
    },
    /// It failed.
    #[error("docker could not {what}: {said}")]
    Failed {
        /// What was asked: a verb and its object.
        what: String,
        /// The client's words.
        said: String,
    },
    /// It did not answer.
    #[error("docker did not {what} within {} s: is the engine or the disk overloaded?", .within.as_secs())]
    Silent {
        /// What was asked: a verb and its object.
        what: String,
        /// How long it was given.
        within: Duration,
    },
    /// The client could not be run.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
}

impl DockerError {
    /// What the client's words mean.
    pub(crate) fn of(what: &str, said: &str) -> Self {
        let (what, said) = (what.to_owned(), said.trim().to_owned());
        let any = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
        if said.contains(NO_PERMISSION) {
            Self::NoPermission { said }
        } else if any(&NO_ENGINE) {
            Self::NoEngine { said }
        } else if tells_of_full_disk(&said) {
            Self::Full { what, said }
        } else if any(&PORT_TAKEN) {
            Self::PortTaken { what, said }
        } else {
            Self::Failed { what, said }
        }
    }

    /// Whether what was to be removed is not there, or is being removed by somebody else.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Failed { said, .. } => GONE.iter().any(|sign| said.contains(sign)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_is_understood() {
        let away = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n";
        assert!(matches!(DockerError::of("x", away), DockerError::NoEngine { .. }));
        let refused = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock";
        assert!(matches!(
            DockerError::of("x", refused),
            DockerError::NoPermission { .. }
        ));
        let other = DockerError::of("remove the network n", "Error: network n has active endpoints\n");
        assert_eq!(
            other.to_string(),
            "docker could not remove the network n: Error: network n has active endpoints"
        );
        assert!(!other.is_gone());
    }

    #[test]
    fn what_somebody_else_removes_is_gone() {
        for said in [
            "Error response from daemon: No such container: c",
            "Error response from daemon: network n not found",
            "Error response from daemon: removal of container c is already in progress",
        ] {
            assert!(DockerError::of("remove it", said).is_gone(), "{said}");
        }
    }
}
