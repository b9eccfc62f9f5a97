//! From a container of a pod to the process that stands for it.

use super::{
    configuration::Configuration,
    environment::environment,
    expansion::expand,
    fields::PodFacts,
    mounts::Mounts,
    profiles::{ProgramProfile, Whereabouts},
};
use k8s_openapi::api::core::v1::Container;
use plumbline_images::ImageConfig;
use plumbline_keeper::Confinement;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// All that a process is made from.
pub(crate) struct LaunchInputs<'a> {
    pub(crate) facts: &'a PodFacts,
    pub(crate) container: &'a Container,
    pub(crate) image: &'a ImageConfig,
    pub(crate) rootfs: &'a Path,
    pub(crate) profile: &'a ProgramProfile,
    pub(crate) configuration: &'a Configuration,
    pub(crate) pod_directory: &'a Path,
    pub(crate) twin: Ipv4Addr,
    pub(crate) proxy: SocketAddr,
    pub(crate) api_port: u16,
    pub(crate) certificates: Option<&'a Path>,
}

/// A process to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) working_directory: PathBuf,
    /// Directories that have to exist before the process starts.
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) confinement: Confinement,
}

/// Where a pod's volumes are.
pub(crate) fn volumes_directory(pod_directory: &Path) -> PathBuf {
    pod_directory.join("volumes")
}

/// The pod's kubeconfig.
pub(crate) fn kubeconfig_path(pod_directory: &Path) -> PathBuf {
    pod_directory.join("identity").join("kubeconfig")
}

/// Where Go programs look for the certificates that they trust.
const CERTIFICATES: &str = "SSL_CERT_FILE";

