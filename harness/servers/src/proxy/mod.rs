//! The only way out of the embedded cluster: a forward proxy that knows the platform's own names and nothing else.
//!
//! Every pod process is given it as `HTTP_PROXY` and `HTTPS_PROXY`. It serves `CONNECT` and plain HTTP to the names
//! it was given and to `<service>.<namespace>.svc[.cluster.local]`. Anything else is refused. Each try is logged.

mod destination;
mod egress;
mod forward;
mod server;

pub(crate) use egress::EgressLog;
pub use egress::{EgressCounts, EgressRecord};
pub use forward::ByteStream;
pub(crate) use forward::{connect, strip};
pub use server::{ProxyOptions, ServiceDirectory, ServicePlace, ServiceProxy};
