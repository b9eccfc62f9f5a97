//! The network of a run's clusters, and the gateway in it: the container that bears the names of the run's servers.

use super::KindError;
use crate::docker::Docker;
use plumbline_keeper::Will;
use plumbline_servers::{Gateway, GatewayOptions};
use std::{
    collections::HashMap, fs::DirBuilder, net::SocketAddr, os::unix::fs::DirBuilderExt as _, path::PathBuf,
};

/// The label of everything that the engine holds for a run; its value is the run's directory.
pub(crate) const LABEL: &str = "test.plumbline.run";

/// The label with the name of the machine that the directory is on: several may share an engine.
pub(crate) const MACHINE: &str = "test.plumbline.machine";

/// Where the gateway container finds our socket.
const SOCKET: &str = "/run/plumbline/gateway.sock";

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
    /// An image that has a shell and socat: that of the nodes.
    pub image: String,
    /// Hosts, and the loopback addresses that they are served at.
    pub names: HashMap<String, SocketAddr>,
    /// Where the socket is made.
    pub directory: PathBuf,
}

/// A network of the run's own. Dropping it leaves what the engine holds to the keeper.
pub struct Network {
    docker: Docker,
    name: String,
    container: String,
    gateway: Gateway,
    will: Will,
}

impl Network {
    /// Makes the network and starts the gateway in it.
    ///
    /// # Errors
    /// The engine does not answer, or has not got the image.
    pub async fn start(options: NetworkOptions) -> Result<Self, KindError> {
        let NetworkOptions {
            docker,
            image,
            names,
            directory,
        } = options;
        docker.engine().await?;
        if docker.image_id(&image).await?.is_none() {
            return Err(KindError::NoImage { image });
        }
        let run = docker.keeper().run_directory().clone();
        let name = format!("plumbline-{}", run.run());
        let container = format!("{name}-gateway");
        let labels = [
            format!("{LABEL}={}", run.path().display()),
            format!("{MACHINE}={}", machine()),
        ];
        let sockets = directory.join("gateway");
        DirBuilder::new()
            .mode(0o700)
            .create(&sockets)
            .map_err(KindError::file(&sockets))?;
        let mut hosts: Vec<&String> = names.keys().collect();
        hosts.sort();
        let aliases: Vec<String> = hosts
            .iter()
            .map(|host| format!("--network-alias={host}"))
            .collect();
        let gateway = Gateway::start(GatewayOptions {
            names,
            socket: sockets.join("gateway.sock"),
        })?;
        // Noted before anything is there: whenever we are killed, it goes.
        let will = docker.keeper().bequeath(&docker.script(REMOVAL, &name))?;
        let network = Self {
            docker,
            name,
            container,
            gateway,
            will,
        };
        network.create(&labels).await?;
        network.run_gateway(&labels, &image, &aliases, &sockets).await?;
        Ok(network)
    }

    async fn create(&self, labels: &[String; 2]) -> Result<(), KindError> {
        let what = format!("create the network {}", self.name);
        let [run, machine] = labels;
        let arguments = [
            "network", "create", "--label", run, "--label", machine, &self.name,
        ];
        self.docker.ask(&what, arguments).await?;
        Ok(())
    }

    async fn run_gateway(
        &self,
        labels: &[String; 2],
        image: &str,
        aliases: &[String],
        sockets: &std::path::Path,
    ) -> Result<(), KindError> {
        let volume = format!("{}:/run/plumbline:ro", sockets.display());
        let listen =
            |port: u16| format!("socat TCP-LISTEN:{port},fork,reuseaddr,backlog=256 UNIX-CONNECT:{SOCKET}");
        let script = format!("{} & exec {}", listen(80), listen(443));
        let [run, machine] = labels;
        let mut arguments = vec!["run", "--detach", "--name", &self.container];
        arguments.extend([
            "--label",
            run,
            "--label",
            machine,
            "--network",
            &self.name,
            "--volume",
            &volume,
            "--entrypoint",
            "/bin/sh",
        ]);
        arguments.extend(aliases.iter().map(String::as_str));
        arguments.extend([image, "-c", &script]);
        self.docker.ask("start the gateway container", arguments).await?;
        Ok(())
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
        let what = "remove the gateway container";
        let arguments = ["rm", "--force", "--volumes", &self.container];
        self.docker.ask(what, arguments).await?;
        let what = format!("remove the network {}", self.name);
        self.docker.ask(&what, ["network", "rm", &self.name]).await?;
        self.will.revoke();
        Ok(())
    }
}

/// The name of this machine, or of the container that we are in.
pub(crate) fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
