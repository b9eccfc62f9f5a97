//! An embedded cluster of a run: its control plane, its watches, its node, and its only way out.

use super::{Cluster, Nodes, fault};
use crate::{VerbError, egress::EgressCounter, programs::path_of, site::Foundation};
use plumbline_cluster::{
    ClusterServices, Kubernetes,
    embedded::{ControlPlane, ControlPlaneOptions, ProgramPaths},
    node::{ApiServer, NodeAgent, NodeOptions, ProgramProfile},
    watch::Watches,
};
use plumbline_keeper::PodRange;
use plumbline_model::Progress;
use plumbline_servers::ServiceProxy;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

/// The name of the node agent's node; every cluster has one of this name.
const NODE_NAME: &str = "plumbline";
/// Who may ask the node agent for logs.
const KUBELET_NAMES: [&str; 3] = ["127.0.0.1", "localhost", NODE_NAME];

/// The control plane, the node and the only way out, all of ours.
pub(crate) struct EmbeddedNodes {
    pub(crate) control_plane: ControlPlane,
    pub(crate) node: NodeAgent,
    // Serves as long as it is held.
    _proxy: ServiceProxy,
    _pod_range: PodRange,
}

/// Starts an empty cluster whose files are below `directory`.
pub(super) async fn start(
    foundation: &Foundation,
    directory: &Path,
    progress: &Progress,
) -> Result<Cluster, VerbError> {
    let Foundation {
        keeper,
        programs,
        services,
        ..
    } = foundation;
    let pod_range = PodRange::lease()?;
    let control_plane = ControlPlane::start(ControlPlaneOptions {
        keeper: keeper.clone(),
        programs: ProgramPaths {
            etcd: path_of(programs, "etcd")?,
            kube_apiserver: path_of(programs, "kube-apiserver")?,
            kube_controller_manager: path_of(programs, "kube-controller-manager")?,
        },
        run_directory: directory.to_owned(),
        authority: &services.authority,
        pod_range: pod_range.number(),
        audit: true,
        progress: progress.clone(),
    })
    .await
    .map_err(|error| fault(&error))?;
    let kubernetes = Kubernetes::connect(control_plane.access(), "plumbline")?;
    let watches = Watches::guarded(kubernetes, control_plane.failed());
    let api_server = SocketAddr::from((Ipv4Addr::LOCALHOST, control_plane.port()));
    let names = ClusterServices::follow(&watches, Some(api_server))
        .await
        .map_err(|error| fault(&error))?;
    let names = Arc::new(names);
    let proxy = services.cluster_proxy(names.clone()).await?;
    let egress = EgressCounter::of_proxy(&proxy, &foundation.egress);
    let node = NodeAgent::start(NodeOptions {
        client: watches.kubernetes().client().clone(),
        keeper: keeper.clone(),
        images: foundation.images.clone(),
        node_name: NODE_NAME.to_owned(),
        pod_range: control_plane.pod_range(),
        run_directory: directory.to_owned(),
        api_server: ApiServer {
            url: control_plane.server().to_owned(),
            certificate_authority_pem: services.authority.pem().to_owned(),
            port: control_plane.port(),
        },
        proxy: proxy.address(),
        certificates: Some(foundation.certificates.clone()),
        kubelet_tls: services
            .authority
            .server_config_for_known_clients(&KUBELET_NAMES)?,
        policy: Some(foundation.policy.clone()),
        programs: ProgramProfile::platform(),
    })
    .await
    .map_err(|error| fault(&error))?;
    Ok(Cluster {
        kubeconfig: control_plane.admin_kubeconfig(),
        watches,
        egress,
        names,
        nodes: Nodes::Embedded(Box::new(EmbeddedNodes {
            control_plane,
            node,
            _proxy: proxy,
            _pod_range: pod_range,
        })),
    })
}

impl EmbeddedNodes {
    /// Ends everything of the cluster.
    pub(super) async fn stop(self) -> Result<(), VerbError> {
        self.node.stop().await;
        self.control_plane.stop().await.map_err(|error| fault(&error))
    }
}
