//! Breaking parts of the platform on purpose, and mending them.

use crate::{Platform, VerbError, chain};
use plumbline_servers::{
    Availability,
    registry::{Alteration, RepositoryPart},
};

/// A server of the run that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakableServer {
    /// The Git server.
    Git,
    /// The private registry.
    Registry,
    /// The webhook sink.
    WebhookSink,
}

impl Platform {
    /// Changes how a server answers from now on, to every cluster and also on connections that stand.
    pub fn set_availability(&self, server: BreakableServer, availability: Availability) {
        let services = self.services();
        match server {
            BreakableServer::Git => services.git.set_availability(availability),
            BreakableServer::Registry => services.private.set_availability(availability),
            BreakableServer::WebhookSink => services.sink.set_availability(availability),
        }
    }

    /// Changes how the private registry answers requests for one repository from now on, or for a part of it.
    pub fn set_repository_availability(
        &self,
        repository: &str,
        part: RepositoryPart,
        availability: Availability,
    ) {
        let registry = &self.services().private;
        registry.set_repository_availability(repository, part, availability);
    }

    /// Has the private registry serve other content where that of a digest is asked for; or, where digests are those of images
    /// whose first layers are meant, where that layer is.
    ///
    /// # Errors
    /// The repository has no such content.
    pub async fn alter_content(
        &self,
        repository: &str,
        digest: &str,
        is_layer: bool,
        alteration: Alteration,
    ) -> Result<(), VerbError> {
        let registry = &self.services().private;
        let content = async |digest: &str| match is_layer {
            true => registry.first_layer(repository, digest).await,
            false => Ok(digest.to_owned()),
        };
        let alter = async {
            let alteration = match alteration {
                Alteration::ContentOf(other) => Alteration::ContentOf(content(&other).await?),
                other => other,
            };
            registry
                .alter(repository, &content(digest).await?, alteration)
                .await
        };
        alter.await.map_err(|error| VerbError::unmet(chain(&error)))
    }

    /// Undoes every fault of one repository of the private registry.
    pub fn mend_repository(&self, repository: &str) {
        self.services().private.mend(repository);
    }

    /// Ends a controller's process as a crash would; its pod starts it again.
    ///
    /// # Errors
    /// No process of that name runs.
    pub async fn kill(&self, controller: &str) -> Result<(), VerbError> {
        match self.nodes().kill(controller).await? {
            0 => Err(VerbError::unmet(format!(
                "no process of {controller} runs that could be killed"
            ))),
            _ => Ok(()),
        }
    }

    /// Undoes every fault: each server answers as it should.
    pub fn mend(&self) {
        for server in [
            BreakableServer::Git,
            BreakableServer::Registry,
            BreakableServer::WebhookSink,
        ] {
            self.set_availability(server, Availability::Up);
        }
    }
}
