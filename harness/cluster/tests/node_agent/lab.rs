//! What all tests share: a control plane, a registry, and the agent between them.

use crate::{Outcome, REGISTRY};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use plumbline_cluster::{
    embedded::{ControlPlane, ControlPlaneOptions, ProgramPaths},
    node::{ApiServer, NodeAgent, NodeOptions, ProgramProfile},
};
use plumbline_images::{Endpoint, Endpoints, ImageFile, ImageStore, ProgramImage, pack::pack};
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_model::Progress;
use plumbline_servers::{
    CertificateAuthority, ProxyOptions, Registry, RegistryContent, RegistryOptions, ServiceDirectory,
    ServicePlace, ServiceProxy,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    net::SocketAddr,
    path::Path,
    sync::Arc,
};

const POD_RANGE: u8 = 233;

struct NoServices;

impl ServiceDirectory for NoServices {
    fn resolve(&self, _: &str, _: &str, _: u16) -> Option<ServicePlace> {
        None
    }
}

/// A control plane, a registry with three images, a proxy and the agent.
pub struct Lab {
    pub client: Client,
    pub agent: NodeAgent,
    keeper: Keeper,
    _control_plane: ControlPlane,
    _registry: Registry,
    _proxy: ServiceProxy,
    _cache: tempfile::TempDir,
}

impl Lab {
    pub async fn start(programs: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let cache = tempfile::tempdir()?;
        let run_directory = RunDirectory::create(cache.path().join("runs"))?;
        let path = run_directory.path().to_owned();
        let keeper = Keeper::start(KeeperOptions {
            executable: std::env::current_exe()?,
            run_directory,
        })
        .await?;
        let authority = CertificateAuthority::new("plumbline")?;
        let control_plane = ControlPlane::start(ControlPlaneOptions {
            keeper: keeper.clone(),
            programs: ProgramPaths {
                etcd: programs.join("etcd"),
                kube_apiserver: programs.join("kube-apiserver"),
                kube_controller_manager: programs.join("kube-controller-manager"),
            },
            run_directory: path.clone(),
            authority: &authority,
            pod_range: POD_RANGE,
            audit: false,
            progress: Progress::silent(),
        })
        .await?;
        let client = control_plane.access().client()?;
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let registry = Registry::start(RegistryOptions {
            name: "private".into(),
            content: RegistryContent::Directory(cache.path().join("registry")),
            credentials: None,
            tls: None,
            address: loopback,
        })
        .await?;
        let controller = ImageFile::copied(
            "usr/local/bin/source-controller",
            programs.join("source-controller"),
            0o755,
        );
        for (repository, tag, files, entrypoint) in [
            (
                "fluxcd/source-controller",
                "v1.9.3",
                vec![controller],
                vec!["/usr/local/bin/source-controller".to_owned()],
            ),
            (
                "fixtures/hello",
                "1.0.0",
                vec![ImageFile::written("hello", "hello")],
                vec![],
            ),
        ] {
            let image = ProgramImage {
                name: format!("{REGISTRY}/{repository}:{tag}").parse()?,
                files,
                above: None,
                entrypoint,
                user: "65534".into(),
                environment: BTreeMap::new(),
                labels: BTreeMap::new(),
            };
            let packed = pack(&image, cache.path(), &Progress::silent()).await?;
            registry.seed(repository, tag, &packed.layout).await?;
        }
        let endpoint = Endpoint {
            address: registry.address(),
            tls_ca_pem: None,
            credentials: None,
        };
        let endpoints = Endpoints::new().with(REGISTRY, &endpoint)?;
        let proxy = ServiceProxy::start(ProxyOptions {
            names: HashMap::new(),
            services: Arc::new(NoServices),
            address: loopback,
        })
        .await?;
        let agent = NodeAgent::start(NodeOptions {
            client: client.clone(),
            keeper: keeper.clone(),
            images: Arc::new(ImageStore::new(cache.path().join("store"), endpoints)),
            node_name: "plumbline".into(),
            pod_range: POD_RANGE,
            run_directory: path,
            api_server: ApiServer {
                url: control_plane.server().to_owned(),
                certificate_authority_pem: authority.pem().to_owned(),
                port: control_plane.port(),
            },
            proxy: proxy.address(),
            certificates: None,
            kubelet_tls: authority.server_config_for_known_clients(&["127.0.0.1"])?,
            policy: None,
            programs: ProgramProfile::platform(),
        })
        .await?;
        let lab = Self {
            client,
            keeper,
            agent,
            _control_plane: control_plane,
            _registry: registry,
            _proxy: proxy,
            _cache: cache,
        };
        lab.ready_for_pods().await?;
        Ok(lab)
    }

    /// Pods are refused until the controller manager has made their ServiceAccount.
    async fn ready_for_pods(&self) -> Outcome {
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = self.api();
        await_condition(accounts, "default", |account: Option<&_>| account.is_some()).await?;
        Ok(())
    }

    pub async fn stop(self) {
        self.agent.stop().await;
        if let Err(error) = self.keeper.stop().await {
            panic!("the keeper did not stop: {error}");
        }
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::default_namespaced(self.client.clone())
    }

    pub async fn apply<K>(&self, object: Value) -> Result<K, kube::Error>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + serde::de::DeserializeOwned
            + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        self.api()
            .patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(&object))
            .await
    }

    /// Waits until a pod is as `condition` wants it.
    pub async fn until(
        &self,
        name: &str,
        condition: impl Fn(&Pod) -> bool,
    ) -> Result<Pod, Box<dyn Error + Send + Sync>> {
        let found = await_condition(self.api::<Pod>(), name, |pod: Option<&Pod>| {
            pod.is_some_and(&condition)
        })
        .await?;
        Ok(found.ok_or("the pod is gone")?)
    }

    pub async fn remove(&self, name: &str) -> Outcome {
        let pod = self.api::<Pod>().get(name).await?;
        let uid = pod.metadata.uid.ok_or("a pod without uid")?;
        self.api::<Pod>().delete(name, &DeleteParams::default()).await?;
        await_condition(self.api::<Pod>(), name, conditions::is_deleted(&uid)).await?;
        Ok(())
    }

    pub async fn describe(&self) -> String {
        let pods = self
            .api::<Pod>()
            .list(&ListParams::default())
            .await
            .map(|pods| pods.items);
        let events = self
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .map(|events| events.items);
        let statuses: Vec<_> = pods
            .into_iter()
            .flatten()
            .map(|pod| json!([pod.metadata.name, pod.status]))
            .collect();
        let told: Vec<_> = events
            .into_iter()
            .flatten()
            .map(|event| json!([event.reason, event.message]))
            .collect();
        let log = self
            .agent
            .log_path("default", "source", "main")
            .and_then(|path| std::fs::read_to_string(path).ok());
        json!({"pods": statuses, "events": told, "log": log}).to_string()
    }

    pub async fn reasons(&self, pod: &str) -> Result<Vec<String>, kube::Error> {
        let selection = ListParams::default().fields(&format!("involvedObject.name={pod}"));
        let events = self.api::<Event>().list(&selection).await?;
        Ok(events
            .items
            .into_iter()
            .filter_map(|event| event.reason)
            .collect())
    }
}
