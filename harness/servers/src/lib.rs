//! The loopback servers that run inside plumbline's own process: Git, OCI registry, key vault, webhook sink,
//! service proxy, a proxy in front of the API server, and the gateway of containers.
//!
//! This crate is the only place that binds sockets. Every socket is bound to a loopback address, every server stops
//! when its handle is dropped, and every body is streamed: a run moves gigabytes through here in a few megabytes.

pub mod api_proxy;
mod availability;
mod credentials;
mod error;
pub mod gateway;
pub mod git;
pub mod key_vault;
pub mod listen;
pub mod proxy;
mod record;
pub mod registry;
pub mod tls;
mod upstream;
pub mod webhook;

pub use api_proxy::{
    ApiFault, ApiProxy, ApiProxyOptions, ApiRequest, ApiRequestCounts, ApiRequests, ApiVerb, WatchEnd,
};
pub use availability::{Availability, ClientConnection};
pub use credentials::Credentials;
pub use error::ServerError;
pub use gateway::{ContainerDirectory, Gateway, GatewayOptions};
pub use git::{Changes, GitServer, GitServerOptions, Repository, Revision, TreeEntry};
pub use key_vault::{KeyVault, KeyVaultOptions, KeyVaultRequest};
pub use listen::{Listener, Server};
pub use proxy::{ByteStream, EgressRecord, ProxyOptions, ServiceDirectory, ServicePlace, ServiceProxy};
pub use registry::{OtherRegistry, Registry, RegistryContent, RegistryOptions, RequestRecord};
pub use tls::{CertificateAuthority, ClientIdentity, ServerIdentity};
pub use webhook::{Delivery, Payload, WebhookOptions, WebhookSink};
