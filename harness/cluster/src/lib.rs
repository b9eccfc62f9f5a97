//! Clusters: the embedded control plane, kind, the Kubernetes handle, shared watches, and the node agent.
//!
//! [`embedded`] starts a real control plane as processes, [`existing`] looks at a cluster that was there before; [`kubernetes`] talks to any cluster; [`watch`] waits for
//! what its objects become, by the pure [`conditions`]; [`diagnose`] gathers the evidence when they do not;
//! [`node`] stands in for scheduler and kubelet; [`kind`] has real ones, in containers of the [`docker`] engine,
//! with the image that [`node_image`] makes; [`doctor`] tells whether they can be had.

pub mod conditions;
pub mod diagnose;
pub mod docker;
pub mod doctor;
pub mod embedded;
pub mod existing;
mod facts;
pub mod kind;
pub mod kubernetes;
pub mod node;
pub mod node_image;
pub mod pods;
mod services;
pub mod watch;

pub use conditions::Verdict;
pub use embedded::{ControlPlane, ControlPlaneOptions, ProgramPaths, StartError};
pub use facts::ClusterFacts;
pub use kubernetes::{KindSelector, Kubernetes, KubernetesError, Object, ObjectReference};
pub use services::ClusterServices;
pub use watch::{Target, View, WaitError, Watches};
