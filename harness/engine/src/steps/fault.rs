//! Breaks a part of the platform. What is still broken when the scenario ends is mended by its clean-up.

use super::ScenarioState;
use plumbline_flux::{BreakableServer, VerbError};
use plumbline_scenario::steps::{self, ContentPart, Fault, OtherContent};
use plumbline_servers::{
    Availability,
    registry::{Alteration, RepositoryPart},
};

pub(super) async fn fault(fault: &Fault, state: &mut ScenarioState) -> Result<(), VerbError> {
    let platform = &state.platform;
    match fault.repository() {
        Some(repository) => state.footprint.repositories.insert(repository.value.clone()),
        None => std::mem::replace(&mut state.footprint.faults, true),
    };
    let (server, how) = match fault {
        Fault::Kill(controller) => return platform.kill(&controller.value).await,
        Fault::Git(how) => (BreakableServer::Git, how),
        Fault::Registry(how) => (BreakableServer::Registry, how),
        Fault::Webhook(how) => (BreakableServer::WebhookSink, how),
        Fault::Repository(fault) => {
            let part = match fault.part {
                steps::RepositoryPart::Whole => RepositoryPart::Whole,
                steps::RepositoryPart::Attachments => RepositoryPart::Attachments,
            };
            platform.set_repository_availability(&fault.name, part, availability(fault.answers));
            return Ok(());
        }
        Fault::Content(fault) => {
            let alteration = match &fault.becomes {
                OtherContent::OneByteOff => Alteration::OneByte,
                OtherContent::ContentOf(digest) => Alteration::ContentOf(digest.clone()),
            };
            let is_layer = fault.part == ContentPart::Layer;
            return platform
                .alter_content(&fault.repository, &fault.digest, is_layer, alteration)
                .await;
        }
    };
    platform.set_availability(server, availability(*how));
    Ok(())
}

const fn availability(written: steps::Availability) -> Availability {
    match written {
        steps::Availability::Up => Availability::Up,
        steps::Availability::Down => Availability::Down,
        steps::Availability::Slow(delay) => Availability::Slow(delay.0),
    }
}
