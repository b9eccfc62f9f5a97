//! Removing what the engine holds. What somebody else has removed, or is removing, counts as removed.

use super::{Docker, DockerError};
use plumbline_keeper::Command;

/// How something that the engine holds is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    /// A verb with its object, for errors.
    what: String,
    arguments: Vec<String>,
}

impl Removal {
    /// Of a container, which may be running, with its volumes.
    pub(crate) fn of_container(name: &str) -> Self {
        Self {
            what: format!("remove the container {name}"),
            arguments: ["rm", "--force", "--volumes", name].map(str::to_owned).into(),
        }
    }

    /// Of a network, which nothing may be in any more.
    pub(crate) fn of_network(name: &str) -> Self {
        Self {
            what: format!("remove the network {name}"),
            arguments: ["network", "rm", name].map(str::to_owned).into(),
        }
    }

    /// Of images, each of which may be there or not.
    pub(crate) fn of_images(names: &[&str]) -> Self {
        let arguments = ["image", "rm", "--force"].iter().chain(names);
        Self {
            what: format!("remove the images {}", names.join(", ")),
            arguments: arguments.map(|&argument| argument.to_owned()).collect(),
        }
    }

    /// The command that does it, for a will.
    pub(crate) fn command(&self, docker: &Docker) -> Command {
        docker.command(&self.arguments)
    }

    /// Has it done: `false` if it was not we who removed it.
    ///
    /// # Errors
    /// It is still there.
    pub(crate) async fn perform(&self, docker: &Docker) -> Result<bool, DockerError> {
        match docker.ask(&self.what, &self.arguments).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
