//! A proxy in front of a Kubernetes API server that counts its requests and, when told so, answers them badly.
//!
//! Clients speak to it as to the API server itself, over TLS and with a certificate of the same authority; it speaks
//! to the API server in the name of the one identity that it was given. So it can see each request, count it, and
//! reset, refuse, delay or lose it, or end a watch the way real API servers and load balancers do.

mod fault;
mod request;
mod server;
mod watch_body;

pub use fault::{ApiFault, WatchEnd};
pub use request::{ApiRequest, ApiRequests, ApiVerb};
pub use server::{ApiProxy, ApiProxyOptions, ApiRequestCounts};
