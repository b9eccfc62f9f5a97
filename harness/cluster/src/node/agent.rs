//! The agent: its start, the one watch of pods, and its end.

use super::{
    addresses::AddressRange,
    context::{Context, PodUpdate},
    error::NodeError,
    events::Recorder,
    identity::ApiServer,
    kubelet, pod,
    policy::ImagePolicy,
    profiles::ProgramProfile,
    records::{PodCounts, Records, log_file},
    registration::Registration,
    volumes::make_directory,
};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, watcher},
};
use plumbline_images::ImageStore;
use plumbline_keeper::{Keeper, Signal};
use plumbline_servers::{Listener, Server};
use rustls::ServerConfig;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// How long a stopping agent waits for its pods; each gets a shorter grace.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// What a node agent is made from.
pub struct NodeOptions {
    /// A client with all rights.
    pub client: Client,
    /// Starts the processes.
    pub keeper: Keeper,
    /// Resolves and extracts images.
    pub images: Arc<ImageStore>,
    /// The name of the node.
    pub node_name: String,
    /// `N` of the pod addresses `10.244.N.x`.
    pub pod_range: u8,
    /// Pods live below this directory, in `pods/<namespace>_<name>_<uid>/`.
    pub run_directory: PathBuf,
    /// How pods reach the API server.
    pub api_server: ApiServer,
    /// The only way from a pod to anything else.
    pub proxy: SocketAddr,
    /// Certificates that pod processes trust instead of the machine's (`SSL_CERT_FILE`), unless the pod says otherwise.
    pub certificates: Option<PathBuf>,
    /// TLS of the kubelet's interface; it must require a client certificate of the control plane.
    pub kubelet_tls: Arc<ServerConfig>,
    /// Decides which images may run; without one all may.
    pub policy: Option<Arc<dyn ImagePolicy>>,
    /// Which images are run as processes; all others are simulated.
    pub programs: Vec<ProgramProfile>,
}

impl fmt::Debug for NodeOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NodeOptions")
            .field("node_name", &self.node_name)
            .field("pod_range", &self.pod_range)
            .field("run_directory", &self.run_directory)
            .field("api_server", &self.api_server.url)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// The running agent. Dropping it without [`NodeAgent::stop`] ends its work and its processes without waiting.
pub struct NodeAgent {
    context: Arc<Context>,
    kubelet: Mutex<Option<Server>>,
    kubelet_port: u16,
    tasks: TaskTracker,
    pods: TaskTracker,
}

impl fmt::Debug for NodeAgent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NodeAgent")
            .field("node_name", &self.context.node_name)
            .finish_non_exhaustive()
    }
}

