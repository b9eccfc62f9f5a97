//! The node agent against a real control plane: simulated pods, a real process, faults, logs, deletion.
//!
//! Needs etcd, kube-apiserver, kube-controller-manager and source-controller in the directory that
//! `PLUMBLINE_TEST_PROGRAMS` names; without it every test is reported as ignored.

use futures::future::BoxFuture;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Event, Node, Pod},
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams},
    runtime::wait::{await_condition, conditions},
};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use plumbline_cluster::{
    embedded::{ControlPlane, ControlPlaneOptions, ProgramPaths},
    node::{ApiServer, FAULT_ANNOTATION, NodeAgent, NodeOptions, PodCounts, ProgramProfile},
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
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::{runtime::Runtime, sync::OnceCell};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
type Test = fn(&Lab) -> BoxFuture<'_, Outcome>;

const REGISTRY: &str = "registry.plumbline.test";
const DEADLINE: Duration = Duration::from_secs(60);
const POD_RANGE: u8 = 233;

const TESTS: [(&str, Test); 8] = [
    ("the_node_is_ready_and_says_what_it_is", |lab| Box::pin(node(lab))),
    ("a_deployment_is_simulated_once_its_image_resolves", |lab| {
        Box::pin(simulated(lab))
    }),
    ("an_image_that_is_not_there_is_told_with_the_real_reason", |lab| {
        Box::pin(missing_image(lab))
    }),
    ("a_controller_runs_is_probed_logs_restarts_and_ends", |lab| {
        Box::pin(controller(lab))
    }),
    (
        "a_missing_config_map_holds_a_process_back_until_it_exists",
        |lab| Box::pin(missing_configuration(lab)),
    ),
    ("faults_are_shown_when_asked_for", |lab| Box::pin(faults(lab))),
    ("a_job_completes", |lab| Box::pin(job(lab))),
    ("a_cordoned_node_takes_no_pod", |lab| Box::pin(cordon(lab))),
];

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let mut arguments = Arguments::from_args();
    // The tests share one cluster, and one of them closes its only node.
    arguments.test_threads = Some(1);
    #[expect(clippy::disallowed_methods, reason = "the one setting of this test")]
    let programs = std::env::var_os("PLUMBLINE_TEST_PROGRAMS").map(PathBuf::from);
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let lab: Arc<OnceCell<Lab>> = Arc::default();
    let trials = TESTS
        .into_iter()
        .map(|(name, test)| {
            let (runtime, lab, programs) = (runtime.clone(), lab.clone(), programs.clone());
            Trial::ignorable_test(name, move || {
                let Some(programs) = programs else {
                    return Ok(Completion::ignored_with("PLUMBLINE_TEST_PROGRAMS is not set"));
                };
                runtime.block_on(async {
                    let lab = lab
                        .get_or_try_init(|| Lab::start(&programs))
                        .await
                        .map_err(told)?;
                    match tokio::time::timeout(DEADLINE, test(lab)).await {
                        Ok(outcome) => outcome.map_err(told),
                        Err(_) => Err(Failed::from(format!(
                            "not done in time; {}",
                            lab.describe().await
                        ))),
                    }
                })?;
                Ok(Completion::Completed)
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(lab) = Arc::into_inner(lab).and_then(OnceCell::into_inner) {
        runtime.block_on(lab.stop());
    }
    conclusion.exit_code()
}

fn told(error: Box<dyn Error + Send + Sync>) -> Failed {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    Failed::from(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
}

struct NoServices;

impl ServiceDirectory for NoServices {
    fn resolve(&self, _: &str, _: &str, _: u16) -> Option<ServicePlace> {
        None
    }
}

/// A control plane, a registry with three images, a proxy and the agent.
struct Lab {
    client: Client,
    keeper: Keeper,
    agent: NodeAgent,
    _control_plane: ControlPlane,
    _registry: Registry,
    _proxy: ServiceProxy,
    _cache: tempfile::TempDir,
}

impl Lab {
    async fn start(programs: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
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

    async fn stop(self) {
        self.agent.stop().await;
        if let Err(error) = self.keeper.stop().await {
            panic!("the keeper did not stop: {error}");
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::default_namespaced(self.client.clone())
    }

    async fn apply<K>(&self, object: Value) -> Result<K, kube::Error>
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
    async fn until(
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

    async fn remove(&self, name: &str) -> Outcome {
        let pod = self.api::<Pod>().get(name).await?;
        let uid = pod.metadata.uid.ok_or("a pod without uid")?;
        self.api::<Pod>().delete(name, &DeleteParams::default()).await?;
        await_condition(self.api::<Pod>(), name, conditions::is_deleted(&uid)).await?;
        Ok(())
    }

    async fn describe(&self) -> String {
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

    async fn reasons(&self, pod: &str) -> Result<Vec<String>, kube::Error> {
        let selection = ListParams::default().fields(&format!("involvedObject.name={pod}"));
        let events = self.api::<Event>().list(&selection).await?;
        Ok(events
            .items
            .into_iter()
            .filter_map(|event| event.reason)
            .collect())
    }
}

fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": format!("{REGISTRY}/{image}")}]},
    })
}

fn condition(pod: &Pod, type_: &str) -> Option<(String, String)> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((found.status.clone(), found.message.clone().unwrap_or_default()))
}

fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|(status, _)| status == "True")
}

fn main_status(pod: &Pod) -> Value {
    json!(pod.status)["containerStatuses"][0].clone()
}

async fn node(lab: &Lab) -> Outcome {
    let node = Api::<Node>::all(lab.client.clone()).get("plumbline").await?;
    let node = json!(node);
    assert_eq!(node["spec"]["taints"], Value::Null);
    assert_eq!(node["status"]["conditions"][0]["type"], "Ready");
    assert!(
        node["status"]["nodeInfo"]["kubeletVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with("plumbline"))
    );
    assert_eq!(
        node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"],
        lab.agent.kubelet_port()
    );
    Ok(())
}

async fn simulated(lab: &Lab) -> Outcome {
    let image = format!("{REGISTRY}/fixtures/hello:1.0.0");
    lab.apply::<Deployment>(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hello"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "hello"}}, "template": {
            "metadata": {"labels": {"app": "hello"}},
            "spec": {"containers": [{"name": "hello", "image": image, "readinessProbe": {"exec": {"command": ["x"]}}}]}}},
    }))
    .await?;
    await_condition(
        lab.api::<Deployment>(),
        "hello",
        |deployment: Option<&Deployment>| {
            deployment.and_then(|deployment| deployment.status.as_ref()?.available_replicas) == Some(3)
        },
    )
    .await?;
    let pods = lab
        .api::<Pod>()
        .list(&ListParams::default().labels("app=hello"))
        .await?;
    for pod in &pods {
        let status = main_status(pod);
        assert!(
            status["imageID"]
                .as_str()
                .is_some_and(|id| id.starts_with(&format!("{REGISTRY}/fixtures/hello@sha256:")))
        );
        assert!(
            status["containerID"]
                .as_str()
                .is_some_and(|id| id.starts_with("simulated://"))
        );
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        assert!(lab.agent.simulated().contains(&format!("default/{name}")));
        let log = lab.api::<Pod>().logs(name, &LogParams::default()).await?;
        assert!(log.contains("is simulated"), "{log}");
    }
    let addresses: std::collections::BTreeSet<_> = pods
        .iter()
        .map(|pod| pod.status.as_ref().and_then(|status| status.pod_ip.clone()))
        .collect();
    assert_eq!(addresses.len(), 3);
    lab.api::<Deployment>()
        .delete("hello", &DeleteParams::foreground())
        .await?;
    await_condition(
        lab.api::<Deployment>(),
        "hello",
        |deployment: Option<&Deployment>| deployment.is_none(),
    )
    .await?;
    Ok(())
}

