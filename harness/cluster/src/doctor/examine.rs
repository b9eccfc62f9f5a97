//! What follows from what was seen.

use super::{
    finding::Finding,
    machine::{Builder, Container, Host, Machine, NodeImage, RegistryImage, Room, RunningEngine},
};
use crate::{docker::DockerError, kind::NEEDED_ROOM};

/// The oldest engine that kind knows how to use.
const OLDEST_ENGINE: (u32, u32) = (20, 10);

/// Storage drivers on which the layers of a node can be stacked, and nodes start without a copy of them.
const DRIVERS: [&str; 5] = ["overlay2", "overlayfs", "fuse-overlayfs", "btrfs", "zfs"];

/// What kind's authors name as too little for several nodes.
const INOTIFY_INSTANCES: u64 = 256;
const INOTIFY_WATCHES: u64 = 65_536;

/// What the image takes of the engine's disk besides while it is built or pulled, in megabytes.
const IMAGE_ROOM: u64 = 2_500;

/// What programs take of the cache, and what building them takes of Go's, in megabytes.
const CACHE_ROOM: u64 = 4_000;

/// Everything that was found, in the order in which it is put right.
#[must_use]
pub fn examine(machine: &Machine) -> Vec<Finding> {
    let mut findings = Vec::from(client_and_engine(&machine.engine));
    match &machine.engine {
        Ok(engine) => {
            findings.push(cgroups(engine));
            findings.push(storage(engine));
            findings.push(containers(machine, engine));
            findings.push(image(&machine.image, &machine.builder));
            findings.extend(machine.registry.as_ref().map(registry));
        }
        Err(_) => {
            let registry = machine.registry.as_ref().map(|_| "registry image");
            let checks = ["cgroups", "storage driver", "containers", "node image"];
            for check in checks.into_iter().chain(registry) {
                findings.push(Finding::hidden(check, "only the engine can tell"));
            }
        }
    }
    findings.extend(disks(machine));
    findings.push(inotify(&machine.host));
    findings.push(programs(&machine.builder));
    findings
}

fn client_and_engine(engine: &Result<RunningEngine, DockerError>) -> [Finding; 2] {
    const INSTALL: &str = "run ci/docker-engine, or install an engine yourself";
    let client = Finding::good("docker client", "on PATH");
    match engine {
        Ok(engine) => [client, version(engine)],
        Err(DockerError::NoClient) => [
            Finding::wrong("docker client", "no `docker` on PATH", INSTALL),
            Finding::hidden("engine", "only a client can ask it"),
        ],
        Err(DockerError::NoEngine { said }) => [
            client,
            Finding::wrong("engine", format!("no answer: {said}"), INSTALL),
        ],
        Err(DockerError::NoPermission { said }) => [
            client,
            Finding::wrong(
                "engine",
                format!("this user may not use it: {said}"),
                "sudo usermod -aG docker $USER, and log in again; who may use the engine can become root by it",
            ),
        ],
        Err(error) => [
            client,
            Finding::wrong("engine", error.to_string(), "look into the engine's log"),
        ],
    }
}

fn version(engine: &RunningEngine) -> Finding {
    let mut numbers = engine
        .server_version
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    let number = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if number < OLDEST_ENGINE {
        let (major, minor) = OLDEST_ENGINE;
        return Finding::wrong(
            "engine",
            format!("version {}", engine.server_version),
            format!("kind needs {major}.{minor} or later: upgrade it"),
        );
    }
    Finding::good("engine", format!("version {}", engine.server_version))
}

fn cgroups(engine: &RunningEngine) -> Finding {
    match engine.cgroup_version.as_str() {
        "1" => Finding::good("cgroups", "version 1, which Kubernetes gives up after 1.34"),
        "" => Finding::doubtful("cgroups", "the engine does not say", "upgrade the engine"),
        version => Finding::good("cgroups", format!("version {version}")),
    }
}

fn storage(engine: &RunningEngine) -> Finding {
    let driver = engine.driver.as_str();
    if DRIVERS.contains(&driver) {
        Finding::good("storage driver", driver)
    } else {
        Finding::doubtful(
            "storage driver",
            format!("{driver}, which copies every layer"),
            "set `storage-driver` to overlay2 in the engine's daemon.json",
        )
    }
}

