//! Where the files of a control plane are, and the keys and certificates among them.

use super::{StartError, files, kubeconfig};
use crate::kubernetes::Access;
use plumbline_servers::CertificateAuthority;
use std::path::{Path, PathBuf};

/// The first address of the service range: what `kubernetes.default.svc` is inside a cluster.
const FIRST_SERVICE_ADDRESS: &str = "10.96.0.1";

/// etcd and the API server take a URL with a port for a unix socket relative to where they run, which keeps it below
/// the length that socket paths may have; the file is called like this.
pub(super) const ETCD_SOCKET: &str = "localhost:1001";

/// What to log: every request that changes something, without bodies; not the chatter of leases and events.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
  - level: None
    verbs: [get, list, watch]
  - level: None
    resources:
      - {group: coordination.k8s.io, resources: [leases]}
      - {group: events.k8s.io}
      - {group: '', resources: [events]}
  - level: Metadata
";

/// The files of one control plane.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Creates the directories below `run_directory`, all for us only.
    pub(super) fn create(run_directory: &Path) -> Result<Self, StartError> {
        let layout = Self {
            root: run_directory.join("control-plane"),
        };
        for directory in [layout.root.clone(), layout.etcd(), layout.pki("")] {
            files::create_directory(&directory)?;
        }
        Ok(layout)
    }

    /// The working directory of etcd and of the API server, which meet at a socket in it.
    pub(super) fn etcd(&self) -> PathBuf {
        self.root.join("etcd")
    }

    /// Where etcd listens.
    pub(super) fn etcd_socket(&self) -> PathBuf {
        self.etcd().join(ETCD_SOCKET)
    }

    pub(super) fn pki(&self, file: &str) -> PathBuf {
        self.root.join("pki").join(file)
    }

    pub(super) fn log(&self, program: &str) -> PathBuf {
        self.root.join(format!("{program}.log"))
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.root.join("audit.log")
    }

    pub(super) fn audit_policy(&self) -> PathBuf {
        self.root.join("audit-policy.yaml")
    }

    pub(super) fn admin_kubeconfig(&self) -> PathBuf {
        self.root.join("admin.kubeconfig")
    }

    pub(super) fn controller_manager_kubeconfig(&self) -> PathBuf {
        self.root.join("controller-manager.kubeconfig")
    }

    /// Writes everything that does not depend on the port.
    pub(super) fn write_identities(&self, authority: &CertificateAuthority) -> Result<(), StartError> {
        let server = authority.issue_server(&[
            "127.0.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            FIRST_SERVICE_ADDRESS,
        ])?;
        let kubelet_client = authority.issue_client("kube-apiserver-kubelet-client", &["system:masters"])?;
        let signer = rcgen::KeyPair::generate().map_err(StartError::Key)?;
        let contents = [
            ("authority.pem", authority.pem()),
            ("server.pem", &server.certificate_pem),
            ("server.key", server.key_pem.reveal()),
            ("kubelet-client.pem", &kubelet_client.certificate_pem),
            ("kubelet-client.key", kubelet_client.key_pem.reveal()),
            ("service-accounts.key", &signer.serialize_pem()),
            ("service-accounts.pem", &signer.public_key_pem()),
        ];
        for (file, content) in contents {
            files::write(&self.pki(file), content)?;
        }
        files::write(&self.audit_policy(), AUDIT_POLICY)
    }

    /// Writes the kubeconfigs of the administrator and of the controller manager, for the same API server.
    pub(super) fn write_kubeconfigs(
        &self,
        authority: &CertificateAuthority,
        admin: &Access,
    ) -> Result<(), StartError> {
        let identity = authority.issue_client::<&str>("system:kube-controller-manager", &[])?;
        let controller_manager = Access {
            certificate_pem: identity.certificate_pem,
            key_pem: identity.key_pem,
            ..admin.clone()
        };
        files::write(
            &self.admin_kubeconfig(),
            &kubeconfig::render(admin, "plumbline-admin"),
        )?;
        let rendered = kubeconfig::render(&controller_manager, "kube-controller-manager");
        files::write(&self.controller_manager_kubeconfig(), &rendered)
    }
}

/// The administrator of the API server at `port`; the group needs no role binding.
pub(super) fn administrator(authority: &CertificateAuthority, port: u16) -> Result<Access, StartError> {
    let identity = authority.issue_client("plumbline-admin", &["system:masters"])?;
    Ok(Access {
        server: format!("https://127.0.0.1:{port}"),
        authority_pem: authority.pem().to_owned(),
        certificate_pem: identity.certificate_pem,
        key_pem: identity.key_pem,
    })
}