async fn missing_image(lab: &Lab) -> Outcome {
    lab.apply::<Pod>(pod("missing", "fixtures/hello:9.9.9")).await?;
    let found = lab
        .until("missing", |pod| {
            main_status(pod)["state"]["waiting"]["reason"] == "ImagePullBackOff"
        })
        .await?;
    let message = main_status(&found)["state"]["waiting"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        message.contains("fixtures/hello:9.9.9 is not in its registry"),
        "{message}"
    );
    assert_eq!(json!(found.status)["phase"], "Pending");
    lab.remove("missing").await
}

/// The kinds that source-controller wants to find, without their schemas, and the right to use them.
async fn prepare_controller(lab: &Lab) -> Outcome {
    use k8s_openapi::{
        api::rbac::v1::ClusterRoleBinding,
        apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    };
    let definitions: Api<CustomResourceDefinition> = Api::all(lab.client.clone());
    let parameters = PatchParams::apply("test").force();
    for (kind, plural) in [
        ("Bucket", "buckets"),
        ("ExternalArtifact", "externalartifacts"),
        ("GitRepository", "gitrepositories"),
        ("HelmChart", "helmcharts"),
        ("HelmRepository", "helmrepositories"),
        ("OCIRepository", "ocirepositories"),
    ] {
        let name = format!("{plural}.source.toolkit.fluxcd.io");
        let schema =
            json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": schema, "subresources": {"status": {}}});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
            "spec": {"group": "source.toolkit.fluxcd.io", "scope": "Namespaced", "versions": [version],
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")}},
        });
        definitions
            .patch(&name, &parameters, &Patch::Apply(&definition))
            .await?;
        await_condition(definitions.clone(), &name, conditions::is_crd_established()).await?;
    }
    let bindings: Api<ClusterRoleBinding> = Api::all(lab.client.clone());
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "source"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    });
    bindings
        .patch("source", &parameters, &Patch::Apply(&binding))
        .await?;
    Ok(())
}

