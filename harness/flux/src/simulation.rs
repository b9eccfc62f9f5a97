//! What a platform simulates, told by every report.

use crate::{EmbeddedSettings, Ground, cluster::KindGround};
use plumbline_model::Simulation;

/// What is not the real thing on clusters of this kind.
pub(crate) fn simulations(ground: &Ground) -> Vec<Simulation> {
    let mut simulations = match ground {
        Ground::Embedded(settings) => of_embedded(*settings),
        Ground::Kind(ground) => of_kind(ground),
    };
    let upstream = match ground.registry_version() {
        None => {
            "a registry of plumbline's own, filled with images that were built from the published Go modules"
        }
        Some(_) => "a registry container, filled with images that were built from the published Go modules",
    };
    simulations.push(simulation("upstream", upstream));
    simulations.extend(of_every_ground());
    simulations
}

fn simulation(subject: &str, description: &str) -> Simulation {
    Simulation {
        subject: subject.to_owned(),
        description: description.to_owned(),
    }
}

/// What stands in for nodes.
fn of_embedded(settings: EmbeddedSettings) -> Vec<Simulation> {
    let pods = match settings.node.verify_images {
        true => {
            "images are resolved and their signatures verified in the private registry; nothing else of them runs"
        }
        false => {
            "images are resolved in the private registry, and the node does not verify their signatures; nothing else of them runs"
        }
    };
    vec![
        simulation(
            "node",
            "plumbline's node agent stands in for scheduler and kubelet; the platform's own programs run as processes",
        ),
        simulation("workload pods", pods),
        simulation(
            "pod network",
            "pod processes share loopback; a service proxy stands in for DNS and Services",
        ),
    ]
}

/// What is not as on other clusters of real nodes.
fn of_kind(ground: &KindGround) -> Vec<Simulation> {
    let mut simulations = match ground.registry_version() {
        None => vec![simulation(
            "registry and Git server",
            "servers of plumbline's own, which the nodes reach by their names through a gateway container",
        )],
        Some(_) => vec![
            simulation(
                "Git server",
                "a server of plumbline's own, which the nodes reach by its name through a gateway container",
            ),
            simulation(
                "way to the registry",
                "a server of plumbline's own stands before the registry container: it asks for the login, counts requests and breaks what scenarios ask to have broken",
            ),
        ],
    };
    if let Some(count) = ground.pretended_processors() {
        let description = format!("each node says that it has {count} processors, whatever this machine has");
        simulations.push(simulation("capacity", &description));
    }
    simulations
}

/// What stands in for the world around the clusters.
fn of_every_ground() -> Vec<Simulation> {
    vec![
        simulation(
            "advisories",
            "the vulnerability database is of trivy's own builder, the advisories in it are invented: no scan says anything about real software",
        ),
        simulation(
            "key vault",
            "a server of plumbline's own that speaks as Azure Key Vault does, with a token login; `azurekms://` keys are in it",
        ),
        simulation(
            "pipeline agent",
            "plumbline runs the pipelines' own YAML and scripts with the real tools; the signing key comes in a variable, not from a vault, and tools are not downloaded",
        ),
        simulation(
            "Git login",
            "a user and password made for the run, in place of the provider `azure`",
        ),
    ]
}
