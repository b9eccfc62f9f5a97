//! A run on a cluster that was there before: nothing is started there. Scenarios look; on request, those that keep to a namespace of their
//! own also write.

mod connect;
mod estate;
mod onlooker;
mod preflight;
mod removal;
mod request;
mod run;
mod wants;

pub use removal::{LeftNamespace, RemovalRequest, remove_namespaces};
pub use request::{LookRequest, Removal};
pub use run::look;

/// How reports name such a cluster.
const PROVIDER: &str = "existing";
