//! The embedded cluster's control plane: real etcd, kube-apiserver and kube-controller-manager as processes of a run.
//!
//! etcd listens on a unix socket in a directory of ours, so the only TCP listener is the API server on a leased port
//! of 127.0.0.1. It lets in certificates of the run's authority and ServiceAccount tokens, nobody else.

mod arguments;
mod control_plane;
mod error;
mod files;
mod kubeconfig;
mod layout;
mod options;
mod program;

pub use control_plane::ControlPlane;
pub use error::StartError;
pub use options::{ControlPlaneOptions, ProgramPaths};