/// Plans the process; the error is the message of a `CreateContainerConfigError`.
pub(crate) fn launch(inputs: &LaunchInputs<'_>) -> Result<Launch, String> {
    let LaunchInputs {
        facts,
        container,
        image,
        rootfs,
        profile,
        pod_directory,
        ..
    } = *inputs;
    let mut variables = environment(container, &image.environment, facts, inputs.configuration)?;
    let mounts = Mounts::of(container, &volumes_directory(pod_directory), |expression| {
        expand(expression, &variables)
    })?;
    let command = container.command.as_ref().filter(|command| !command.is_empty());
    let arguments = container.args.as_ref().filter(|arguments| !arguments.is_empty());
    // As in a container runtime: a pod's command also replaces the image's arguments.
    let given = match (command, arguments) {
        (Some(command), arguments) => [command.as_slice(), arguments.map_or(&[][..], Vec::as_slice)].concat(),
        (None, Some(arguments)) => [image.entrypoint.as_slice(), arguments].concat(),
        (None, None) => [image.entrypoint.as_slice(), &image.command].concat(),
    };
    let mut words = given.iter().map(|word| expand(word, &variables));
    let program = words
        .next()
        .ok_or("no command specified: neither the image nor the pod names a program")?;
    let mut arguments: Vec<String> = words.map(|word| mounts.rewrite(&word)).collect();
    let kubeconfig = kubeconfig_path(pod_directory);
    let whereabouts = Whereabouts {
        address: inputs.twin,
        rootfs,
        kubeconfig: &kubeconfig,
    };
    let (appended, ports) = profile.appended(&arguments, whereabouts, &mounts);
    arguments.extend(appended);

    let (scratch, temporary) = scratch(container, &mounts, rootfs, pod_directory);
    for (name, value) in &mut variables {
        if name != "PATH" {
            *value = mounts.rewrite(value);
        }
    }
    let program = program_path(&program, rootfs, variables.get("PATH"));
    for (name, value) in &profile.environment {
        variables.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let metadata = &facts.pod.metadata;
    let temporary_text = temporary.display().to_string();
    let defaults = [
        ("HOSTNAME", metadata.name.clone().unwrap_or_default()),
        (
            "RUNTIME_NAMESPACE",
            metadata.namespace.clone().unwrap_or_default(),
        ),
        ("HOME", temporary_text.clone()),
        ("TMPDIR", temporary_text.clone()),
        ("TUF_ROOT", temporary.join(".sigstore").display().to_string()),
    ];
    for (name, value) in defaults {
        variables.entry(name.to_owned()).or_insert(value);
    }
    let proxy = format!("http://{}", inputs.proxy);
    // There is one way out, whatever the pod says of proxies.
    variables.insert("HTTP_PROXY".to_owned(), proxy.clone());
    variables.insert("HTTPS_PROXY".to_owned(), proxy);
    variables.insert("NO_PROXY".to_owned(), format!("127.0.0.1:{}", inputs.api_port));
    variables.insert("KUBECONFIG".to_owned(), kubeconfig.display().to_string());
    if let Some(certificates) = inputs.certificates {
        // An image's own certificates lie in the image; only the pod can mean a file that is there.
        let said_by_pod = container
            .env
            .iter()
            .flatten()
            .any(|variable| variable.name == CERTIFICATES);
        if !said_by_pod {
            variables.insert(CERTIFICATES.to_owned(), certificates.display().to_string());
        }
    }

    let mut read: Vec<PathBuf> = vec![rootfs.to_owned(), kubeconfig];
    read.extend(inputs.certificates.map(Path::to_owned));
    let mut write: Vec<PathBuf> = scratch.iter().cloned().collect();
    let writable = |volume: &str| {
        let volumes = facts
            .pod
            .spec
            .iter()
            .flat_map(|spec| spec.volumes.iter().flatten());
        volumes
            .into_iter()
            .any(|other| other.name == volume && other.empty_dir.is_some())
    };
    for mount in mounts.iter() {
        if writable(&mount.volume) && !mount.read_only {
            &mut write
        } else {
            &mut read
        }
        .push(mount.real.clone());
    }
    let working_directory = container.working_dir.as_ref().unwrap_or(&image.working_directory);
    let working_directory = mounts
        .real(Path::new(working_directory))
        .unwrap_or_else(|| below(rootfs, working_directory));
    Ok(Launch {
        program,
        arguments,
        environment: variables,
        working_directory,
        directories: write.clone(),
        confinement: Confinement {
            read,
            write,
            execute: vec![rootfs.to_owned()],
            connect: vec![inputs.api_port, inputs.proxy.port()],
            bind: ports,
        },
    })
}

/// The container's own writable directory, if it may write outside of volumes, and its directory for temporary files.
/// With a read-only root file system and nothing mounted at `/tmp` the latter is one that it cannot write to.
fn scratch(
    container: &Container,
    mounts: &Mounts,
    rootfs: &Path,
    pod_directory: &Path,
) -> (Option<PathBuf>, PathBuf) {
    let read_only = container
        .security_context
        .as_ref()
        .and_then(|context| context.read_only_root_filesystem);
    let own = pod_directory.join("scratch").join(&container.name);
    let own = (read_only != Some(true)).then_some(own);
    let temporary = mounts
        .real(Path::new("/tmp"))
        .or_else(|| own.clone())
        .unwrap_or_else(|| rootfs.join("tmp"));
    (own, temporary)
}

fn program_path(program: &str, rootfs: &Path, search: Option<&String>) -> PathBuf {
    if program.contains('/') {
        return below(rootfs, program);
    }
    let search = search.map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
    search
        .split(':')
        .map(|directory| below(rootfs, directory).join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| rootfs.join(program))
}

fn below(rootfs: &Path, path: &str) -> PathBuf {
    rootfs.join(path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::{super::fields::tests::facts, *};
    use serde_json::{Value, json};

    fn plan(container: Value, volumes: Value) -> Result<Launch, String> {
        let facts = facts(json!({"containers": [container], "volumes": volumes}));
        let container: Container = serde_json::from_value(container).unwrap();
        let image = ImageConfig {
            entrypoint: vec!["/usr/local/bin/source-controller".into()],
            command: vec!["--default".into()],
            environment: vec![("PATH".into(), "/bin".into())],
            ..ImageConfig::default()
        };
        let profiles = ProgramProfile::platform();
        launch(&LaunchInputs {
            facts: &facts,
            container: &container,
            image: &image,
            rootfs: Path::new("/store/rootfs"),
            profile: profiles
                .iter()
                .find(|profile| profile.matches("fluxcd/source-controller"))
                .unwrap(),
            configuration: &Configuration::default(),
            pod_directory: Path::new("/pods/p"),
            twin: Ipv4Addr::new(127, 244, 7, 2),
            proxy: ([127, 0, 0, 1], 3128).into(),
            api_port: 6443,
            certificates: Some(Path::new("/run/ca.pem")),
        })
    }

    fn source_controller() -> Launch {
        plan(
            json!({"name": "manager",
                "args": ["--storage-path=/data", "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local."],
                "env": [{"name": "RUNTIME_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                        {"name": "TUF_ROOT", "value": "/tmp/.sigstore"}],
                "securityContext": {"readOnlyRootFilesystem": true},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"},
                    {"name": "access", "mountPath": "/var/run/secrets", "readOnly": true}]}),
            json!([{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}, {"name": "access"}]),
        )
        .unwrap()
    }

    #[test]
    fn a_controller_gets_its_own_arguments_with_real_paths_and_then_ours() {
        let launch = source_controller();
        assert_eq!(
            launch.program,
            Path::new("/store/rootfs/usr/local/bin/source-controller")
        );
        assert_eq!(
            launch.arguments,
            [
                "--storage-path=/pods/p/volumes/data",
                "--storage-adv-addr=source-controller.shop.svc.cluster.local.",
                "--metrics-addr=127.244.7.2:8080",
                "--health-addr=127.244.7.2:9440",
                "--storage-addr=127.244.7.2:9090",
                "--enable-leader-election=false",
            ]
        );
        let variable = |name: &str| launch.environment[name].as_str();
        assert_eq!(variable("TUF_ROOT"), "/pods/p/volumes/tmp/.sigstore");
        assert_eq!(variable("TMPDIR"), "/pods/p/volumes/tmp");
        assert_eq!(variable("HTTPS_PROXY"), "http://127.0.0.1:3128");
        assert_eq!(variable("NO_PROXY"), "127.0.0.1:6443");
        assert_eq!(variable("SSL_CERT_FILE"), "/run/ca.pem");
        assert!(!launch.environment.contains_key("KUBERNETES_SERVICE_HOST"));
    }

    #[test]
    fn a_controller_may_write_to_its_volumes_only_and_reach_two_ports() {
        let confinement = source_controller().confinement;
        assert_eq!(
            confinement.write,
            ["/pods/p/volumes/data", "/pods/p/volumes/tmp"].map(PathBuf::from)
        );
        assert!(confinement.read.contains(&"/pods/p/volumes/access".into()));
        assert!(confinement.read.contains(&"/pods/p/identity/kubeconfig".into()));
        assert_eq!(confinement.connect, [6443, 3128]);
        assert_eq!(confinement.bind, [8080, 9440, 9090]);
    }

    #[test]
    fn a_read_only_root_without_a_temporary_volume_leaves_nothing_to_write_to() {
        let read_only = plan(
            json!({"name": "a", "securityContext": {"readOnlyRootFilesystem": true}}),
            json!([]),
        )
        .unwrap();
        assert_eq!(read_only.confinement.write, Vec::<PathBuf>::new());
        assert_eq!(read_only.environment["TMPDIR"], "/store/rootfs/tmp");
        let writable = plan(json!({"name": "a"}), json!([])).unwrap();
        assert_eq!(writable.environment["TMPDIR"], "/pods/p/scratch/a");
        assert_eq!(writable.confinement.write, [PathBuf::from("/pods/p/scratch/a")]);
    }

    #[test]
    fn commands_and_arguments_replace_the_images_as_kubernetes_says() {
        let arguments = |container| plan(container, json!([])).unwrap();
        assert_eq!(arguments(json!({"name": "a"})).arguments[0], "--default");
        assert_eq!(arguments(json!({"name": "a", "args": ["x"]})).arguments[0], "x");
        let replaced = arguments(json!({"name": "a", "command": ["/bin/other", "y"]}));
        assert_eq!(replaced.program, Path::new("/store/rootfs/bin/other"));
        assert_eq!(replaced.arguments[0], "y");
        assert!(!replaced.arguments.contains(&"--default".to_owned()));
    }
}
