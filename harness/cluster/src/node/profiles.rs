//! Which images are run as processes, and what a process needs that a pod with its own network would not.
//!
//! Processes share the machine's network, so each listens on its pod's own loopback address ("twin") with the port
//! that the pod asked for; no controller elects a leader, because outside of a cluster it does not know its namespace.

use super::mounts::Mounts;
use std::{net::Ipv4Addr, path::Path};

/// A flag that makes a program listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenFlag {
    /// One flag for both: `--health-addr=:9440`.
    Address {
        /// The flag with its dashes.
        flag: String,
        /// The port where the pod's own arguments name none.
        default_port: u16,
    },
    /// A flag for each: `--webhookServerHost`, `--webhookServerPort=9443`. The pod's own port stays as it is.
    HostAndPort {
        /// The flag of the host, with its dashes.
        host: String,
        /// The flag of the port, with its dashes.
        port: String,
        /// The port where the pod's own arguments name none.
        default_port: u16,
    },
}

/// Where the things of one process are, which arguments may name by placeholders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whereabouts<'a> {
    /// The pod's loopback address: `{address}`.
    pub(crate) address: Ipv4Addr,
    /// The extracted image: `{rootfs}`.
    pub(crate) rootfs: &'a Path,
    /// The pod's kubeconfig: `{kubeconfig}`.
    pub(crate) kubeconfig: &'a Path,
}

/// How a program of the platform is run as a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramProfile {
    /// The end of the image's repository, for example `fluxcd/source-controller`.
    pub repository: String,
    /// Flags that make it listen: their host is replaced by the pod's own address, their port is kept.
    pub listen: Vec<ListenFlag>,
    /// Arguments appended after the pod's own (the later of two equal flags wins). `{rootfs}` stands for the
    /// extracted image, `{address}` for the pod's loopback address, `{port}` for the first port that it listens on,
    /// `{kubeconfig}` for the file that names the API server and the pod's identity.
    pub arguments: Vec<String>,
    /// Variables that are set unless the image or the pod sets them.
    pub environment: Vec<(String, String)>,
}

impl ProgramProfile {
    /// The profiles of the Flux Operator, the six Flux controllers, and Kyverno.
    #[must_use]
    pub fn platform() -> Vec<Self> {
        let controller = |name: &str, more: &[(&str, u16)]| {
            Self::controller(
                &format!("fluxcd/{name}"),
                &[&[("--metrics-addr", 8080), ("--health-addr", 9440)], more].concat(),
            )
        };
        let mut operator = Self::controller(
            "controlplaneio-fluxcd/flux-operator",
            &[("--metrics-addr", 8080), ("--health-addr", 8081)],
        );
        operator.arguments.extend([
            "--storage-path={rootfs}/data".to_owned(),
            "--web-server-port=0".to_owned(),
        ]);
        // The official build has FIPS mode linked in and refuses to start without it.
        operator
            .environment
            .push(("GODEBUG".to_owned(), "fips140=on".to_owned()));
        let mut image_reflector = controller("image-reflector-controller", &[]);
        // The path of its database is compiled in, so it has to be said to be found among the mounts.
        image_reflector.arguments.push("--storage-path=/data".to_owned());
        vec![
            operator,
            controller("source-controller", &[("--storage-addr", 9090)]),
            controller("kustomize-controller", &[]),
            controller("helm-controller", &[]),
            controller(
                "notification-controller",
                &[("--receiverAddr", 9292), ("--events-addr", 9090)],
            ),
            image_reflector,
            controller("image-automation-controller", &[]),
            Self::kyverno(),
        ]
    }

    /// Kyverno, whose webhook the API server calls: a name of a Service means nothing to it here, so Kyverno registers
    /// the pod's own address. That address is in its certificate, so each address has a certificate of its own.
    fn kyverno() -> Self {
        let arguments = [
            "--kubeconfig={kubeconfig}",
            "--serverIP={address}:{port}",
            "--tlsSecretName=kyverno-svc.kyverno.svc.kyverno-tls-pair-{address}",
            // They would listen on the machine's own addresses, even where nothing is to be measured: no provider does not.
            "--disableMetrics=true",
            "--otelConfig=none",
            "--controllerRuntimeMetricsAddress=0",
        ];
        Self {
            repository: "kyverno/kyverno".to_owned(),
            listen: vec![ListenFlag::HostAndPort {
                host: "--webhookServerHost".to_owned(),
                port: "--webhookServerPort".to_owned(),
                default_port: 9443,
            }],
            arguments: arguments.map(str::to_owned).into(),
            environment: Vec::new(),
        }
    }

    fn controller(repository: &str, listen: &[(&str, u16)]) -> Self {
        let listen = listen
            .iter()
            .map(|(flag, default_port)| ListenFlag::Address {
                flag: (*flag).to_owned(),
                default_port: *default_port,
            })
            .collect();
        Self {
            repository: repository.to_owned(),
            listen,
            arguments: vec!["--enable-leader-election=false".to_owned()],
            environment: Vec::new(),
        }
    }