fn containers(machine: &Machine, engine: &RunningEngine) -> Finding {
    const FRONT: &str = "stop the engine and run ci/docker-engine: it starts one whose containers do without CAP_SYS_RESOURCE";
    let runtime = &engine.default_runtime;
    match &machine.container {
        Container::Ran => Finding::good("containers", format!("start, with the runtime {runtime}")),
        Container::Failed(said) => {
            let remedy = if machine.host.can_raise_limits {
                "look into the engine's log"
            } else {
                FRONT
            };
            Finding::wrong("containers", format!("do not start: {said}"), remedy)
        }
        Container::NotTried if !machine.host.can_raise_limits && runtime == "runc" => Finding::wrong(
            "containers",
            "the machine withholds CAP_SYS_RESOURCE, which runc gives to privileged containers",
            FRONT,
        ),
        Container::NotTried => Finding::hidden("containers", "there is no image to try one with"),
    }
}

fn image(image: &NodeImage, builder: &Builder) -> Finding {
    const CHECK: &str = "node image";
    let NodeImage { name, .. } = image;
    match image {
        NodeImage {
            present: true,
            ours: true,
            current: false,
            ..
        } => Finding::doubtful(
            CHECK,
            format!("{name}, made of other parts than it would be now"),
            "plumbline node-image build",
        ),
        NodeImage { present: true, .. } => Finding::good(CHECK, name),
        NodeImage { ours: false, .. } => {
            Finding::good(CHECK, format!("{name}, which kind pulls when it is needed"))
        }
        NodeImage { .. } => {
            let mut steps = Vec::new();
            if builder.debootstrap.is_none() {
                steps.push("apt-get install debootstrap");
            }
            steps.push(if builder.root {
                "plumbline node-image build"
            } else {
                "plumbline node-image build, as root"
            });
            Finding::wrong(CHECK, format!("{name} is not there"), steps.join("; then "))
        }
    }
}

fn registry(image: &RegistryImage) -> Finding {
    const CHECK: &str = "registry image";
    let RegistryImage { name, .. } = image;
    let remedy = match image {
        RegistryImage { present: true, .. } => return Finding::good(CHECK, name),
        RegistryImage { ours: true, .. } => "plumbline node-image build".to_owned(),
        RegistryImage { .. } => {
            format!("docker pull {name}; or take `registry` out of clusters/kind.yaml")
        }
    };
    Finding::wrong(CHECK, format!("{name} is not there"), remedy)
}

fn disks(machine: &Machine) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(disk) = &machine.host.engine_disk {
        let image = if machine.image.present { 0 } else { IMAGE_ROOM };
        findings.push(room("engine's disk", disk, NEEDED_ROOM + image));
    }
    if let Some(disk) = &machine.host.cache_disk {
        let builds_programs = !machine.builder.missing_programs.is_empty();
        let wanted = if builds_programs { CACHE_ROOM } else { 0 };
        findings.push(room("cache's disk", disk, wanted));
    }
    findings
}

fn room(check: &'static str, disk: &Room, wanted: u64) -> Finding {
    let found = format!("{} MB free in {}", disk.free, disk.path.display());
    if disk.free < wanted {
        Finding::wrong(check, found, format!("free some space: {wanted} MB are needed"))
    } else {
        Finding::good(check, found)
    }
}

fn inotify(host: &Host) -> Finding {
    const CHECK: &str = "inotify";
    let (Some(instances), Some(watches)) = (host.inotify_instances, host.inotify_watches) else {
        return Finding::hidden(CHECK, "the kernel does not tell its limits");
    };
    let found = format!("{instances} instances and {watches} watches for each user");
    let short = [
        (instances, INOTIFY_INSTANCES, "fs.inotify.max_user_instances"),
        (watches, INOTIFY_WATCHES, "fs.inotify.max_user_watches"),
    ];
    let settings: Vec<_> = short
        .into_iter()
        .filter(|(has, wanted, _)| has < wanted)
        .map(|(_, wanted, name)| format!("{name}={}", wanted * 2))
        .collect();
    if settings.is_empty() {
        return Finding::good(CHECK, found);
    }
    Finding::doubtful(
        CHECK,
        format!("{found}, which may be too few for several nodes"),
        format!("sysctl -w {}", settings.join(" ")),
    )
}

fn programs(builder: &Builder) -> Finding {
    const CHECK: &str = "programs";
    if builder.git.is_none() {
        return Finding::wrong(CHECK, "no `git` on PATH", "install git");
    }
    if builder.missing_programs.is_empty() {
        return Finding::good(CHECK, "all there");
    }
    let found = format!("to be built: {}", builder.missing_programs.join(", "));
    match &builder.go {
        Some(_) => Finding::doubtful(
            CHECK,
            found,
            "nothing: the next run builds them, which takes a while",
        ),
        None => Finding::wrong(
            CHECK,
            found,
            "install Go, or copy the cache from a machine that has them",
        ),
    }
}
