//! The network of a run's clusters, and the gateway in it: the container that bears the names of the run's servers, and that
//! whatever else the clusters send comes to.

use super::{
    KindError,
    configuration::{POD_NETWORK, SERVICE_NETWORK},
};
use crate::docker::{Docker, EngineDisk, Removal};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_keeper::Will;
use plumbline_servers::{ContainerDirectory, Gateway, GatewayOptions};
use std::{
    collections::HashMap,
    fs::DirBuilder,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The label of everything that the engine holds for a run; its value is the run's directory.
pub(crate) const LABEL: &str = "test.plumbline.run";

/// The label with the name of the machine that the directory is on: several may share an engine.
pub(crate) const MACHINE: &str = "test.plumbline.machine";

/// kind's label of its nodes; its value is the cluster's name.
pub(super) const CLUSTER: &str = "io.x-k8s.kind.cluster";

/// What runs in the gateway container.
const GATEWAY: &str = include_str!("gateway.sh");
/// The least with which a run is begun, in megabytes: the platform alone takes 1,100 of the engine's disk. All scenarios together
/// take 2,200, so that the disk is looked at while they run, too.
pub(crate) const NEEDED_ROOM: u64 = 1_500;
/// How much is told of what it says.
const SAID_LINES: &str = "5";

/// Removes every container whose name begins as the network's, and the network. An engine that was asked for a container by a
/// client that was killed since makes it nevertheless, a moment later: so it is done only when none has come for a while.
const REMOVAL: &str = r#"
quiet=0
while [ "$quiet" -lt 4 ]; do
    held=$("$1" ps --all --quiet --filter "name=^$2") || exit
    if [ -z "$held" ]; then
        quiet=$((quiet + 1))
        sleep 0.5
    else
        quiet=0
        "$1" rm --force --volumes $held
    fi
done
network=$("$1" network ls --quiet --filter "name=^$2\$") || exit
[ -z "$network" ] || "$1" network rm "$network"
"#;

/// How to make a [`Network`].
pub struct NetworkOptions {
    /// The engine.
    pub docker: Docker,
    /// An image that has a shell, `ip` and socat: that of the nodes.
    pub image: String,
    /// Hosts, and the loopback addresses that they are served at.
    pub names: HashMap<String, SocketAddr>,
    /// Where the sockets are made.
    pub directory: PathBuf,
}

/// A network of the run's own. Dropping it leaves what the engine holds to the keeper.
pub struct Network {
    docker: Docker,
    disk: EngineDisk,
    name: String,
    container: String,
    gateway: Gateway,
    address: Ipv4Addr,
    will: Will,
}

/// The containers in a network.
struct Containers {
    docker: Docker,
    network: String,
}

impl ContainerDirectory for Containers {
    /// Nodes only: their names begin as the network's does.
    fn address(&self, name: &str) -> BoxFuture<'static, Option<Ipv4Addr>> {
        if !name.starts_with(&self.network) {
            return std::future::ready(None).boxed();
        }
        let docker = self.docker.clone();
        let format = format!(
            "{{{{(index .NetworkSettings.Networks {:?}).IPAddress}}}}",
            self.network
        );
        let name = name.to_owned();
        async move {
            let arguments = ["container", "inspect", "--format", &format, &name];
            let answer = docker.ask("tell the address of a container", arguments).await;
            answer.ok()?.parse().ok()
        }
        .boxed()
    }
}

