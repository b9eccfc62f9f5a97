//! One kind cluster: made, looked after, removed.

use super::{
    KindError, KindSettings, Network, kubeconfig,
    network::CLUSTER,
    node_files::{self, NodeFiles},
    words::last_words,
};
use crate::{
    docker::{Docker, EngineDisk},
    kubernetes::Access,
};
use plumbline_keeper::{Command, Finished, Output};
use plumbline_model::{Fault, FaultClass, Progress, Secret};
use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How long making a cluster may take; ten seconds on an idle machine.
const CREATED_WITHIN: Duration = Duration::from_secs(240);
/// How long removing one may take; two seconds on an idle machine, a minute on one that is busy.
const DELETED_WITHIN: Duration = Duration::from_secs(120);
/// The namespace in which containerd keeps the containers of pods.
const POD_CONTAINERS: &str = "k8s.io";

/// The private registry as the nodes use it.
pub struct RegistryLogin {
    /// Its name.
    pub host: String,
    /// Whom the nodes and all containers trust, in PEM.
    pub authority_pem: String,
    /// The login of the nodes, for images of pods without pull secrets.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
}

/// How to make a [`KindCluster`].
pub struct KindOptions<'a> {
    /// kind.
    pub program: PathBuf,
    /// Its network.
    pub network: &'a Network,
    /// What distinguishes its name from those of the run's other clusters; nothing for the first.
    pub suffix: &'a str,
    /// How it is set up.
    pub settings: &'a KindSettings,
    /// Where its files are.
    pub directory: PathBuf,
    /// The private registry.
    pub login: &'a RegistryLogin,
    /// What the image of the nodes makes containers from, as [`container_specification`] tells it.
    pub specification: &'a str,
    /// Hears what is being done.
    pub progress: Progress,
}

/// A running kind cluster. Dropping it leaves it to the keeper, which removes all that is in the network.
pub struct KindCluster {
    kind: Kind,
    name: String,
    kubeconfig: PathBuf,
    access: Access,
    fault: watch::Receiver<Option<Fault>>,
    guard: AbortOnDropHandle<()>,
}

impl KindCluster {
    /// Makes the cluster, and returns when its API server answers kind; its node may not be ready yet.
    ///
    /// # Errors
    /// The engine or kind does not do its part.
    pub async fn start(options: KindOptions<'_>) -> Result<Self, KindError> {
        let KindOptions {
            program,
            network,
            suffix,
            settings,
            directory,
            login,
            specification,
            progress,
        } = options;
        let kind = Kind {
            docker: network.docker().clone(),
            program,
            network: network.name().to_owned(),
        };
        let name = format!("{}{suffix}", network.name());
        let task = progress.task(format!("creating the kind cluster {name}"));
        let files = NodeFiles::write(&directory, settings, login, specification, network.address())?;
        let configuration = directory.join("kind.json");
        let cluster = settings.cluster(&name, &files.mounts(), &[node_files::patch(login)]);
        node_files::write(&configuration, &cluster.to_string(), node_files::PRIVATE)?;
        let kubeconfig = directory.join("kubeconfig");
        if kind.clusters().await?.contains(&name) {
            return Err(KindError::Taken { name });
        }
        kind.create(&name, &configuration, &kubeconfig).await?;
        kind.confine(&name, network.address()).await?;
        drop(task);
        let access = kubeconfig::read(&kubeconfig)?;
        let (fault, guard) = guard(&kind.docker, network.disk().clone(), &name).await?;
        Ok(Self {
            kind,
            name,
            kubeconfig,
            access,
            fault,
            guard,
        })
    }

    /// Its name: kind's, and the beginning of its containers'.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to reach the API server as its administrator.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// The kubeconfig of the administrator, readable for us only.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Turns into a fault as soon as the node of the control plane ends unasked, or the engine's disk is full.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<Option<Fault>> {
        self.fault.clone()
    }

    /// Kills the main process of a pod's container, as a crash would. `container` is the id that the pod's status shows.
    ///
    /// # Errors
    /// It does not run on that node.
    pub async fn kill(&self, node: &str, container: &str) -> Result<(), KindError> {
        let id = container.rsplit('/').next().unwrap_or(container);
        let kill = [
            "exec",
            node,
            "ctr",
            "--namespace",
            POD_CONTAINERS,
            "tasks",
            "kill",
            "--signal",
            "SIGKILL",
            id,
        ];
        let what = format!("kill the container {id}");
        self.kind.docker.ask(&what, kill).await?;
        Ok(())
    }

    /// Has kind write what the nodes logged to `folder`.
    ///
    /// # Errors
    /// The engine or kind does not do its part.
    pub async fn export_logs(&self, folder: &Path) -> Result<(), KindError> {
        let what = format!("export the logs of {}", self.name);
        let folder = folder.to_string_lossy();
        let command = self
            .kind
            .command(["export", "logs", &folder, "--name", &self.name]);
        self.kind
            .docker
            .ask_within(CREATED_WITHIN, &what, command)
            .await?;
        Ok(())
    }

    /// Removes the cluster.
    ///
    /// # Errors
    /// The engine or kind does not do it.
    pub async fn stop(self) -> Result<(), KindError> {
        self.guard.abort();
        let command = self.kind.command(["delete", "cluster", "--name", &self.name]);
        let said = self.kind.run(DELETED_WITHIN, command).await?;
        said.map_err(|said| KindError::not_deleted(&self.name, said))?;
        Ok(())
    }
}

/// What an image of nodes makes containers from. It is the same for all clusters of a run.
///
/// # Errors
/// The engine does not answer, or the image has no containerd.
pub async fn container_specification(docker: &Docker, image: &str) -> Result<String, KindError> {
    let what = "ask the node image how containers are made";
    let how = ["run", "--rm", "--pull=never", "--network=none"];
    let asked = ["--entrypoint=/usr/bin/ctr", image, "oci", "spec"];
    Ok(docker.ask(what, how.into_iter().chain(asked)).await?)
}

