//! The node agent: scheduler and kubelet of the embedded cluster.
//!
//! A [`NodeAgent`] registers a node and binds every pod that fits. Each image is resolved by digest in the registry
//! that its name says, and may be refused by an [`ImagePolicy`]. A pod whose image matches a [`ProgramProfile`] is run
//! as a process with the pod's arguments, environment, volumes, ServiceAccount, probes, restarts and logs; any other
//! pod is *simulated*: it is ready at once, or ill as the annotation [`FAULT_ANNOTATION`] asks, and runs nothing.
//! Status, conditions and events are those of a kubelet; container ids (`process://`, `simulated://`) tell which it is.
//!
//! What a process pod is not: there is no mount, network or PID namespace. A volume is a directory of the pod, and the
//! arguments and variables that begin with its mount path are rewritten to it (`--storage-path=/data`). A process
//! listens on its pod's own loopback address, reaches the API server and the service proxy and nothing else, and
//! writes to its own volumes only, as far as the kernel's Landlock can hold it to that. Exec, HTTPS and gRPC
//! probes, exec, attach and port-forward are not there and say so; lifecycle hooks are not run. A process's image is pulled with the
//! node's credentials, not with the pod's pull secrets.

mod addresses;
mod agent;
mod backoff;
mod configuration;
mod container;
mod container_status;
mod context;
mod environment;
mod error;
mod events;
mod expansion;
mod fault;
mod fields;
mod file_changes;
mod identity;
mod kubelet;
mod launch;
mod logs;
mod mounts;
mod pod;
mod pod_setup;
mod pod_state;
mod pod_work;
mod policy;
mod probe_state;
mod probe_target;
mod probe_tls;
mod probing;
mod process;
mod profiles;
mod quantity;
mod records;
mod registration;
mod requests;
mod scheduling;
mod status;
mod volumes;

pub use agent::{NodeAgent, NodeOptions};
pub use error::NodeError;
pub use fault::FAULT_ANNOTATION;
pub use file_changes::FileChanges;
pub use identity::ApiServer;
pub use policy::ImagePolicy;
pub use profiles::{ListenFlag, ProgramProfile};
pub use records::PodCounts;
