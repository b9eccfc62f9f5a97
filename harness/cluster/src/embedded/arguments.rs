//! The command lines of the three programs.

use super::layout::{ETCD_SOCKET, Layout};
use std::path::Path;

/// Nobody connects to it, but etcd wants one.
const ETCD_PEERS: &str = "unix://localhost:1002";

/// An address for documentation (RFC 5737): the API server must advertise one that is not loopback, and nothing
/// connects to it.
const ADVERTISED: &str = "192.0.2.1";

const SERVICE_RANGE: &str = "10.96.0.0/16";

/// etcd: no TCP listener, and no fsync, for the data is thrown away.
pub(super) fn etcd() -> Vec<String> {
    vec![
        "--name=plumbline".into(),
        "--data-dir=data".into(),
        format!("--listen-client-urls=unix://{ETCD_SOCKET}"),
        format!("--advertise-client-urls=unix://{ETCD_SOCKET}"),
        format!("--listen-peer-urls={ETCD_PEERS}"),
        format!("--initial-advertise-peer-urls={ETCD_PEERS}"),
        format!("--initial-cluster=plumbline={ETCD_PEERS}"),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ]
}

/// kube-apiserver: everybody has a certificate or a ServiceAccount token, and RBAC decides.
pub(super) fn kube_apiserver(layout: &Layout, port: u16, audit: bool) -> Vec<String> {
    let file = |flag: &str, name: &str| with_path(flag, &layout.pki(name));
    let mut arguments = vec![
        format!("--etcd-servers=unix://{ETCD_SOCKET}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        // We hold the port by a socket of our own until the server has it too.
        "--permit-port-sharing=true".into(),
        format!("--advertise-address={ADVERTISED}"),
        format!("--service-cluster-ip-range={SERVICE_RANGE}"),
        "--authorization-mode=RBAC".into(),
        "--anonymous-auth=false".into(),
        file("client-ca-file", "authority.pem"),
        file("tls-cert-file", "server.pem"),
        file("tls-private-key-file", "server.key"),
        file("kubelet-certificate-authority", "authority.pem"),
        file("kubelet-client-certificate", "kubelet-client.pem"),
        file("kubelet-client-key", "kubelet-client.key"),
        "--kubelet-preferred-address-types=InternalIP,Hostname".into(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        // Tokens live as long as was asked for, so that their rotation is real.
        "--service-account-extend-token-expiration=false".into(),
        file("service-account-key-file", "service-accounts.pem"),
        file("service-account-signing-key-file", "service-accounts.key"),
        "--allow-privileged=true".into(),
        "--profiling=false".into(),
        "--shutdown-delay-duration=0s".into(),
    ];
    if audit {
        arguments.extend([
            with_path("audit-policy-file", &layout.audit_policy()),
            with_path("audit-log-path", &layout.audit_log()),
            "--audit-log-format=json".into(),
            // A request is in the log before it is answered.
            "--audit-log-mode=blocking".into(),
            "--audit-log-maxsize=100".into(),
            "--audit-log-maxbackup=1".into(),
        ]);
    }
    arguments
}

/// kube-controller-manager: every controller with its own ServiceAccount, no port of its own, and no throttle: at its
/// default limits it would need seconds to start.
pub(super) fn kube_controller_manager(layout: &Layout) -> Vec<String> {
    vec![
        with_path("kubeconfig", &layout.controller_manager_kubeconfig()),
        "--use-service-account-credentials".into(),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        "--controllers=*,-node-ipam-controller".into(),
        with_path("root-ca-file", &layout.pki("authority.pem")),
        with_path(
            "service-account-private-key-file",
            &layout.pki("service-accounts.key"),
        ),
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
        "--concurrent-namespace-syncs=20".into(),
        "--profiling=false".into(),
    ]
}

fn with_path(flag: &str, path: &Path) -> String {
    format!("--{flag}={}", path.display())
}
