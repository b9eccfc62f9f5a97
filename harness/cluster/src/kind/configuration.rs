//! What kind is told: `clusters/kind.yaml` of the project, and the configuration that a cluster is made from.

use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fs, io,
    num::{NonZeroU8, NonZeroUsize},
    path::{Path, PathBuf},
};

/// The image that `plumbline node-image build` makes.
const OWN_IMAGE: &str = "plumbline/node:v{kubernetes}";

/// What stands for the version of Kubernetes in the name of an image.
const VERSION_MARK: &str = "{kubernetes}";

/// The addresses of pods and of Services: those that kind takes by itself, said so that the gateway can be told as well.
pub(super) const POD_NETWORK: &str = "10.244.0.0/16";
pub(super) const SERVICE_NETWORK: &str = "10.96.0.0/16";

/// What can be set about kind clusters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KindSettings {
    /// The image of the nodes, best with its digest: it decides the version of Kubernetes. `{kubernetes}` in it stands for the version
    /// of the run.
    pub image: String,
    /// The image of the registries: of the CNCF's distribution registry, or one that is set up in the same way. They are
    /// plumbline's own servers if there is none.
    pub registry: Option<String>,
    /// How many nodes there are besides the control plane's. That runs pods too where it is alone.
    pub workers: u8,
    /// How many processors each node says that it has at least, for the scheduler: its pods share those of this machine.
    pub processors: Option<NonZeroU8>,
    /// Whether the network between pods enforces NetworkPolicy, which the image of the nodes brings along or not.
    pub network_policy: bool,
    /// Files and folders of this machine that the nodes see.
    pub mounts: Vec<NodeMount>,
    /// Patches of containerd's configuration, in TOML, as kind takes them.
    pub containerd_patches: Vec<String>,
}

/// A file or folder that the nodes see.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeMount {
    /// Where it is on this machine.
    pub host_path: PathBuf,
    /// Where it is in the node.
    pub container_path: PathBuf,
    /// Whether the node can only read it.
    #[serde(default)]
    pub read_only: bool,
}

/// Memories of a machine, to each of which so many processors are near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memories {
    /// How many memories.
    pub(super) count: usize,
    /// The processors that there really are.
    pub(super) processors_each: usize,
}

impl Memories {
    fn for_processors(wanted: usize, here: usize) -> Option<Self> {
        (wanted > here).then(|| Self {
            count: wanted.div_ceil(here),
            processors_each: here,
        })
    }

    /// How many processors a node says that it has.
    #[must_use]
    pub const fn processors(self) -> usize {
        self.count * self.processors_each
    }
}

impl Default for KindSettings {
    fn default() -> Self {
        Self {
            image: OWN_IMAGE.to_owned(),
            registry: None,
            workers: 0,
            processors: None,
            network_policy: true,
            mounts: Vec::new(),
            containerd_patches: Vec::new(),
        }
    }
}

impl KindSettings {
    /// Reads the file; a project without it has the defaults.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let said = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        match fs::read_to_string(path) {
            Ok(text) => {
                let settings: Self = serde_saphyr::from_str(&text).map_err(|error| said(&error))?;
                settings.check().map_err(|why| said(&why))?;
                Ok(settings)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(said(&error)),
        }
    }

    /// Whether the version of the run decides which image the nodes are of.
    #[must_use]
    pub fn follows_version(&self) -> bool {
        self.image.contains(VERSION_MARK)
    }

    /// The same, for that version of Kubernetes.
    #[must_use]
    pub fn for_kubernetes(self, version: &str) -> Self {
        let image = self.image.replace(VERSION_MARK, version);
        Self { image, ..self }
    }

    /// Refuses what no image can be called: the engine would take it for something else.
    fn check(&self) -> Result<(), String> {
        let names = [("image", Some(&self.image)), ("registry", self.registry.as_ref())];
        for (setting, name) in names {
            let is_name = |name: &String| {
                name.starts_with(|first: char| first.is_ascii_alphanumeric())
                    && name.chars().all(|letter| letter.is_ascii_graphic())
            };
            if let Some(name) = name.filter(|name| !is_name(name)) {
                return Err(format!(
                    "`{setting}` is {name:?}, which is no name of an image: write it like registry:2 or host/name@sha256:…"
                ));
            }
        }
        Ok(())
    }

    /// What a node must be told of, where this machine has fewer processors than it is to have.
    pub fn memories(&self) -> Option<Memories> {
        let wanted = self.processors?.get();
        let here = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Memories::for_processors(wanted.into(), here)
    }

    /// The configuration of a cluster, whose nodes see `mounts` besides those of the settings. JSON is YAML, and needs no
    /// quoting.
    pub(super) fn cluster(&self, name: &str, mounts: &[NodeMount], patches: &[String]) -> Value {
        let mounts: Vec<Value> = self
            .mounts
            .iter()
            .chain(mounts)
            .map(|mount| {
                json!({
                    "hostPath": mount.host_path,
                    "containerPath": mount.container_path,
                    "readOnly": mount.read_only,
                })
            })
            .collect();
        let node = |role: &str| json!({"role": role, "image": self.image, "extraMounts": mounts});
        let workers = (0..self.workers).map(|_| node("worker"));
        let nodes: Vec<Value> = std::iter::once(node("control-plane")).chain(workers).collect();
        let patches: Vec<&String> = patches.iter().chain(&self.containerd_patches).collect();
        json!({
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "name": name,
            "networking": {
                "apiServerAddress": "127.0.0.1",
                // The engine is to choose one as it publishes it: the port that kind chooses itself may be taken until then.
                "apiServerPort": -1,
                "podSubnet": POD_NETWORK,
                "serviceSubnet": SERVICE_NETWORK,
            },
            "containerdConfigPatches": patches,
            "kubeadmConfigPatches": [control_plane().to_string(), kubelet().to_string()],
            "nodes": nodes,
        })
    }
}

