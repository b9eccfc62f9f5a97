//! The whole platform of one run: servers, images, the embedded cluster, the node agent; and its end.

use crate::{
    Egress, Fixtures, Forge, Services, SupplyChain, VerbError, Versions, chain,
    egress::EgressCounter,
    fixtures::PLATFORM_REPOSITORIES,
    policy::SignedImages,
    programs::{SealedKey, Workbench},
    versions,
};
use plumbline_cluster::{
    ClusterServices, Kubernetes,
    embedded::{ControlPlane, ControlPlaneOptions, ProgramPaths},
    node::{ApiServer, NodeAgent, NodeOptions, ProgramProfile},
    watch::Watches,
};
use plumbline_images::{ImageStore, KeyPair};
use plumbline_keeper::{Keeper, PodRange};
use plumbline_model::{Fault, FaultClass, Progress};
use plumbline_servers::ServiceProxy;
use plumbline_toolchain::Programs;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The name of the node agent's node.
const NODE_NAME: &str = "plumbline";
/// Who may ask the node agent for logs.
const KUBELET_NAMES: [&str; 3] = ["127.0.0.1", "localhost", NODE_NAME];

/// What a platform is built from.
pub struct PlatformOptions {
    /// Starts every process.
    pub keeper: Keeper,
    /// Programs and images that outlive the run.
    pub cache: PathBuf,
    /// The programs of this run.
    pub programs: Programs,
    /// The reference platform.
    pub fixtures: Fixtures,
    /// `PATH` of the programs that scenarios run.
    pub search_path: String,
}

/// The platform of one run.
pub struct Platform {
    keeper: Keeper,
    programs: Programs,
    fixtures: Fixtures,
    versions: Versions,
    services: Services,
    forge: Forge,
    supply: SupplyChain,
    control_plane: ControlPlane,
    watches: Watches,
    // Serves as long as it is held.
    _proxy: ServiceProxy,
    egress: EgressCounter,
    node: NodeAgent,
    workbench: Workbench,
    kubeconfig: PathBuf,
    _pod_range: PodRange,
}

impl Platform {
    /// Builds the platform up to an empty cluster: images are mirrored, signed and verified, repositories are on the
    /// Git server, the control plane and the node are there; Flux is not installed.
    ///
    /// # Errors
    /// Whatever could not be had or started.
    pub async fn start(options: PlatformOptions, progress: &Progress) -> Result<Self, VerbError> {
        let PlatformOptions {
            keeper,
            cache,
            programs,
            fixtures,
            search_path,
        } = options;
        let directory = keeper.run_directory().path().to_owned();
        let versions = versions::read(&fixtures)?;
        let pod_range = PodRange::lease()?;
        let key = KeyPair::generate();
        let git = program(&programs, "git")?;
        let (services, sealed_key) = futures::try_join!(
            Services::start(&keeper, git, &directory),
            SealedKey::seal(key.clone())
        )?;
        let images = async {
            let supply =
                SupplyChain::publish(&services, &key, &programs, &versions, &fixtures, &cache, progress)
                    .await?;
            supply.admit_all(progress).await?;
            Ok::<_, VerbError>(supply)
        };
        let repositories = async {
            let forge = Forge::new();
            for name in PLATFORM_REPOSITORIES {
                forge
                    .create(&services.git, name, &fixtures.platform_repository(name)?)
                    .await?;
            }
            Ok::<_, VerbError>(forge)
        };
        let control_plane = async {
            let options = ControlPlaneOptions {
                keeper: keeper.clone(),
                programs: ProgramPaths {
                    etcd: program(&programs, "etcd")?,
                    kube_apiserver: program(&programs, "kube-apiserver")?,
                    kube_controller_manager: program(&programs, "kube-controller-manager")?,
                },
                run_directory: directory.clone(),
                authority: &services.authority,
                pod_range: pod_range.number(),
                audit: true,
                progress: progress.clone(),
            };
            let control_plane = ControlPlane::start(options)
                .await
                .map_err(|error| cluster_fault(&error))?;
            let kubernetes = Kubernetes::connect(control_plane.access(), "plumbline")?;
            let watches = Watches::guarded(kubernetes, control_plane.failed());
            let api_server = SocketAddr::from((Ipv4Addr::LOCALHOST, control_plane.port()));
            let cluster_services = ClusterServices::follow(&watches, Some(api_server))
                .await
                .map_err(|error| cluster_fault(&error))?;
            let proxy = services.cluster_proxy(Arc::new(cluster_services)).await?;
            let egress = EgressCounter::follow(&proxy);
            let node = start_node(
                Place {
                    keeper: &keeper,
                    cache: &cache,
                    services: &services,
                    key: &key,
                },
                &control_plane,
                &watches,
                &proxy,
            )
            .await?;
            Ok::<_, VerbError>((control_plane, watches, proxy, egress, node))
        };
        let (supply, forge, (control_plane, watches, proxy, egress, node)) =
            futures::try_join!(images, repositories, control_plane)?;
        let kubeconfig = control_plane.admin_kubeconfig();
        let workbench = Workbench::prepare(
            &directory,
            &services,
            &sealed_key,
            supply.public_key(),
            &kubeconfig,
            &search_path,
        )
        .map_err(|error| VerbError::environment(&error))?;
        let platform = Self {
            keeper,
            programs,
            fixtures,
            versions,
            services,
            forge,
            supply,
            control_plane,
            watches,
            _proxy: proxy,
            egress,
            node,
            workbench,
            kubeconfig,
            _pod_range: pod_range,
        };
        platform.bootstrap().await?;
        Ok(platform)
    }

