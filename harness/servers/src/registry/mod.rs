//! An OCI registry: the whole distribution specification 1.1, content on disk.
//!
//! It stands for the public registries (*upstream*) and is the platform's own (*private*). A restart on the same
//! directory serves the same content. Blobs are hashed while they stream in, never again. Tests can ask which
//! requests were made, inject faults, refuse writes and switch the referrers API off; scenarios can take single
//! repositories out of reach, and have them serve other content than their digests say.

mod answers;
mod authorization;
mod blobs;
mod disturbances;
mod fault;
mod lists;
mod manifests;
mod names;
mod routes;
mod seed;
mod server;
mod storage;
mod uploads;

pub use authorization::Challenge;
pub use disturbances::{Alteration, RepositoryPart};
pub use fault::Fault;
pub use server::{Registry, RegistryOptions, RequestRecord};
