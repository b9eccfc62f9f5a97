//! What the nodes of a cluster are given: whom containerd and every container trust, how the registry is logged in to, and
//! where names are asked.

use super::{
    KindError,
    cluster::RegistryLogin,
    configuration::{KindSettings, Memories, NodeMount},
};
use serde_json::{Value, json};
use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write as _,
    net::Ipv4Addr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Where the node sees our files.
const IN_NODE: &str = "/kind/plumbline";
/// Where containerd looks for what it should know about a registry.
const REGISTRIES: &str = "/etc/containerd/certs.d";
/// Where programs look for the authorities that they trust; Go's look here first.
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where programs, and the kubelet for pods, look for the name server.
const RESOLVER: &str = "/etc/resolv.conf";
/// The mode of files that every container may read, under whatever user; the folder around them keeps others out.
const PUBLIC: u32 = 0o644;
/// The mode of files that hold a secret.
pub(super) const PRIVATE: u32 = 0o600;
/// containerd's plug-in for Kubernetes, as its configuration names it.
const PLUGIN: &str = r#"plugins."io.containerd.grpc.v1.cri""#;

/// Where a kubelet counts processors: for each memory of the machine those that are near to it.
const MEMORIES: &str = "/sys/devices/system/node";

/// The files of a cluster's nodes, in a folder of this machine.
pub(super) struct NodeFiles {
    folder: PathBuf,
    /// Whether the nodes are told of more processors than there are.
    pretends: bool,
}

impl NodeFiles {
    /// Writes them below `directory`. `specification` is what the node's containerd makes containers from, and names are asked
    /// at `name_server`.
    pub(super) fn write(
        directory: &Path,
        settings: &KindSettings,
        login: &RegistryLogin,
        specification: &str,
        name_server: Ipv4Addr,
    ) -> Result<Self, KindError> {
        let folder = directory.join("node");
        let registry = folder.join("registries").join(&login.host);
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&registry)
            .map_err(KindError::file(&registry))?;
        let specification = trusting(specification).map_err(|why| KindError::UnusableImage {
            image: settings.image.clone(),
            why,
        })?;
        for (path, text) in [
            (folder.join("authority.pem"), login.authority_pem.clone()),
            (folder.join("container.json"), specification.to_string()),
            (registry.join("hosts.toml"), hosts(&login.host)),
            (folder.join("resolv.conf"), format!("nameserver {name_server}\n")),
        ] {
            write(&path, &text, PUBLIC)?;
        }
        let memories = settings.memories();
        if let Some(memories) = memories {
            pretend_memories(&folder.join("memories"), memories)?;
        }
        Ok(Self {
            folder,
            pretends: memories.is_some(),
        })
    }

    /// How the nodes see them.
    pub(super) fn mounts(&self) -> Vec<NodeMount> {
        let mount = |host_path: PathBuf, container_path: &str| NodeMount {
            host_path,
            container_path: container_path.into(),
            read_only: true,
        };
        let mut mounts = vec![
            mount(self.folder.clone(), IN_NODE),
            mount(self.folder.join("registries"), REGISTRIES),
            NodeMount {
                // A node of kind's own writes it anew when it starts, as it is where it names no server of the engine's.
                read_only: false,
                ..mount(self.folder.join("resolv.conf"), RESOLVER)
            },
        ];
        if self.pretends {
            mounts.push(mount(self.folder.join("memories"), MEMORIES));
        }
        mounts
    }
}

/// Makes what a kubelet reads of a machine with several memories, to each of which all of its processors are near: it adds
/// them up, and yet asks for none that is not there.
fn pretend_memories(folder: &Path, memories: Memories) -> Result<(), KindError> {
    for memory in 0..memories.count {
        for processor in 0..memories.processors_each {
            let topology = folder.join(format!("node{memory}/cpu{processor}/topology"));
            DirBuilder::new()
                .mode(0o755)
                .recursive(true)
                .create(&topology)
                .map_err(KindError::file(&topology))?;
            write(&topology.join("core_id"), &format!("{processor}\n"), PUBLIC)?;
            write(&topology.join("physical_package_id"), "0\n", PUBLIC)?;
        }
    }
    Ok(())
}

