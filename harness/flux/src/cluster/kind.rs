//! A cluster of real nodes: kind, in the network of the run.

use super::{Cluster, Nodes, fault};
use crate::{
    VerbError,
    egress::EgressCounter,
    names::{FLUX_NAMESPACE, KYVERNO_NAMESPACE, PRIVATE_REGISTRY},
    programs::path_of,
    services::Services,
    site::Foundation,
};
use plumbline_cluster::{
    ClusterServices, Kubernetes, Object,
    docker::{Docker, DockerError, tells_of_full_disk},
    kind::{
        KindCluster, KindError, KindOptions, KindSettings, Memories, Network, NetworkOptions,
        RegistryContainer, RegistryContainerOptions, RegistryLogin, container_specification,
    },
    kubernetes::KindReference,
    pods::{PodLogs, workload_name},
    watch::{Store, Watches},
};
use plumbline_model::Progress;
use plumbline_servers::Registry;
use plumbline_toolchain::Programs;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// What all kind clusters of a run stand on.
pub struct KindGround {
    settings: KindSettings,
    program: PathBuf,
    network: Network,
    login: RegistryLogin,
    /// What the image of the nodes makes containers from.
    specification: String,
    /// What the run's own stand before, once they are there.
    registries: OnceLock<[RegistryContainer; 2]>,
}

impl KindGround {
    /// Makes the network, with a gateway to the servers.
    pub(crate) async fn lay(
        settings: KindSettings,
        docker: Docker,
        programs: &Programs,
        services: &Services,
        directory: &Path,
        egress: &EgressCounter,
    ) -> Result<Self, VerbError> {
        if let Some(image) = &settings.registry {
            has_image(&docker, image)
                .await
                .map_err(|error| VerbError::environment(&error))?;
        }
        let starting = Network::start(NetworkOptions {
            docker: docker.clone(),
            image: settings.image.clone(),
            names: services.cluster_names(),
            directory: directory.to_owned(),
        });
        let asking = container_specification(&docker, &settings.image);
        // Where both fail, the network knows better why.
        let (network, specification) = futures::join!(starting, asking);
        let network = network.map_err(|error| VerbError::environment(&error))?;
        let specification = specification.map_err(|error| fault(&error))?;
        egress.of_gateway(network.gateway());
        Ok(Self {
            settings,
            program: path_of(programs, "kind")?,
            network,
            login: RegistryLogin {
                host: PRIVATE_REGISTRY.to_owned(),
                authority_pem: services.authority.pem().to_owned(),
                user: services.credentials.user.clone(),
                password: services.credentials.password.clone(),
            },
            specification,
            registries: OnceLock::new(),
        })
    }

    /// Starts the registries of the settings, and has the run's own stand before them.
    pub(crate) async fn open_registries(
        &self,
        services: &Services,
        directory: &Path,
    ) -> Result<(), VerbError> {
        let Some(image) = &self.settings.registry else {
            return Ok(());
        };
        let open = async |name: &str, front: &Registry| {
            let container = RegistryContainer::start(RegistryContainerOptions {
                network: &self.network,
                image,
                name,
                hosts: &[PRIVATE_REGISTRY],
                authority: &services.authority,
                directory,
            })
            .await
            .map_err(|error| fault(&error))?;
            front.stand_before(container.registry())?;
            Ok::<_, VerbError>(container)
        };
        let (upstream, private) = futures::try_join!(
            Box::pin(open("upstream", &services.upstream)),
            Box::pin(open("private", &services.private))
        )?;
        self.registries.get_or_init(|| [upstream, private]);
        Ok(())
    }

    /// What the registry of the private images calls its version.
    pub(crate) fn registry_version(&self) -> Option<&str> {
        let [_, private] = self.registries.get()?;
        Some(private.version())
    }

    /// How many processors each node says that it has, if that is not true.
    pub(crate) fn pretended_processors(&self) -> Option<usize> {
        self.settings.memories().map(Memories::processors)
    }

    /// Whether the network between pods enforces NetworkPolicy, as far as the settings say.
    pub(crate) const fn enforces_network_policy(&self) -> bool {
        self.settings.network_policy
    }

    /// Why nothing can work on the engine's disk now, if so.
    pub(crate) fn shortage(&self) -> Option<String> {
        Some(self.network.disk().shortage()?.to_string())
    }

    /// That the engine does not answer any more, if so.
    pub(crate) async fn trouble(&self) -> Option<String> {
        match self.network.docker().engine().await {
            Err(error @ DockerError::NoEngine { .. }) => Some(error.to_string()),
            _ => None,
        }
    }

    /// Returns when nothing can work on the engine's disk any more, with the reason.
    pub(crate) async fn runs_short(&self) -> String {
        self.network.disk().runs_out().await.to_string()
    }

    /// Removes the registries and the network, once no cluster uses them any more.
    pub(crate) async fn clear(&self) -> Result<(), VerbError> {
        let registries = self.registries.get().into_iter().flatten();
        let removed = registries.map(RegistryContainer::stop);
        futures::future::try_join_all(removed)
            .await
            .map_err(|error| fault(&error))?;
        self.network.stop().await.map_err(|error| fault(&error))
    }
}

