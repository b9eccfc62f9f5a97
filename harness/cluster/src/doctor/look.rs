//! Asking the machine.

use super::machine::{Builder, Container, Host, Machine, NodeImage, RegistryImage, Room, RunningEngine};
use crate::{
    docker::{Docker, DockerError},
    node_image::Recipe,
};
use plumbline_keeper::{Keeper, free_space};
use plumbline_toolchain::Toolchain;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The number of CAP_SYS_RESOURCE.
const SYS_RESOURCE: u32 = 24;

/// The program that a run with kind needs although other runs do not.
const KIND: &str = "kind";

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'question> {
    /// Who starts the client.
    pub keeper: &'question Keeper,
    /// Where programs come from.
    pub toolchain: &'question Toolchain,
    /// The folder `clusters/` of the repository.
    pub clusters: &'question Path,
    /// The image that nodes are to be of.
    pub image: &'question str,
    /// The image that registries are to be of, if any.
    pub registry: Option<&'question str>,
    /// Where programs are kept.
    pub cache: &'question Path,
    /// The directories of PATH.
    pub search_path: &'question [PathBuf],
    /// The caller's environment.
    pub environment: &'question BTreeMap<String, String>,
}

/// Looks at everything, and changes nothing. What cannot be seen is told as such.
pub async fn look(question: &Question<'_>) -> Machine {
    let recipe = Recipe::of(question.toolchain, question.clusters).ok();
    let docker = Docker::find(question.keeper, question.search_path, question.environment);
    let engine = match &docker {
        Ok(docker) => running_engine(docker).await,
        Err(_) => Err(DockerError::NoClient),
    };
    let mut image = NodeImage {
        name: question.image.to_owned(),
        present: false,
        ours: recipe
            .as_ref()
            .is_some_and(|recipe| recipe.node() == question.image),
        current: false,
    };
    let mut registry = question.registry.map(|name| RegistryImage {
        name: name.to_owned(),
        present: false,
        ours: recipe.as_ref().is_some_and(|recipe| recipe.registry() == name),
    });
    let mut container = Container::NotTried;
    if let (Ok(docker), Ok(_)) = (&docker, &engine) {
        image.present = matches!(docker.image_id(question.image).await, Ok(Some(_)));
        if let Some(registry) = &mut registry {
            registry.present = matches!(docker.image_id(&registry.name).await, Ok(Some(_)));
        }
        if let Some(recipe) = &recipe {
            image.current = recipe.is_built(docker).await.unwrap_or(false);
        }
        if image.present {
            container = try_container(docker, question.image).await;
        }
    }
    let root = engine
        .as_ref()
        .ok()
        .map(|engine| engine.docker_root_dir.as_path());
    Machine {
        host: host(root, question.cache),
        builder: builder(question).await,
        engine,
        image,
        registry,
        container,
    }
}

async fn running_engine(docker: &Docker) -> Result<RunningEngine, DockerError> {
    // `info` succeeds without an engine.
    docker.engine().await?;
    let answer = docker
        .ask("tell about itself", ["info", "--format", "{{json .}}"])
        .await?;
    serde_json::from_str(&answer).map_err(|_| DockerError::NoEngine { said: answer })
}

/// A container with the rights of a node, that ends at once.
async fn try_container(docker: &Docker, image: &str) -> Container {
    let arguments = [
        "run",
        "--rm",
        "--pull",
        "never",
        "--privileged",
        "--network",
        "none",
    ]
    .into_iter()
    .chain(["--entrypoint", "/bin/true", image]);
    match docker.ask("start a container", arguments).await {
        Ok(_) => Container::Ran,
        Err(DockerError::Failed { said, .. }) => Container::Failed(said),
        Err(error) => Container::Failed(error.to_string()),
    }
}

fn host(engine: Option<&Path>, cache: &Path) -> Host {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limit = |name: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?;
        text.trim().parse().ok()
    };
    Host {
        can_raise_limits: can_raise_limits(&status),
        inotify_instances: limit("max_user_instances"),
        inotify_watches: limit("max_user_watches"),
        engine_disk: engine.filter(|path| path.is_dir()).and_then(room),
        cache_disk: cache.ancestors().find(|path| path.is_dir()).and_then(room),
    }
}

/// Whether the bounding set of this process has CAP_SYS_RESOURCE; where the kernel does not say, it is taken for granted.
fn can_raise_limits(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .is_none_or(|set| set >> SYS_RESOURCE & 1 == 1)
}

fn room(path: &Path) -> Option<Room> {
    Some(Room {
        path: path.to_owned(),
        free: free_space(path).ok()? / 1_000_000,
    })
}

async fn builder(question: &Question<'_>) -> Builder {
    let states = question.toolchain.states().await;
    let missing = states
        .into_iter()
        .filter(|state| state.available.is_none() && (!state.on_demand || state.program == KIND));
    // Where an ordinary PATH has no programs of the system, root's has.
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let find = |name: &str| {
        let folders = question.search_path.iter().chain(&system);
        folders
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    };
    Builder {
        missing_programs: missing.map(|state| state.program).collect(),
        go: find("go"),
        git: find("git"),
        debootstrap: find("debootstrap"),
        root: rustix::process::geteuid().is_root(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounding_set_tells_what_no_process_can_have() {
        let status = |set: &str| format!("Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t{set}\nCapAmb:\t0\n");
        assert!(can_raise_limits(&status("000001ffffffffff")));
        assert!(!can_raise_limits(&status("000001fffeffffff")));
        assert!(can_raise_limits("Name:\tx\n"));
    }
}
