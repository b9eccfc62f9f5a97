//! The build, from its programs to the images in the engine.

use super::{
    NodeImageError, Recipe,
    bootstrap::bootstrap,
    container::run_container,
    recipe::{KEY_LABEL, PROGRAMS},
    workplace::Workplace,
};
use crate::docker::{Docker, DockerError};
use plumbline_keeper::{Command, free_space};
use plumbline_model::Progress;
use plumbline_toolchain::{Programs, Toolchain};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What the folder of the run has to hold at a time, in megabytes: a minimal Debian.
const ROOM_OF_RUN: u64 = 400;

/// What the engine has to hold at a time, in megabytes: the work, and twice the node.
const ROOM_OF_ENGINE: u64 = 3000;

/// How a node image starts, and what its programs find.
const NODE_SETTINGS: [&str; 3] = [
    "ENV container=docker",
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    r#"ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]"#,
];

/// How a registry starts.
const REGISTRY_SETTINGS: [&str; 4] = [
    "EXPOSE 5000",
    "VOLUME /var/lib/registry",
    r#"ENTRYPOINT ["/usr/bin/registry"]"#,
    r#"CMD ["serve", "/etc/docker/registry/config.yml"]"#,
];

/// Where Debian is fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrors {
    /// The release.
    pub debian: String,
    /// Its security updates.
    pub security: String,
}

impl Mirrors {
    /// Debian's own, of the release.
    pub const DEBIAN: &str = "http://deb.debian.org/debian";
    /// Debian's own, of its security updates.
    pub const SECURITY: &str = "http://deb.debian.org/debian-security";
}

impl Default for Mirrors {
    fn default() -> Self {
        Self {
            debian: Self::DEBIAN.to_owned(),
            security: Self::SECURITY.to_owned(),
        }
    }
}

/// What a build works with.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// The engine that gets the images.
    pub docker: Docker,
    /// Where the programs come from.
    pub toolchain: Toolchain,
    /// Where Debian comes from.
    pub mirrors: Mirrors,
    /// Where everything that is fetched is kept.
    pub cache: PathBuf,
    /// The directories of PATH.
    pub search_path: Vec<PathBuf>,
    /// The caller's environment: the proxies.
    pub environment: BTreeMap<String, String>,
}

impl BuildOptions {
    /// Where Debian's packages are kept between builds.
    pub(super) fn packages(&self) -> PathBuf {
        self.cache.join("debian")
    }
}

/// Makes both images, whether they are there or not, in place of those that had their names. What is made on the way is
/// removed, however this ends.
///
/// # Errors
/// If a program, Debian or the engine fails, or the machine lacks something: each says what to do.
pub async fn build(
    recipe: &Recipe,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<(), NodeImageError> {
    let docker = &options.docker;
    docker.engine().await?;
    // Before root is asked for: programs that root has built would be root's, in the user's cache.
    let programs = options.toolchain.fetch(&PROGRAMS, progress).await?;
    if !rustix::process::geteuid().is_root() {
        return Err(NodeImageError::NotRoot);
    }
    let run_directory = docker.keeper().run_directory();
    require_room(run_directory.path(), ROOM_OF_RUN)?;
    let root = docker
        .ask(
            "tell where it keeps images",
            ["info", "--format", "{{.DockerRootDir}}"],
        )
        .await?;
    // An engine elsewhere has its folder elsewhere.
    if Path::new(&root).is_dir() {
        require_room(Path::new(&root), ROOM_OF_ENGINE)?;
    }
    let workplace = Workplace::prepare(options)?;
    let result = make(&workplace, recipe, &programs, progress).await;
    let removed = workplace.clear().await;
    result.and(removed)
}

/// Makes both images on the way, and then gives them their names: those who look for a name never see half an image.
async fn make(
    workplace: &Workplace<'_>,
    recipe: &Recipe,
    programs: &Programs,
    progress: &Progress,
) -> Result<(), NodeImageError> {
    bootstrap(workplace, &workplace.names.base, progress).await?;
    let paths = PROGRAMS
        .iter()
        .filter_map(|&name| Some((name, programs.path(name)?.to_owned())));
    let paths: Vec<_> = paths.collect();
    run_container(workplace, recipe, &paths, progress).await?;
    let label = |key: &str| format!("LABEL {KEY_LABEL}={key}");
    let (of_node, of_registry) = (label(recipe.node_key()), label(recipe.registry_key()));
    let docker = &workplace.options.docker;

    let task = progress.task(format!("making {}", recipe.node()));
    let mut settings = NODE_SETTINGS.to_vec();
    settings.push(&of_node);
    let export = docker.command(["export", &workplace.names.container]);
    workplace.import(export, &workplace.names.node, &settings).await?;
    drop(task);

    let _task = progress.task(format!("making {}", recipe.registry()));
    let mut settings = REGISTRY_SETTINGS.to_vec();
    settings.push(&of_registry);
    let archive = Command::new("cat", "cat")
        .environment(&workplace.options.environment)
        .arguments([workplace.folder.join("out/registry.tar")]);
    workplace
        .import(archive, &workplace.names.registry, &settings)
        .await?;

    for (image, name) in [
        (&workplace.names.node, recipe.node()),
        (&workplace.names.registry, recipe.registry()),
    ] {
        let before = docker.image_id(&name).await?;
        docker.ask(&format!("name {name}"), ["tag", image, &name]).await?;
        if let Some(before) = before {
            remove_if_nameless(docker, &before).await?;
        }
    }
    Ok(())
}

/// Removes an image that has lost its only name, unless a container is of it.
async fn remove_if_nameless(docker: &Docker, id: &str) -> Result<(), DockerError> {
    let what = "remove the image of before";
    let names = docker
        .ask(what, ["image", "inspect", "--format", "{{len .RepoTags}}", id])
        .await?;
    if names != "0" {
        return Ok(());
    }
    match docker.ask(what, ["image", "rm", id]).await {
        Ok(_) | Err(DockerError::Failed { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn require_room(path: &Path, wanted: u64) -> Result<(), NodeImageError> {
    let free = free_space(path)? / 1_000_000;
    if free < wanted {
        return Err(NodeImageError::NoRoom {
            path: path.to_owned(),
            free,
            wanted,
        });
    }
    Ok(())
}
