//! What was seen of a machine.

use crate::docker::DockerError;
use serde::Deserialize;
use std::path::PathBuf;

/// What was seen of a machine.
#[derive(Debug)]
pub struct Machine {
    /// The engine, or why it is none for us.
    pub engine: Result<RunningEngine, DockerError>,
    /// The image for nodes.
    pub image: NodeImage,
    /// The image for registries; `None` where plumbline's own servers do.
    pub registry: Option<RegistryImage>,
    /// What came of a container, if there was an image to make one of.
    pub container: Container,
    /// The host.
    pub host: Host,
    /// Whatever is needed to build images and programs.
    pub builder: Builder,
}

/// What the engine tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunningEngine {
    /// For example `28.2.2`.
    pub server_version: String,
    /// The storage driver.
    pub driver: String,
    /// `1` or `2`; older engines do not say.
    #[serde(default)]
    pub cgroup_version: String,
    /// The OCI runtime of containers that name none.
    pub default_runtime: String,
    /// Where it keeps everything.
    pub docker_root_dir: PathBuf,
}

/// The image for nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeImage {
    /// Its name.
    pub name: String,
    /// Whether the engine has it.
    pub present: bool,
    /// Whether plumbline makes it.
    pub ours: bool,
    /// Whether it is made of what this version of plumbline would make it of.
    pub current: bool,
}

/// The image for registries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryImage {
    /// Its name.
    pub name: String,
    /// Whether the engine has it.
    pub present: bool,
    /// Whether plumbline makes it, together with that for nodes.
    pub ours: bool,
}

/// What came of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    /// It started and ended well.
    Ran,
    /// It did not; the engine's words.
    Failed(String),
    /// There was no image to make one of.
    NotTried,
}

/// What the kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Whether a process can ever have CAP_SYS_RESOURCE here.
    pub can_raise_limits: bool,
    /// `fs.inotify.max_user_instances`.
    pub inotify_instances: Option<u64>,
    /// `fs.inotify.max_user_watches`.
    pub inotify_watches: Option<u64>,
    /// The disk of the engine, if it is one of this machine.
    pub engine_disk: Option<Room>,
    /// The disk of plumbline's cache.
    pub cache_disk: Option<Room>,
}

/// Room on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// A folder of the disk.
    pub path: PathBuf,
    /// What an ordinary user can still write there, in megabytes.
    pub free: u64,
}

/// Whatever is needed to build images and programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Builder {
    /// The programs that are neither in the cache nor on PATH, and that every run with kind needs.
    pub missing_programs: Vec<String>,
    /// Where `go` is.
    pub go: Option<PathBuf>,
    /// Where `git` is.
    pub git: Option<PathBuf>,
    /// Where `debootstrap` is.
    pub debootstrap: Option<PathBuf>,
    /// Whether the user is root.
    pub root: bool,
}