async fn controller(lab: &Lab) -> Outcome {
    prepare_controller(lab).await?;
    let mut source = pod("source", "fluxcd/source-controller:v1.9.3");
    source["spec"]["terminationGracePeriodSeconds"] = json!(10);
    source["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]);
    let container = &mut source["spec"]["containers"][0];
    container["args"] = json!([
        "--storage-path=/data",
        "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc."
    ]);
    container["env"] = json!([{"name": "RUNTIME_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]);
    container["ports"] = json!([{"name": "healthz", "containerPort": 9440}]);
    container["securityContext"] = json!({"readOnlyRootFilesystem": true});
    container["readinessProbe"] = json!({"httpGet": {"path": "/readyz", "port": "healthz"}});
    container["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]);
    lab.apply::<Pod>(source).await?;
    let ready = lab.until("source", is_ready).await?;
    let status = main_status(&ready);
    let process = status["containerID"]
        .as_str()
        .and_then(|id| id.strip_prefix("process://"))
        .ok_or("no process id")?;
    let process = PathBuf::from("/proc").join(process);
    assert!(process.exists());
    assert_eq!(
        lab.agent.counts(),
        PodCounts {
            process: 1,
            simulated: 0
        }
    );
    let log = lab
        .api::<Pod>()
        .logs(
            "source",
            &LogParams {
                tail_lines: Some(2),
                ..LogParams::default()
            },
        )
        .await?;
    assert!(!log.is_empty() && log.lines().count() <= 2, "{log}");
    let path = lab
        .agent
        .log_path("default", "source", "main")
        .ok_or("no log path")?;
    assert!(path.is_file());

    let pid = rustix::process::Pid::from_raw(
        process
            .file_name()
            .and_then(|id| id.to_str())
            .ok_or("no id")?
            .parse()?,
    );
    rustix::process::kill_process(pid.ok_or("no process")?, rustix::process::Signal::KILL)?;
    let restarted = lab
        .until("source", |pod| {
            is_ready(pod) && main_status(pod)["restartCount"] == 1
        })
        .await?;
    assert_eq!(
        main_status(&restarted)["lastState"]["terminated"]["exitCode"],
        137
    );
    let previous = LogParams {
        previous: true,
        ..LogParams::default()
    };
    assert!(!lab.api::<Pod>().logs("source", &previous).await?.is_empty());
    let reasons = lab.reasons("source").await?;
    for reason in ["Scheduled", "Pulled", "Created", "Started"] {
        assert!(
            reasons.iter().any(|other| other == reason),
            "{reason} is not in {reasons:?}"
        );
    }

    lab.remove("source").await?;
    assert!(lab.agent.log_path("default", "source", "main").is_none());
    Ok(())
}

async fn missing_configuration(lab: &Lab) -> Outcome {
    let mut waiting = pod("waiting", "fluxcd/source-controller:v1.9.3");
    let container = &mut waiting["spec"]["containers"][0];
    container["env"] = json!([{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "a"}}}]);
    lab.apply::<Pod>(waiting).await?;
    let held = |pod: &Pod| main_status(pod)["state"]["waiting"]["reason"] == "CreateContainerConfigError";
    let found = lab.until("waiting", held).await?;
    assert_eq!(
        main_status(&found)["state"]["waiting"]["message"],
        "configmap \"late\" not found"
    );
    lab.apply::<k8s_openapi::api::core::v1::ConfigMap>(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"a": "1"}}),
    )
    .await?;
    lab.until("waiting", |pod| !main_status(pod)["state"]["running"].is_null())
        .await?;
    lab.remove("waiting").await
}