/// What waits by default for the sake of clusters that last: etcd for the disk, though its data goes with the cluster; the controller
/// manager for an API server that it could overload, and for another one of its kind that may lead. kind fits a patch without
/// a version to every version of the configuration.
fn control_plane() -> Value {
    json!({
        "kind": "ClusterConfiguration",
        "controllerManager": {"extraArgs": {
            "kube-api-qps": "200",
            "kube-api-burst": "400",
            "leader-elect-retry-period": "500ms",
        }},
        "etcd": {"local": {"extraArgs": {"unsafe-no-fsync": "true"}}},
    })
}

/// The kubelet pulls the images of several controllers at once, where one after the other would leave a processor idle; and
/// takes as many pods as the addresses of a node are enough for: the systems of all scenarios run side by side. From Kubernetes 1.35
/// on it refuses control groups of version 1 unless it is told not to; which version there is, is the machine's affair.
fn kubelet() -> Value {
    json!({
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "serializeImagePulls": false,
        "maxPods": 250,
        "failCgroupV1": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default_and_what_cannot_be_set_is_named() {
        let settings: KindSettings = serde_saphyr::from_str("workers: 2").unwrap();
        assert_eq!(
            settings,
            KindSettings {
                workers: 2,
                ..KindSettings::default()
            }
        );
        let error = serde_saphyr::from_str::<KindSettings>("worker: 2").unwrap_err();
        assert!(error.to_string().contains("worker"), "{error}");
        assert_eq!(
            KindSettings::read(Path::new("/no/such/file")),
            Ok(KindSettings::default())
        );
    }

    #[test]
    fn what_no_image_can_be_called_is_refused() {
        let check = |name: &str| {
            let settings = KindSettings {
                registry: Some(name.to_owned()),
                ..KindSettings::default()
            };
            settings.check()
        };
        assert_eq!(check("registry:2"), Ok(()));
        for name in ["", "--privileged", "a b", "\u{e9}"] {
            assert!(check(name).unwrap_err().contains("`registry`"), "{name}");
        }
    }

    #[test]
    fn a_machine_with_fewer_processors_pretends_to_have_enough() {
        let told = |wanted, here| Memories::for_processors(wanted, here).map(Memories::processors);
        assert_eq!(told(16, 2), Some(16));
        assert_eq!(told(16, 3), Some(18));
        assert_eq!(told(16, 16), None);
    }

    #[test]
    fn every_node_has_the_image_the_mounts_and_listens_on_loopback() {
        let mount = |name: &str| NodeMount {
            host_path: format!("/host/{name}").into(),
            container_path: format!("/node/{name}").into(),
            read_only: name == "own",
        };
        let settings = KindSettings {
            workers: 1,
            mounts: vec![mount("theirs")],
            containerd_patches: vec!["theirs".to_owned()],
            ..KindSettings::default()
        };
        let cluster = settings.cluster("a", &[mount("own")], &["own".to_owned()]);
        assert_eq!(cluster["networking"]["apiServerAddress"], "127.0.0.1");
        assert_eq!(cluster["networking"]["apiServerPort"], -1);
        assert_eq!(cluster["containerdConfigPatches"], json!(["own", "theirs"]));
        let roles: Vec<_> = cluster["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| &node["role"])
            .collect();
        assert_eq!(roles, ["control-plane", "worker"]);
        for node in cluster["nodes"].as_array().unwrap() {
            assert_eq!(node["image"], OWN_IMAGE);
            assert_eq!(node["extraMounts"][0]["containerPath"], "/node/theirs");
            assert_eq!(
                node["extraMounts"][1],
                json!({"hostPath": "/host/own", "containerPath": "/node/own", "readOnly": true})
            );
        }
    }
}
