//! An OCI registry: the whole distribution specification 1.1, with content on disk; or the front of another registry.
//!
//! It stands for the public registries (*upstream*) and is the platform's own (*private*). A restart on the same
//! directory serves the same content. Blobs are hashed while they stream in, never again. Tests can ask which
//! requests were made, inject faults, refuse writes and switch the referrers API off; scenarios can take single
//! repositories out of reach, and have them serve other content than their digests say. A front does all of that too, while
//! what it knows about manifests, blobs, tags and uploads is what the other registry says.

mod answers;
mod authorization;
mod blobs;
mod content;
mod disturbances;
mod fault;
mod front;
mod lists;
mod manifests;
mod names;
mod push;
mod routes;
mod seed;
mod server;
mod storage;
mod uploads;

pub use authorization::Challenge;
pub use content::RegistryContent;
pub use disturbances::{Alteration, RepositoryPart};
pub use fault::Fault;
pub use front::OtherRegistry;
pub use server::{Registry, RegistryOptions, RequestRecord};
