//! What a control plane is made of.

use plumbline_keeper::Keeper;
use plumbline_model::Progress;
use plumbline_servers::CertificateAuthority;
use std::path::PathBuf;

/// The programs of the control plane.
#[derive(Clone, Debug)]
pub struct ProgramPaths {
    /// etcd.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub kube_apiserver: PathBuf,
    /// kube-controller-manager.
    pub kube_controller_manager: PathBuf,
}

/// How to start a [`ControlPlane`](super::ControlPlane).
pub struct ControlPlaneOptions<'a> {
    /// Starts the processes and ends them.
    pub keeper: Keeper,
    /// What to start.
    pub programs: ProgramPaths,
    /// The directory of the run; everything goes into `control-plane` below it.
    pub run_directory: PathBuf,
    /// Issues every certificate, and is the only authority that anybody here trusts.
    pub authority: &'a CertificateAuthority,
    /// The third byte of the pods' addresses, `10.244.<range>.x`.
    pub pod_range: u8,
    /// Writes `audit.log`: one JSON line per request that changes something.
    pub audit: bool,
    /// Hears what is being started.
    pub progress: Progress,
}
