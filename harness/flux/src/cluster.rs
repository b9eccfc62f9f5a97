//! One embedded cluster of a run: its control plane, its watches, its node, and its only way out.

use crate::{VerbError, chain, egress::EgressCounter, programs::path_of, site::Foundation};
use plumbline_cluster::{
    ClusterServices, Kubernetes,
    embedded::{ControlPlane, ControlPlaneOptions, ProgramPaths},
    node::{ApiServer, NodeAgent, NodeOptions, ProgramProfile},
    watch::Watches,
};
use plumbline_keeper::PodRange;
use plumbline_model::{FaultClass, Progress};
use plumbline_servers::ServiceProxy;
use std::{
    fs::DirBuilder,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The name of the node agent's node; every cluster has one of this name.
const NODE_NAME: &str = "plumbline";
/// Who may ask the node agent for logs.
const KUBELET_NAMES: [&str; 3] = ["127.0.0.1", "localhost", NODE_NAME];

/// One cluster. Nothing of it is shared with another: neither directory, ports, addresses of pods, nor identities.
pub(crate) struct Cluster {
    pub(crate) control_plane: ControlPlane,
    pub(crate) watches: Watches,
    pub(crate) egress: EgressCounter,
    pub(crate) node: NodeAgent,
    pub(crate) kubeconfig: PathBuf,
    /// Where its Services are served.
    pub(crate) names: Arc<ClusterServices>,
    // Serves as long as it is held.
    _proxy: ServiceProxy,
    _pod_range: PodRange,
}

impl Cluster {
    /// Starts an empty cluster whose files are below `directory`.
    pub(crate) async fn start(
        foundation: &Foundation,
        directory: &Path,
        progress: &Progress,
    ) -> Result<Self, VerbError> {
        let Foundation {
            keeper,
            programs,
            services,
            ..
        } = foundation;
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(directory)
            .map_err(|error| VerbError::environment(&error))?;
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
        let egress = EgressCounter::follow(&proxy, &foundation.egress);
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
        Ok(Self {
            kubeconfig: control_plane.admin_kubeconfig(),
            control_plane,
            watches,
            egress,
            node,
            names,
            _proxy: proxy,
            _pod_range: pod_range,
        })
    }

    /// Ends everything of the cluster.
    pub(crate) async fn stop(self) -> Result<(), VerbError> {
        self.node.stop().await;
        self.control_plane.stop().await.map_err(|error| fault(&error))
    }
}

fn fault(error: &dyn std::error::Error) -> VerbError {
    VerbError::fault(FaultClass::Cluster, chain(error))
}