async fn faults(lab: &Lab) -> Outcome {
    let mut crashing = pod("crashing", "fixtures/hello:1.0.0");
    crashing["metadata"]["annotations"] = json!({FAULT_ANNOTATION: "CrashLoopBackOff"});
    lab.apply::<Pod>(crashing).await?;
    let looping = |pod: &Pod| main_status(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let found = lab.until("crashing", looping).await?;
    assert_eq!(main_status(&found)["lastState"]["terminated"]["exitCode"], 1);
    assert!(!is_ready(&found));
    lab.remove("crashing").await?;

    lab.apply::<Pod>(pod("moody", "fixtures/hello:1.0.0")).await?;
    lab.until("moody", is_ready).await?;
    let annotate = |fault: &str| json!({"metadata": {"annotations": {FAULT_ANNOTATION: fault}}});
    let patch = |fault: &str| Patch::Merge(annotate(fault));
    lab.api::<Pod>()
        .patch("moody", &PatchParams::default(), &patch("NotReady"))
        .await?;
    lab.until("moody", |pod| !is_ready(pod)).await?;
    lab.api::<Pod>()
        .patch("moody", &PatchParams::default(), &patch(""))
        .await?;
    lab.until("moody", is_ready).await?;
    lab.remove("moody").await
}

async fn job(lab: &Lab) -> Outcome {
    use k8s_openapi::api::batch::v1::Job;
    let image = format!("{REGISTRY}/fixtures/hello:1.0.0");
    lab.apply::<Job>(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "initContainers": [{"name": "before", "image": image}],
            "containers": [{"name": "main", "image": image}]}}},
    }))
    .await?;
    await_condition(lab.api::<Job>(), "once", conditions::is_job_completed()).await?;
    lab.api::<Job>()
        .delete("once", &DeleteParams::foreground())
        .await?;
    await_condition(lab.api::<Job>(), "once", |job: Option<&Job>| job.is_none()).await?;
    Ok(())
}

async fn cordon(lab: &Lab) -> Outcome {
    let nodes = Api::<Node>::all(lab.client.clone());
    nodes.cordon("plumbline").await?;
    await_condition(nodes.clone(), "plumbline", |node: Option<&Node>| {
        node.is_some_and(|node| json!(node.spec)["taints"][0]["key"] == "node.kubernetes.io/unschedulable")
    })
    .await?;
    lab.apply::<Pod>(pod("patient", "fixtures/hello:1.0.0")).await?;
    let refused = |pod: &Pod| condition(pod, "PodScheduled").is_some_and(|(status, _)| status == "False");
    let found = lab.until("patient", refused).await?;
    let (_, message) = condition(&found, "PodScheduled").unwrap_or_default();
    assert!(message.starts_with("0/1 nodes are available"), "{message}");
    nodes.uncordon("plumbline").await?;
    lab.until("patient", is_ready).await?;
    lab.remove("patient").await
}
