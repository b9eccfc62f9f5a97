//! Breaks a part of the platform. What is still broken when the scenario ends is mended by its clean-up.

use plumbline_flux::{BreakableServer, Platform, VerbError};
use plumbline_scenario::steps::{self, Fault};
use plumbline_servers::Availability;

pub(super) async fn fault(fault: &Fault, platform: &Platform) -> Result<(), VerbError> {
    let (server, how) = match fault {
        Fault::Kill(controller) => return platform.kill(&controller.value).await,
        Fault::Git(how) => (BreakableServer::Git, how),
        Fault::Registry(how) => (BreakableServer::Registry, how),
        Fault::Webhook(how) => (BreakableServer::WebhookSink, how),
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