impl Network {
    /// Makes the network and starts the gateway in it.
    ///
    /// # Errors
    /// The engine does not answer, has not got the image or too little room, or makes no gateway of the image.
    pub async fn start(options: NetworkOptions) -> Result<Self, KindError> {
        let NetworkOptions {
            docker,
            image,
            names,
            directory,
        } = options;
        docker.engine().await?;
        let (id, disk) = futures::try_join!(docker.image_id(&image), EngineDisk::find(&docker))?;
        if id.is_none() {
            return Err(KindError::NoImage { image });
        }
        disk.require(NEEDED_ROOM)?;
        let run = docker.keeper().run_directory().clone();
        let name = format!("plumbline-{}", run.run());
        let container = format!("{name}-gateway");
        let labels = labels(&docker);
        let sockets = directory.join("gateway");
        DirBuilder::new()
            .mode(0o700)
            .create(&sockets)
            .map_err(KindError::file(&sockets))?;
        let gateway = Gateway::start(GatewayOptions {
            names,
            containers: Arc::new(Containers {
                docker: docker.clone(),
                network: name.clone(),
            }),
            directory: sockets.clone(),
        })?;
        // Noted before anything is there: whenever we are killed, it goes.
        let will = docker.keeper().bequeath(&docker.script(REMOVAL, &name))?;
        let mut network = Self {
            docker,
            disk,
            name,
            container,
            gateway,
            address: Ipv4Addr::UNSPECIFIED,
            will,
        };
        network.create(&labels).await?;
        network.address = network.run_gateway(&labels, &image, &sockets).await?;
        Ok(network)
    }

    async fn create(&self, labels: &[String; 2]) -> Result<(), KindError> {
        let what = format!("create the network {}", self.name);
        let [run, machine] = labels;
        let arguments = ["network", "create", run, machine, &self.name];
        self.docker.ask(&what, arguments).await?;
        Ok(())
    }

    /// Starts the gateway container, and waits until it says where it is.
    async fn run_gateway(
        &self,
        labels: &[String; 2],
        image: &str,
        sockets: &Path,
    ) -> Result<Ipv4Addr, KindError> {
        let volume = format!("{}:/run/plumbline:ro", sockets.display());
        let [run, machine] = labels;
        let arguments = [
            "run",
            "--detach",
            "--name",
            &self.container,
            run,
            machine,
            "--network",
            &self.name,
            "--volume",
            &volume,
            "--cap-add=NET_ADMIN",
            // It forwards nothing, yet only one that might says that an address cannot be reached.
            "--sysctl=net.ipv4.ip_forward=1",
            // It takes every address for its own, and is not to say so to those who only ask.
            "--sysctl=net.ipv4.icmp_echo_ignore_all=1",
            "--entrypoint=/bin/sh",
            image,
            "-c",
            GATEWAY,
            "gateway",
            POD_NETWORK,
            SERVICE_NETWORK,
        ];
        self.docker.ask("start the gateway container", arguments).await?;
        let ended = self
            .docker
            .ask("see the gateway container end", ["wait", &self.container]);
        let why = tokio::select! {
            address = self.gateway.address() => return Ok(address),
            ended = ended => match ended {
                Ok(_) => {
                    let arguments = ["logs", "--tail", SAID_LINES, &self.container];
                    self.docker.ask("tell what the gateway container said", arguments).await?
                }
                Err(error) => error.to_string(),
            },
        };
        Err(KindError::UnusableImage {
            image: image.to_owned(),
            why: format!("its shell, `ip` and socat do not make a gateway: {why}"),
        })
    }

    /// Its name, which kind is told.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The engine.
    #[must_use]
    pub const fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The engine's disk.
    #[must_use]
    pub const fn disk(&self) -> &EngineDisk {
        &self.disk
    }

    /// The address of the gateway: the name server of the nodes, and the way to everything outside.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// What passes through the gateway.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Removes the gateway and the network, which no cluster may use any more.
    ///
    /// # Errors
    /// The engine does not do it.
    pub async fn stop(&self) -> Result<(), KindError> {
        Removal::of_container(&self.container)
            .perform(&self.docker)
            .await?;
        Removal::of_network(&self.name).perform(&self.docker).await?;
        self.will.revoke();
        Ok(())
    }
}

/// The arguments by which everything that the engine makes for this run can be told from what others have there.
pub(super) fn labels(docker: &Docker) -> [String; 2] {
    [
        format!(
            "--label={LABEL}={}",
            docker.keeper().run_directory().path().display()
        ),
        format!("--label={MACHINE}={}", machine()),
    ]
}

/// The name of this machine, or of the container that we are in.
pub(crate) fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
