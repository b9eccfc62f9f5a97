//! Breaking parts of the platform on purpose, and mending them.

use crate::{Platform, VerbError};
use plumbline_servers::Availability;

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

    /// Ends a controller's process as a crash would; its pod starts it again.
    ///
    /// # Errors
    /// No process of that name runs.
    pub async fn kill(&self, controller: &str) -> Result<(), VerbError> {
        match self.node().kill(controller).await {
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