    /// Whether an image of this repository (without registry, tag and digest) is run by this profile.
    #[must_use]
    pub fn matches(&self, repository: &str) -> bool {
        repository
            .strip_suffix(self.repository.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }

    /// The arguments to append to `own`, and the ports that the process then listens on.
    pub(crate) fn appended(
        &self,
        own: &[String],
        whereabouts: Whereabouts<'_>,
        mounts: &Mounts,
    ) -> (Vec<String>, Vec<u16>) {
        let address = whereabouts.address;
        let mut arguments = Vec::new();
        let mut ports = Vec::new();
        for listen in &self.listen {
            match listen {
                ListenFlag::Address { flag, default_port } => {
                    let port = asked_port(own, flag).unwrap_or(*default_port);
                    // Port 0 turns a listener off, which is the pod's own wish.
                    if port == 0 {
                        continue;
                    }
                    arguments.push(format!("{flag}={address}:{port}"));
                    ports.push(port);
                }
                ListenFlag::HostAndPort {
                    host,
                    port,
                    default_port,
                } => {
                    arguments.push(format!("{host}={address}"));
                    let asked = last_value(own, port).and_then(|value| value.parse().ok());
                    ports.push(asked.unwrap_or(*default_port));
                }
            }
        }
        let rootfs = whereabouts.rootfs.display().to_string();
        let kubeconfig = whereabouts.kubeconfig.display().to_string();
        let port = ports.first().copied().unwrap_or_default().to_string();
        arguments.extend(self.arguments.iter().map(|argument| {
            // Mounts first: where the image really lies may look like a mount path.
            mounts
                .rewrite(argument)
                .replace("{rootfs}", &rootfs)
                .replace("{kubeconfig}", &kubeconfig)
                .replace("{address}", &address.to_string())
                .replace("{port}", &port)
        }));
        (arguments, ports)
    }
}

/// The port of the last `flag=host:port` or `flag host:port` among `arguments`. A value that is a URL (the events
/// address of a controller that sends events) is no listening address.
fn asked_port(arguments: &[String], flag: &str) -> Option<u16> {
    let port = |value: &str| match value {
        "0" => Some(0),
        _ => value.rsplit_once(':')?.1.parse().ok(),
    };
    values(arguments, flag)
        .filter(|value| !value.contains('/'))
        .filter_map(port)
        .last()
}

fn last_value<'a>(arguments: &'a [String], flag: &'a str) -> Option<&'a str> {
    values(arguments, flag).last()
}

/// The values of `flag=value` and `flag value` among `arguments`.
fn values<'a>(arguments: &'a [String], flag: &'a str) -> impl Iterator<Item = &'a str> {
    arguments
        .iter()
        .enumerate()
        .filter_map(move |(index, argument)| match argument.strip_prefix(flag)? {
            "" => arguments.get(index + 1).map(String::as_str),
            rest => rest.strip_prefix('='),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whereabouts() -> Whereabouts<'static> {
        Whereabouts {
            address: Ipv4Addr::new(127, 244, 7, 9),
            rootfs: Path::new("/store/rootfs"),
            kubeconfig: Path::new("/pods/p/identity/kubeconfig"),
        }
    }

    fn profile(repository: &str) -> ProgramProfile {
        ProgramProfile::platform()
            .into_iter()
            .find(|profile| profile.matches(repository))
            .unwrap()
    }

    fn strings(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|argument| (*argument).to_owned()).collect()
    }

    #[test]
    fn a_profile_is_found_by_whole_path_segments() {
        let source = profile("fluxcd/source-controller");
        assert!(source.matches("mirror/fluxcd/source-controller"));
        assert!(!source.matches("notfluxcd/source-controller"));
        assert!(!source.matches("fluxcd/source-controller-arm64"));
        assert!(!source.matches("source-controller"));
    }

    #[test]
    fn a_listener_keeps_the_pods_port_and_gets_the_pods_address() {
        let own = strings(&[
            "--health-addr=:9555",
            "--events-addr=http://notification-controller.x.svc./",
        ]);
        let (arguments, ports) =
            profile("fluxcd/notification-controller").appended(&own, whereabouts(), &Mounts::default());
        assert_eq!(
            arguments,
            [
                "--metrics-addr=127.244.7.9:8080",
                "--health-addr=127.244.7.9:9555",
                "--receiverAddr=127.244.7.9:9292",
                "--events-addr=127.244.7.9:9090",
                "--enable-leader-election=false",
            ]
        );
        assert_eq!(ports, [8080, 9555, 9292, 9090]);
    }

    #[test]
    fn a_listener_that_the_pod_turned_off_stays_off() {
        let own = strings(&["--metrics-addr", "0"]);
        let (arguments, ports) =
            profile("fluxcd/helm-controller").appended(&own, whereabouts(), &Mounts::default());
        assert_eq!(ports, [9440]);
        assert!(
            !arguments
                .iter()
                .any(|argument| argument.starts_with("--metrics-addr"))
        );
    }

    #[test]
    fn the_operator_reads_the_data_of_its_image() {
        let operator = profile("controlplaneio-fluxcd/flux-operator");
        let (arguments, _) = operator.appended(&[], whereabouts(), &Mounts::default());
        assert!(arguments.contains(&"--storage-path=/store/rootfs/data".to_owned()));
        assert_eq!(
            operator.environment,
            [("GODEBUG".to_owned(), "fips140=on".to_owned())]
        );
    }

    #[test]
    fn the_api_server_reaches_kyverno_at_the_address_that_its_certificate_is_for() {
        let own = strings(&["--webhookServerPort=9444", "--disableMetrics=false"]);
        let (arguments, ports) = profile("kyverno/kyverno").appended(&own, whereabouts(), &Mounts::default());
        assert_eq!(
            arguments,
            [
                "--webhookServerHost=127.244.7.9",
                "--kubeconfig=/pods/p/identity/kubeconfig",
                "--serverIP=127.244.7.9:9444",
                "--tlsSecretName=kyverno-svc.kyverno.svc.kyverno-tls-pair-127.244.7.9",
                "--disableMetrics=true",
                "--otelConfig=none",
                "--controllerRuntimeMetricsAddress=0",
            ]
        );
        assert_eq!(ports, [9444]);
    }
}