/// Says that there is no such image before anything is started.
async fn has_image(docker: &Docker, image: &str) -> Result<(), KindError> {
    match docker.image_id(image).await? {
        Some(_) => Ok(()),
        None => Err(KindError::NoRegistryImage {
            image: image.to_owned(),
        }),
    }
}

/// The containers that are the nodes, and what their pods log.
pub(crate) struct KindNodes {
    pub(crate) cluster: KindCluster,
    pub(crate) logs: PodLogs,
    pods: Store,
}

/// Makes an empty cluster whose files are below `directory`.
pub(super) async fn start(
    foundation: &Foundation,
    ground: &KindGround,
    directory: &Path,
    number: Option<u64>,
    progress: &Progress,
) -> Result<Cluster, VerbError> {
    let suffix = number.map_or_else(String::new, |number| format!("-{number}"));
    let cluster = KindCluster::start(KindOptions {
        program: ground.program.clone(),
        network: &ground.network,
        suffix: &suffix,
        settings: &ground.settings,
        directory: directory.to_owned(),
        login: &ground.login,
        specification: &ground.specification,
        progress: progress.clone(),
    })
    .await
    .map_err(|error| fault(&error))?;
    let kubernetes = Kubernetes::connect(cluster.access(), "plumbline")?;
    let watches = Watches::guarded(kubernetes, cluster.failed());
    let names = ClusterServices::follow_real(&watches)
        .await
        .map_err(|error| fault(&error))?;
    let pods = watches.store(&KindReference::new("", "v1", "Pod")).await;
    let logs = PodLogs::follow(
        &watches,
        &[FLUX_NAMESPACE, KYVERNO_NAMESPACE],
        directory.join("logs"),
    )
    .await?;
    Ok(Cluster {
        kubeconfig: cluster.kubeconfig().to_owned(),
        egress: foundation.egress.clone(),
        names: Arc::new(names),
        nodes: Nodes::Kind(Box::new(KindNodes {
            cluster,
            logs,
            pods: pods.map_err(|error| fault(&error))?,
        })),
        watches,
    })
}

impl KindNodes {
    /// Kills the containers of a controller's pods.
    pub(super) async fn kill(&self, controller: &str) -> Result<usize, VerbError> {
        let mut killed = 0;
        for pod in self.pods.all() {
            if pod.namespace() != Some(FLUX_NAMESPACE) || workload_name(pod.name()) != controller {
                continue;
            }
            let Some(node) = pod.text_at("/spec/nodeName") else {
                continue;
            };
            for container in running(&pod) {
                self.cluster
                    .kill(node, container)
                    .await
                    .map_err(|error| fault(&error))?;
                killed += 1;
            }
        }
        Ok(killed)
    }

    /// What a pod waits for on a node whose disk was full when its image was pulled or its container was made. Room that came
    /// with the end of that try hides it from those who look at the disk.
    pub(super) fn shortage(&self) -> Option<String> {
        self.pods.all().iter().find_map(shortage_of)
    }

    /// Removes the cluster.
    pub(super) async fn stop(self) -> Result<(), VerbError> {
        self.cluster.stop().await.map_err(|error| fault(&error))
    }
}

/// That a pod waits because the disk of its node is full, in words.
fn shortage_of(pod: &Object) -> Option<String> {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|field| pod.at(field)?.as_array())
        .flatten();
    let said = statuses
        .filter_map(|status| status.pointer("/state/waiting/message")?.as_str())
        .find(|said| tells_of_full_disk(said))?;
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name());
    Some(format!(
        "a node has no room left on its disk, which is the Docker engine's: make room there (`docker system df` shows what takes \
         it) and run again; what goes wrong meanwhile says nothing about the platform. It is Pod {namespace}/{name} that \
         waits: {said}"
    ))
}

/// The ids of a pod's containers that run.
fn running(pod: &Object) -> impl Iterator<Item = &str> {
    let statuses = pod.at("/status/containerStatuses").and_then(Value::as_array);
    statuses
        .into_iter()
        .flatten()
        .filter(|status| status.pointer("/state/running").is_some())
        .filter_map(|status| status["containerID"].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn waiting(list: &str, message: &str) -> Object {
        json!({
            "metadata": {"namespace": "flux-system", "name": "source-controller-1"},
            "status": {list: [
                {"state": {"running": {}}},
                {"state": {"waiting": {"reason": "ErrImagePull", "message": message}}},
            ]},
        })
        .into()
    }

    #[test]
    fn a_pod_tells_of_the_full_disk_of_its_node() {
        let full = "failed to copy: write /var/lib/containerd/ingest/data: no space left on device";
        for list in ["containerStatuses", "initContainerStatuses"] {
            let words = shortage_of(&waiting(list, full)).unwrap();
            assert!(words.contains("Pod flux-system/source-controller-1"), "{words}");
            assert!(words.ends_with(full), "{words}");
        }
        assert_eq!(shortage_of(&waiting("containerStatuses", "not found")), None);
        assert_eq!(shortage_of(&json!({"metadata": {}}).into()), None);
    }
}
