//! The platform: a cluster, and what all clusters of the run share. Its verbs are in the other files.

use crate::{
    Egress, Fixtures, Forge, Ground, GroundSettings, Services, SupplyChain, VerbError, Versions,
    cluster::{Cluster, Nodes},
    programs::Workbench,
    simulation::simulations,
    site::{Foundation, Site},
};
use plumbline_cluster::{ClusterServices, Kubernetes, watch::Watches};
use plumbline_images::ImageStore;
use plumbline_keeper::Keeper;
use plumbline_model::{Fault, FaultClass, Progress, Provider, Simulation};
use plumbline_toolchain::Programs;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// What a platform is built from.
pub struct PlatformOptions {
    /// Starts every process.
    pub keeper: Keeper,
    /// Programs and images that outlive the run.
    pub cache: PathBuf,
    /// The programs of this run.
    pub programs: Programs,
    /// Releases of Flux besides the one that the reference platform names, and the names of the programs that each is
    /// made of: for upgrades.
    pub further_releases: BTreeMap<String, Vec<String>>,
    /// The reference platform.
    pub fixtures: Fixtures,
    /// What the clusters are to be.
    pub ground: GroundSettings,
    /// `PATH` of the programs that scenarios run.
    pub search_path: String,
}

/// The platform on one cluster. Further clusters beside it are platforms too: they have a control plane, a node and a
/// way out of their own, and share the servers, the repositories, the images and the programs with the first one.
pub struct Platform {
    site: Arc<Site>,
    cluster: Cluster,
    further: Option<FurtherCluster>,
    // The FluxInstance as it was applied last: what an upgrade changes.
    instance: Mutex<Option<Value>>,
}

/// What a cluster that was started beside the first one is.
struct FurtherCluster {
    name: String,
    directory: PathBuf,
}

impl Platform {
    /// Builds the platform up to an empty cluster: images are mirrored, signed and verified, repositories are on the
    /// Git server, the control plane and the node are there; Flux is not installed.
    ///
    /// # Errors
    /// Whatever could not be had or started.
    pub async fn start(options: PlatformOptions, progress: &Progress) -> Result<Self, VerbError> {
        let (foundation, safe) = Foundation::lay(&options).await?;
        let foundation = Arc::new(foundation);
        let start = async {
            let (site, cluster) = futures::try_join!(
                Site::fill(foundation.clone(), safe, options, progress),
                Cluster::start(&foundation, foundation.directory(), None, progress)
            )?;
            let platform = Self {
                site: Arc::new(site),
                cluster,
                further: None,
                instance: Mutex::default(),
            };
            platform.bootstrap().await?;
            Ok::<_, VerbError>(platform)
        };
        tokio::select! {
            started = start => match started {
                Ok(platform) => Ok(platform),
                Err(error) => Err(error.on_machine(foundation.trouble().await)),
            },
            // Where nothing can be written, most things try again, and say something else in the end.
            shortage = foundation.ground.runs_short() => Err(VerbError::fault(FaultClass::Environment, shortage)),
        }
    }

    /// Starts one more cluster, as empty as the first one was. `name` is for people; two clusters may have the same.
    ///
    /// # Errors
    /// The cluster could not be started.
    pub async fn start_cluster(&self, name: &str, progress: &Progress) -> Result<Self, VerbError> {
        let foundation = &self.site.foundation;
        let (number, directory) = foundation.number_further(name);
        let cluster = Cluster::start(foundation, &directory, Some(number), progress)
            .await
            .map_err(|error| on_cluster(name, error.on_machine(foundation.shortage())))?;
        let platform = Self {
            site: self.site.clone(),
            cluster,
            further: Some(FurtherCluster {
                name: name.to_owned(),
                directory,
            }),
            instance: Mutex::default(),
        };
        let ready = platform.bootstrap().await;
        ready.map_err(|error| error.on_machine(platform.shortage()))?;
        Ok(platform)
    }

    /// Why nothing that this cluster does is the platform's fault, if so: a disk is full that it stands on.
    #[must_use]
    pub fn shortage(&self) -> Option<String> {
        let foundation = &self.site.foundation;
        foundation.shortage().or_else(|| self.cluster.nodes.shortage())
    }

    /// Ends what does not end with the keeper, and of a further cluster everything, its files included. The first
    /// cluster is ended last.
    ///
    /// # Errors
    /// Something does not end or go.
    pub async fn stop(self) -> Result<(), VerbError> {
        let Some(FurtherCluster { name, directory }) = self.further else {
            self.cluster.nodes.let_go().await?;
            return self.site.foundation.clear().await;
        };
        self.cluster
            .nodes
            .stop()
            .await
            .map_err(|error| on_cluster(&name, error))?;
        std::fs::remove_dir_all(directory).map_err(|error| VerbError::environment(&error))
    }