    /// Ends the node agent; every process and file goes with the keeper.
    pub async fn stop(self) {
        self.node.stop().await;
    }

    /// The cluster.
    #[must_use]
    pub const fn kubernetes(&self) -> &Kubernetes {
        self.watches.kubernetes()
    }

    /// The shared watches of the cluster.
    #[must_use]
    pub const fn watches(&self) -> &Watches {
        &self.watches
    }

    /// The servers of the run.
    #[must_use]
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// The repositories of the run.
    #[must_use]
    pub const fn forge(&self) -> &Forge {
        &self.forge
    }

    /// The way of images.
    #[must_use]
    pub const fn supply(&self) -> &SupplyChain {
        &self.supply
    }

    /// The reference platform.
    #[must_use]
    pub const fn fixtures(&self) -> &Fixtures {
        &self.fixtures
    }

    /// The node agent.
    #[must_use]
    pub const fn node(&self) -> &NodeAgent {
        &self.node
    }

    /// What the cluster has tried to reach so far.
    #[must_use]
    pub fn egress(&self) -> Egress {
        self.egress.so_far()
    }

    /// The programs of the run.
    #[must_use]
    pub const fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The versions that are under test.
    #[must_use]
    pub const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Ends when a program of the control plane has died.
    pub async fn failed(&self) -> Fault {
        let mut failed = self.control_plane.failed();
        loop {
            if let Some(fault) = failed.borrow_and_update().clone() {
                return fault;
            }
            if failed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The logs of the platform's controllers, by the name of each, while their pods are there.
    #[must_use]
    pub fn controller_logs(&self) -> Vec<(String, PathBuf)> {
        self.node.logs()
    }

    pub(crate) const fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    pub(crate) const fn workbench(&self) -> &Workbench {
        &self.workbench
    }
}

/// What the node agent needs of its run.
struct Place<'a> {
    keeper: &'a Keeper,
    cache: &'a Path,
    services: &'a Services,
    key: &'a KeyPair,
}

async fn start_node(
    place: Place<'_>,
    control_plane: &ControlPlane,
    watches: &Watches,
    proxy: &ServiceProxy,
) -> Result<NodeAgent, VerbError> {
    let Place {
        keeper,
        cache,
        services,
        key,
    } = place;
    let directory = keeper.run_directory().path().to_owned();
    let certificates = directory.join("ca.pem");
    fs::write(&certificates, services.authority.pem()).map_err(|error| VerbError::environment(&error))?;
    let options = NodeOptions {
        client: watches.kubernetes().client().clone(),
        keeper: keeper.clone(),
        images: Arc::new(ImageStore::new(cache.join("rootfs"), services.endpoints.clone())),
        node_name: NODE_NAME.to_owned(),
        pod_range: control_plane.pod_range(),
        run_directory: directory,
        api_server: ApiServer {
            url: control_plane.server().to_owned(),
            certificate_authority_pem: services.authority.pem().to_owned(),
            port: control_plane.port(),
        },
        proxy: proxy.address(),
        certificates: Some(certificates),
        kubelet_tls: services
            .authority
            .server_config_for_known_clients(&KUBELET_NAMES)?,
        policy: Some(Arc::new(SignedImages::new(
            key.public_pem()?,
            services.endpoints.clone(),
        ))),
        programs: ProgramProfile::platform(),
    };
    NodeAgent::start(options)
        .await
        .map_err(|error| cluster_fault(&error))
}

fn program(programs: &Programs, name: &str) -> Result<PathBuf, VerbError> {
    let path = programs.path(name).map(Path::to_owned);
    path.ok_or_else(|| {
        VerbError::fault(
            FaultClass::Environment,
            format!("the program `{name}` was not fetched for this run"),
        )
    })
}

fn cluster_fault(error: &dyn std::error::Error) -> VerbError {
    VerbError::fault(FaultClass::Cluster, chain(error))
}
