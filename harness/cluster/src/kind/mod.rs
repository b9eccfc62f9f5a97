//! Clusters of real nodes: kind, with containers for nodes.
//!
//! A [`Network`] of the run's own joins the nodes with a *gateway* container, which bears the names of the run's servers
//! and passes connections to them on to a unix socket of ours. It is the nodes' name server and default route as well, so
//! that what they and their pods try to reach outside ends there, and is told of. A [`RegistryContainer`] is a registry in
//! that network. A [`KindCluster`] is one cluster in it: containerd pulls from the private registry by its name, with the
//! run's authority and login, and gives every container that authority as the only one it trusts. Everything that the
//! engine holds for us is named after the run, labelled with it, and bequeathed to the keeper; what even that misses,
//! [`sweep`] finds.

mod cluster;
mod configuration;
mod error;
mod kubeconfig;
mod network;
mod node_files;
mod registry;
mod sweep;
mod words;

pub use cluster::{KindCluster, KindOptions, RegistryLogin, container_specification};
pub use configuration::{KindSettings, Memories, NodeMount};
pub use error::KindError;
pub(crate) use network::{LABEL, MACHINE, NEEDED_ROOM, machine};
pub use network::{Network, NetworkOptions};
pub use registry::{RegistryContainer, RegistryContainerOptions};
pub use sweep::{Swept, sweep};