impl NodeAgent {
    /// Registers the node and begins to look after its pods.
    pub async fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let pods_directory = options.run_directory.join("pods");
        make_directory(&pods_directory).map_err(|source| NodeError::Directory {
            path: pods_directory.clone(),
            source,
        })?;
        let records = Records::new();
        let listener = Listener::bind_loopback(SocketAddr::from((NODE_ADDRESS, 0)))
            .await
            .map_err(|source| NodeError::Listen {
                source: Box::new(source),
            })?
            .with_tls(Some(options.kubelet_tls));
        let kubelet = Server::start_router(listener, kubelet::router(records.clone()));
        let kubelet_port = kubelet.address().port();
        let registration = Registration {
            client: options.client.clone(),
            name: options.node_name.clone(),
            address: NODE_ADDRESS,
            kubelet_port,
        };
        let (node_changes, node) = watch::channel(registration.register().await?);
        let (events, recording) = Recorder::new(options.client.clone(), options.node_name.clone());
        let context = Arc::new(Context {
            client: options.client,
            keeper: options.keeper,
            images: options.images,
            policy: options.policy,
            node_name: options.node_name,
            host_ip: NODE_ADDRESS,
            addresses: AddressRange::new(options.pod_range),
            pods_directory,
            api_server: options.api_server,
            proxy: options.proxy,
            certificates: options.certificates,
            programs: options.programs,
            events,
            records,
            node,
            stop: CancellationToken::new(),
        });
        let (pods, tasks) = (TaskTracker::new(), TaskTracker::new());
        let stop = &context.stop;
        tasks.spawn(stop.clone().run_until_cancelled_owned(recording));
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(registration.clone().keep_alive()),
        );
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(registration.follow(node_changes)),
        );
        tasks.spawn(follow_pods(context.clone(), pods.clone()));
        Ok(Self {
            context,
            kubelet: Mutex::new(Some(kubelet)),
            kubelet_port,
            tasks,
            pods,
        })
    }

    /// Ends the pods' processes and the agent's own work. The API's objects stay as they are.
    pub async fn stop(&self) {
        self.context.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.pods.close();
        if tokio::time::timeout(STOP_LIMIT, self.pods.wait()).await.is_err() {
            tracing::warn!("some pods did not end in time; the keeper ends their processes");
        }
        let kubelet = self.kubelet.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(kubelet) = kubelet {
            kubelet.stop().await;
        }
    }

    /// The port of the kubelet's interface.
    #[must_use]
    pub const fn kubelet_port(&self) -> u16 {
        self.kubelet_port
    }

    /// The log of a container that is a process, as long as its pod is there.
    #[must_use]
    pub fn log_path(&self, namespace: &str, pod: &str, container: &str) -> Option<PathBuf> {
        let record = self.context.records.get(namespace, pod)?;
        let known = record.containers.get(container).filter(|known| known.process)?;
        Some(log_file(&record.directory, container, known.restarts))
    }

    /// The logs of all containers that are processes, by the name of their Deployment or pod.
    #[must_use]
    pub fn logs(&self) -> Vec<(String, PathBuf)> {
        self.context.records.logs()
    }

    /// Told of every change of what the node runs: pods that come and go, processes that start and end.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.context.records.changes()
    }

    /// Ends the processes of a workload as a crash would, and tells how many there were once they have ended. Their pods start them again.
    pub async fn kill(&self, workload: &str) -> usize {
        let processes = self.context.records.processes(workload);
        for process in &processes {
            process.signal(Signal::KILL);
        }
        for process in &processes {
            process.wait().await;
        }
        processes.len()
    }

    /// The pods that are simulated now, as `namespace/name`, sorted.
    #[must_use]
    pub fn simulated(&self) -> Vec<String> {
        self.context.records.simulated()
    }

    /// How many pods are processes, and how many are simulated.
    #[must_use]
    pub fn counts(&self) -> PodCounts {
        self.context.records.counts()
    }
}

impl Drop for NodeAgent {
    fn drop(&mut self) {
        self.context.stop.cancel();
    }
}

/// The pods that have a task, by their uid.
type Attended = HashMap<String, watch::Sender<PodUpdate>>;

/// Keeps one task per pod, told of every change of it, for ever.
async fn follow_pods(context: Arc<Context>, tracker: TaskTracker) {
    let api: Api<Pod> = Api::all(context.client.clone());
    let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    let mut attended = Attended::new();
    let mut listed: HashSet<String> = HashSet::new();
    loop {
        let event = tokio::select! {
            event = events.try_next() => event,
            () = context.stop.cancelled() => return,
        };
        match event {
            Ok(Some(watcher::Event::Apply(pod))) => present(&context, &tracker, &mut attended, pod),
            Ok(Some(watcher::Event::Delete(pod))) => {
                if let Some(gone) = attended.remove(&uid(&pod)) {
                    gone.send_replace(PodUpdate::Gone);
                }
            }
            Ok(Some(watcher::Event::Init)) => listed.clear(),
            Ok(Some(watcher::Event::InitApply(pod))) => {
                listed.insert(uid(&pod));
                present(&context, &tracker, &mut attended, pod);
            }
            Ok(Some(watcher::Event::InitDone)) => attended.retain(|uid, pod| {
                let there = listed.contains(uid);
                if !there {
                    pod.send_replace(PodUpdate::Gone);
                }
                there
            }),
            Ok(None) => return,
            Err(error) => tracing::debug!(%error, "the watch of pods is interrupted"),
        }
    }
}

fn present(context: &Arc<Context>, tracker: &TaskTracker, attended: &mut Attended, pod: Pod) {
    let uid = uid(&pod);
    let update = PodUpdate::Present(Arc::new(pod));
    match attended.get(&uid) {
        Some(updates) => drop(updates.send_replace(update)),
        None => {
            let (updates, receiver) = watch::channel(update);
            tracker.spawn(pod::attend(context.clone(), receiver));
            attended.insert(uid, updates);
        }
    }
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}