/// kind's command line.
struct Kind {
    docker: Docker,
    program: PathBuf,
    network: String,
}

impl Kind {
    fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        Command::new("kind", &self.program)
            .arguments(arguments)
            .environment(self.docker.environment())
            .environment([
                ("KIND_EXPERIMENTAL_PROVIDER", "docker"),
                ("KIND_EXPERIMENTAL_DOCKER_NETWORK", &self.network),
                // Nothing but what `--kubeconfig` names is ever written.
                ("KUBECONFIG", "/dev/null"),
            ])
            .directory("/")
            .output(Output::Captured)
    }

    async fn clusters(&self) -> Result<Vec<String>, KindError> {
        let command = self.command(["get", "clusters", "--quiet"]);
        let names = self
            .docker
            .ask_within(DELETED_WITHIN, "list the kind clusters", command)
            .await?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    async fn create(&self, name: &str, configuration: &Path, kubeconfig: &Path) -> Result<(), KindError> {
        let (configuration, kubeconfig) = (configuration.to_string_lossy(), kubeconfig.to_string_lossy());
        let command = self.command([
            "create",
            "cluster",
            "--name",
            name,
            "--config",
            &configuration,
            "--kubeconfig",
            &kubeconfig,
            "--wait",
            "0s",
        ]);
        let said = self.run(CREATED_WITHIN, command).await?;
        said.map_err(|said| KindError::not_created(name, said))
    }

    /// Makes `gateway` the way to everything outside the network, for the nodes and so for their pods. There must be such a
    /// way: what goes to a Service finds its route first, and only then where it is served.
    ///
    /// Nothing but what came with the node image has run yet, and names lead to the gateway from the start. What is sent to an
    /// address outside is never forwarded after this: on a machine with a way to the internet, an image that was not mirrored
    /// cannot be had from there either.
    async fn confine(&self, name: &str, gateway: Ipv4Addr) -> Result<(), KindError> {
        let label = format!("label={CLUSTER}={name}");
        let arguments = ["ps", "--filter", &label, "--format", "{{.Names}}"];
        let nodes = self.docker.ask("list the nodes of a cluster", arguments).await?;
        let gateway = gateway.to_string();
        let confined = nodes.lines().map(async |node| {
            let what = format!("lead the node {node} to the gateway");
            let route = ["exec", node, "ip", "route", "replace", "default", "via", &gateway];
            self.docker.ask(&what, route).await
        });
        futures::future::try_join_all(confined).await?;
        Ok(())
    }

    /// Runs kind; when it fails or takes too long, the end of what it said is given.
    async fn run(&self, within: Duration, command: Command) -> Result<Result<(), String>, KindError> {
        let child = self.docker.keeper().spawn(command).await?;
        let ended = tokio::time::timeout(within, child.wait()).await;
        if ended.is_err() {
            child.stop().await?;
        }
        let finished = child.finish().await;
        if ended.is_ok() && finished.status.success() {
            return Ok(Ok(()));
        }
        let said = String::from_utf8_lossy(&finished.stderr.bytes()).into_owned();
        let mut lines = last_words(&said);
        let late = format!("it was not done after {} s", within.as_secs());
        if ended.is_err() {
            lines.push(&late);
        }
        Ok(Err(lines.join("\n")))
    }
}

/// Reports the end of the control plane's node, for which the engine's client waits, and a disk that is full.
async fn guard(
    docker: &Docker,
    disk: EngineDisk,
    name: &str,
) -> Result<(watch::Receiver<Option<Fault>>, AbortOnDropHandle<()>), KindError> {
    let node = format!("{name}-control-plane");
    let waiting = docker.command(["wait", &node]).output(Output::Captured);
    let child = docker.keeper().spawn(waiting).await?;
    let (sender, receiver) = watch::channel(None);
    let task = tokio::spawn(async move {
        sender.send_replace(Some(first_fault(&node, child.finish(), &disk).await));
        // Those who ask later must find the fault too, until the cluster is dropped.
        std::future::pending::<()>().await;
    });
    Ok((receiver, AbortOnDropHandle::new(task)))
}

/// What ends a cluster: its node, or the disk under it.
async fn first_fault(node: &str, end: impl Future<Output = Finished>, disk: &EngineDisk) -> Fault {
    tokio::select! {
        finished = end => ended(node, &finished),
        shortage = disk.runs_out() => Fault {
            class: FaultClass::Environment,
            message: shortage.to_string(),
            attachments: Vec::new(),
        },
    }
}

/// What the end of the engine's client says about the node that it waited for.
fn ended(node: &str, finished: &Finished) -> Fault {
    let said = [finished.stdout.bytes(), finished.stderr.bytes()].map(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        text.trim().to_owned()
    });
    let message = match said {
        [code, _] if !code.is_empty() => {
            format!("the node {node} has ended (exit code {code}), and with it the cluster")
        }
        [_, error] => format!("the Docker engine does not look after the node {node} any more: {error}"),
    };
    Fault {
        class: FaultClass::Cluster,
        message,
        attachments: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_ends_the_cluster_and_is_the_machines_fault() {
        // A file system without blocks has none free.
        let full = EngineDisk::at(Path::new("/proc"));
        let fault = first_fault("node", std::future::pending(), &full).await;
        assert_eq!(fault.class, FaultClass::Environment);
        assert!(
            fault
                .message
                .starts_with("the disk of the Docker engine is full, with 0 MB free in /proc: "),
            "{}",
            fault.message
        );
    }
}
