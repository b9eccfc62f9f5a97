//! Which images are run as processes, and what a process needs that a pod with its own network would not.
//!
//! Processes share the machine's network, so each listens on its pod's own loopback address ("twin") with the port
//! that the pod asked for; nobody elects a leader, because outside of a cluster a program does not know its namespace.

use super::mounts::Mounts;
use std::net::Ipv4Addr;
use std::path::Path;

/// A flag that makes a program listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenFlag {
    /// The flag with its dashes, for example `--health-addr`.
    pub flag: String,
    /// The port where the pod's own arguments name none.
    pub default_port: u16,
}

/// How a program of the platform is run as a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramProfile {
    /// The end of the image's repository, for example `fluxcd/source-controller`.
    pub repository: String,
    /// Flags that make it listen: their host is replaced by the pod's own address, their port is kept.
    pub listen: Vec<ListenFlag>,
    /// Arguments appended after the pod's own (the later of two equal flags wins). `{rootfs}` stands for the
    /// extracted image, `{address}` for the pod's loopback address.
    pub arguments: Vec<String>,
    /// Variables that are set unless the image or the pod sets them.
    pub environment: Vec<(String, String)>,
}

impl ProgramProfile {
    /// The profiles of the Flux Operator and the six Flux controllers.
    #[must_use]
    pub fn platform() -> Vec<Self> {
        let controller = |name: &str, more: &[(&str, u16)]| {
            Self::new(
                &format!("fluxcd/{name}"),
                &[&[("--metrics-addr", 8080), ("--health-addr", 9440)], more].concat(),
            )
        };
        let mut operator = Self::new(
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
        ]
    }

    fn new(repository: &str, listen: &[(&str, u16)]) -> Self {
        let listen = listen
            .iter()
            .map(|(flag, default_port)| ListenFlag {
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
        address: Ipv4Addr,
        rootfs: &Path,
        mounts: &Mounts,
    ) -> (Vec<String>, Vec<u16>) {
        let mut arguments = Vec::new();
        let mut ports = Vec::new();
        for listen in &self.listen {
            let port = asked_port(own, &listen.flag).unwrap_or(listen.default_port);
            // Port 0 turns a listener off, which is the pod's own wish.
            if port == 0 {
                continue;
            }
            arguments.push(format!("{}={address}:{port}", listen.flag));
            ports.push(port);
        }
        let rootfs = rootfs.display().to_string();
        arguments.extend(self.arguments.iter().map(|argument| {
            // Mounts first: where the image really lies may look like a mount path.
            mounts
                .rewrite(argument)
                .replace("{rootfs}", &rootfs)
                .replace("{address}", &address.to_string())
        }));
        (arguments, ports)
    }
}

/// The port of the last `flag=host:port` or `flag host:port` among `arguments`. A value that is a URL (the events
/// address of a controller that sends events) is no listening address.
fn asked_port(arguments: &[String], flag: &str) -> Option<u16> {
    let mut port = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix(flag) {
            Some("") => arguments.next().map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        let parsed = value.filter(|value| !value.contains('/')).and_then(|value| {
            if value == "0" {
                Some(0)
            } else {
                value.rsplit_once(':')?.1.parse().ok()
            }
        });
        port = parsed.or(port);
    }
    port
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 244, 7, 9);

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
        let (arguments, ports) = profile("fluxcd/notification-controller").appended(
            &own,
            ADDRESS,
            Path::new("/store/rootfs"),
            &Mounts::default(),
        );
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
            profile("fluxcd/helm-controller").appended(&own, ADDRESS, Path::new("/r"), &Mounts::default());
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
        let (arguments, _) = operator.appended(&[], ADDRESS, Path::new("/store/rootfs"), &Mounts::default());
        assert!(arguments.contains(&"--storage-path=/store/rootfs/data".to_owned()));
        assert_eq!(
            operator.environment,
            [("GODEBUG".to_owned(), "fips140=on".to_owned())]
        );
    }
}