    /// The name of a cluster that was started beside the first one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.further.as_ref().map(|further| further.name.as_str())
    }

    /// The cluster.
    #[must_use]
    pub const fn kubernetes(&self) -> &Kubernetes {
        self.cluster.watches.kubernetes()
    }

    /// The shared watches of the cluster.
    #[must_use]
    pub const fn watches(&self) -> &Watches {
        &self.cluster.watches
    }

    /// What runs the pods.
    pub(crate) const fn nodes(&self) -> &Nodes {
        &self.cluster.nodes
    }

    /// What this cluster has tried to reach so far.
    #[must_use]
    pub fn egress(&self) -> Egress {
        self.cluster.egress.so_far()
    }

    /// What all clusters of the run together have tried to reach so far, those that were ended included.
    #[must_use]
    pub fn egress_of_run(&self) -> Egress {
        self.site.foundation.egress.so_far()
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.cluster.kubeconfig
    }

    /// The logs of the platform's controllers, by the name of each, while their pods are there.
    #[must_use]
    pub fn controller_logs(&self) -> Vec<(String, PathBuf)> {
        self.cluster.nodes.logs()
    }

    /// Ends when a program of the control plane has died.
    pub async fn failed(&self) -> Fault {
        let mut failed = self.cluster.nodes.failed();
        loop {
            if let Some(mut fault) = failed.borrow_and_update().clone() {
                if let Some(name) = self.name() {
                    fault.message = words_on_cluster(name, &fault.message);
                }
                return fault;
            }
            if failed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The servers of the run.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.site.foundation.services
    }

    /// The repositories of the run.
    #[must_use]
    pub fn forge(&self) -> &Forge {
        &self.site.forge
    }

    /// The way of images.
    #[must_use]
    pub fn supply(&self) -> &SupplyChain {
        &self.site.supply
    }

    /// The reference platform.
    #[must_use]
    pub fn fixtures(&self) -> &Fixtures {
        &self.site.fixtures
    }

    /// Where the clusters come from.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.ground().provider()
    }

    /// Whether a NetworkPolicy keeps anyone out.
    #[must_use]
    pub fn enforces_network_policy(&self) -> bool {
        self.ground().enforces_network_policy()
    }

    /// The version of the distribution registry that has the images; `None` where plumbline's own server has them.
    #[must_use]
    pub fn registry_version(&self) -> Option<&str> {
        self.ground().registry_version()
    }

    /// Writes what the nodes have logged to `folder`; those of embedded clusters log nothing of their own.
    ///
    /// # Errors
    /// The container engine does not do its part.
    pub async fn export_node_logs(&self, folder: &Path) -> Result<(), VerbError> {
        self.cluster.nodes.export_logs(folder).await
    }

    /// What is not the real thing here.
    #[must_use]
    pub fn simulations(&self) -> Vec<Simulation> {
        simulations(self.ground())
    }

    fn ground(&self) -> &Ground {
        &self.site.foundation.ground
    }

    /// The programs of the run.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.site.foundation.programs
    }

    /// The versions that are under test.
    #[must_use]
    pub fn versions(&self) -> &Versions {
        &self.site.versions
    }

    /// Where the Services of the cluster are served.
    pub(crate) fn service_names(&self) -> Arc<ClusterServices> {
        self.cluster.names.clone()
    }

    /// Images as the nodes see them.
    pub(crate) fn images(&self) -> &ImageStore {
        &self.site.foundation.images
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        &self.site.foundation.keeper
    }

    /// The FluxInstance that was applied last.
    pub(crate) fn instance(&self) -> Option<Value> {
        self.instance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn remember_instance(&self, manifest: Value) {
        *self.instance.lock().unwrap_or_else(PoisonError::into_inner) = Some(manifest);
    }

    pub(crate) fn workbench(&self) -> &Workbench {
        &self.site.workbench
    }
}

/// Names the cluster in a fault; what the platform itself reports names objects of its own.
fn on_cluster(name: &str, error: VerbError) -> VerbError {
    match error {
        VerbError::Fault(mut fault) => {
            fault.message = words_on_cluster(name, &fault.message);
            VerbError::Fault(fault)
        }
        unmet @ VerbError::Unmet(_) => unmet,
    }
}

fn words_on_cluster(name: &str, message: &str) -> String {
    format!("cluster `{name}`: {message}")
}