/// The patch of containerd's configuration. A pod's own pull secrets come before the login of the node.
pub(super) fn patch(login: &RegistryLogin) -> String {
    let text = |value: &str| Value::from(value).to_string();
    format!(
        "\
[{PLUGIN}.registry]
  config_path = {registries}
[{PLUGIN}.registry.configs.{host}.auth]
  username = {user}
  password = {password}
[{PLUGIN}.containerd.runtimes.runc]
  base_runtime_spec = {specification}
",
        registries = text(REGISTRIES),
        host = text(&login.host),
        user = text(&login.user),
        password = text(login.password.reveal()),
        specification = text(&format!("{IN_NODE}/container.json")),
    )
}

fn hosts(registry: &str) -> String {
    let url = format!("https://{registry}");
    format!(
        "server = \"{url}\"\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = \"{IN_NODE}/authority.pem\"\n"
    )
}

/// A container's specification with the authority mounted where its programs look. Limits are the engine's to set.
fn trusting(specification: &str) -> Result<Value, String> {
    let mut specification: Value = serde_json::from_str(specification)
        .map_err(|error| format!("`ctr oci spec` in it prints no specification: {error}"))?;
    let mounts = specification["mounts"]
        .as_array_mut()
        .ok_or("`ctr oci spec` in it prints a specification without mounts")?;
    mounts.push(json!({
        "destination": TRUSTED,
        "type": "bind",
        "source": format!("{IN_NODE}/authority.pem"),
        "options": ["bind", "ro"],
    }));
    if let Some(process) = specification["process"].as_object_mut() {
        process.remove("rlimits");
    }
    Ok(specification)
}

/// Writes a file of this mode.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), KindError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(KindError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::Secret;
    use std::{fs, num::NonZeroU8, os::unix::fs::PermissionsExt as _};

    fn login() -> RegistryLogin {
        RegistryLogin {
            host: "registry.plumbline.test".to_owned(),
            authority_pem: "authority".to_owned(),
            user: "plumbline".to_owned(),
            password: Secret::new("p\"w".to_owned()),
        }
    }

    #[test]
    fn the_login_is_in_the_patch_and_in_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let settings = KindSettings {
            processors: NonZeroU8::new(255),
            ..KindSettings::default()
        };
        let files = NodeFiles::write(
            folder.path(),
            &settings,
            &login(),
            r#"{"mounts": [], "process": {"rlimits": [1]}}"#,
            Ipv4Addr::new(192, 0, 2, 1),
        )
        .unwrap();
        assert!(patch(&login()).contains(r#"password = "p\"w""#));
        assert!(patch(&login()).contains(r#".registry.configs."registry.plumbline.test".auth]"#));
        let node = folder.path().join("node");
        let specification: Value =
            serde_json::from_str(&fs::read_to_string(node.join("container.json")).unwrap()).unwrap();
        assert_eq!(specification["mounts"][0]["destination"], TRUSTED);
        assert_eq!(specification["process"], json!({}));
        let hosts = node.join("registries/registry.plumbline.test/hosts.toml");
        assert!(
            fs::read_to_string(&hosts)
                .unwrap()
                .contains("/kind/plumbline/authority.pem")
        );
        assert_eq!(hosts.metadata().unwrap().permissions().mode() & 0o777, PUBLIC);
        let mounts: Vec<_> = files
            .mounts()
            .into_iter()
            .map(|mount| mount.container_path)
            .collect();
        assert_eq!(
            mounts,
            [IN_NODE, REGISTRIES, RESOLVER, MEMORIES].map(PathBuf::from)
        );
        assert_eq!(
            fs::read_to_string(node.join("resolv.conf")).unwrap(),
            "nameserver 192.0.2.1\n"
        );
        let core = node.join("memories/node1/cpu0/topology/core_id");
        assert_eq!(fs::read_to_string(core).unwrap(), "0\n");
    }

    #[test]
    fn an_image_whose_containerd_is_none_is_refused() {
        for said in ["", "ctr: not found", "{}"] {
            assert!(trusting(said).is_err(), "{said}");
        }
    }
}
