//! The build, from its programs to the images in the engine.

use super::{
    NodeImageError, Recipe,
    bootstrap::bootstrap,
    follow::Long,
    recipe::{DEBIAN_RELEASE, KEY_LABEL, PROGRAMS, REGISTRY_VERSION},
};
use crate::docker::{Docker, DockerError};
use plumbline_keeper::{Command, Output, Stdin, Will};
use plumbline_model::Progress;
use plumbline_toolchain::{Programs, Toolchain};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than a slow line and a slow disk need.
const LONGEST_BUILD: Duration = Duration::from_secs(30 * 60);

/// Longer than the engine needs for a gigabyte on a slow disk.
const LONGEST_IMPORT: Duration = Duration::from_secs(10 * 60);

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

/// What a build works with.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// The engine that gets the images.
    pub docker: Docker,
    /// Where the programs come from.
    pub toolchain: Toolchain,
    /// Where Debian comes from.
    pub mirrors: Mirrors,
    /// Where Debian's packages are kept between builds.
    pub packages: PathBuf,
    /// The directories of PATH.
    pub search_path: Vec<PathBuf>,
    /// The caller's environment: the proxies.
    pub environment: BTreeMap<String, String>,
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
    let programs = options.toolchain.fetch(&PROGRAMS, progress).await?;
    let workplace = Workplace::prepare(options)?;
    let result = workplace.make(recipe, &programs, progress).await;
    let removed = workplace.clear().await;
    result.and(removed)
}

/// A folder, and names in the engine, of one build.
pub(super) struct Workplace<'build> {
    pub(super) options: &'build BuildOptions,
    pub(super) folder: PathBuf,
    pub(super) packages: PathBuf,
    container: String,
    /// The images on the way: of the minimal system, and those that are not complete until they get their names.
    base: String,
    node: String,
    registry: String,
    /// What removes all of them, in order, as the arguments of the client, each with the same command bequeathed.
    removals: Vec<(Vec<String>, Will)>,
}

impl<'build> Workplace<'build> {
    fn prepare(options: &'build BuildOptions) -> Result<Self, NodeImageError> {
        let docker = &options.docker;
        let run_directory = docker.keeper().run_directory();
        let folder = run_directory.subdirectory("node-image")?;
        run_directory.subdirectory("node-image/out")?;
        std::fs::create_dir_all(&options.packages).map_err(|source| NodeImageError::File {
            action: "create",
            path: options.packages.clone(),
            source,
        })?;
        let run = run_directory.run();
        let (container, image) = (format!("plumbline-build-{run}"), format!("plumbline/build:{run}"));
        let images = ["", "-node", "-registry"].map(|suffix| format!("{image}{suffix}"));
        let mut removals = [
            vec![
                "rm".to_owned(),
                "--force".to_owned(),
                "--volumes".to_owned(),
                container.clone(),
            ],
            vec!["image".to_owned(), "rm".to_owned(), "--force".to_owned()],
        ];
        removals[1].extend(images.clone());
        // The newest is carried out first: an image goes only when no container is of it.
        let wills = removals.iter().rev().map(|removal| {
            let command = docker.command(removal).output(Output::Null);
            docker.keeper().bequeath(&command)
        });
        let mut wills = wills.collect::<Result<Vec<_>, _>>()?;
        wills.reverse();
        let [base, node, registry] = images;
        Ok(Self {
            options,
            folder,
            packages: options.packages.clone(),
            container,
            base,
            node,
            registry,
            removals: removals.into_iter().zip(wills).collect(),
        })
    }

    async fn make(
        &self,
        recipe: &Recipe,
        programs: &Programs,
        progress: &Progress,
    ) -> Result<(), NodeImageError> {
        bootstrap(self, &self.base, progress).await?;
        self.run_container(recipe, programs, progress).await?;
        let label = format!("LABEL {KEY_LABEL}={}", recipe.key());
        let docker = &self.options.docker;

        let task = progress.task(format!("making {}", recipe.node()));
        let mut settings = NODE_SETTINGS.to_vec();
        settings.push(&label);
        let export = docker.command(["export", &self.container]);
        self.import(export, &self.node, &settings).await?;
        drop(task);

        let _task = progress.task(format!("making {}", recipe.registry()));
        let mut settings = REGISTRY_SETTINGS.to_vec();
        settings.push(&label);
        let archive = Command::new("cat", "cat")
            .environment(&self.options.environment)
            .arguments([self.folder.join("out/registry.tar")]);
        self.import(archive, &self.registry, &settings).await?;

        for (image, name) in [(&self.node, recipe.node()), (&self.registry, recipe.registry())] {
            let before = docker.image_id(&name).await?;
            docker.ask(&format!("name {name}"), ["tag", image, &name]).await?;
            if let Some(before) = before {
                remove_if_nameless(docker, &before).await?;
            }
        }
        Ok(())
    }

    /// Runs the scripts of the recipe in a container of the bootstrapped system.
    async fn run_container(
        &self,
        recipe: &Recipe,
        programs: &Programs,
        progress: &Progress,
    ) -> Result<(), NodeImageError> {
        let Mirrors { debian, security } = &self.options.mirrors;
        let docker = &self.options.docker;
        let run = docker.keeper().run_directory().run();
        let mut arguments: Vec<String> = ["run", "--name", &self.container, "--privileged"]
            .into_iter()
            // Its own network may lack names and a proxy that the host's has.
            .chain(["--network", "host", "--tmpfs", "/run", "--tmpfs", "/tmp"])
            .chain(["--volume", "/run/work"])
            .map(str::to_owned)
            .collect();
        arguments.extend(["--label".to_owned(), format!("plumbline.run={run}")]);
        let mut mount = |from: &Path, to: &str| {
            let mount = format!("type=bind,source={},target={to}", from.display());
            arguments.extend(["--mount".to_owned(), mount]);
        };
        mount(&self.folder.join("out"), "/run/out");
        mount(&self.packages, "/var/cache/apt/archives");
        mount(&recipe.folder, "/run/build,readonly");
        for name in PROGRAMS {
            if let Some(path) = programs.path(name) {
                mount(path, &format!("/run/programs/{name},readonly"));
            }
        }
        let versions = [
            ("KUBERNETES_VERSION", recipe.version.as_str()),
            ("REGISTRY_VERSION", REGISTRY_VERSION),
            ("DEBIAN_RELEASE", DEBIAN_RELEASE),
            ("DEBIAN_MIRROR", debian),
            ("DEBIAN_SECURITY_MIRROR", security),
        ];
        arguments.extend(
            versions
                .iter()
                .flat_map(|(name, value)| ["--env".to_owned(), format!("{name}={value}")]),
        );
        // By name only: a proxy's address can hold a password, and the client reads its value from the environment.
        let proxies: Vec<_> = self
            .options
            .environment
            .iter()
            .filter(|(name, _)| is_proxy(name))
            .collect();
        arguments.extend(
            proxies
                .iter()
                .flat_map(|(name, _)| ["--env".to_owned(), (*name).clone()]),
        );
        arguments.extend([self.base.clone(), "/run/build/build".to_owned()]);
        let long = Long {
            step: "starting the build container",
            tells_steps: true,
            within: LONGEST_BUILD,
            mirror: debian,
        };
        let command = docker.command(arguments).environment(proxies);
        long.follow(docker.keeper(), command, progress).await
    }

    /// Makes an image of the archive that `source` writes, without a copy in between. An archive that broke off may look
    /// whole to the engine: the image is to be used only after this has returned without an error.
    pub(super) async fn import(
        &self,
        source: Command,
        target: &str,
        settings: &[&str],
    ) -> Result<(), NodeImageError> {
        let docker = &self.options.docker;
        let keeper = docker.keeper();
        let mut arguments = vec!["import"];
        arguments.extend(settings.iter().flat_map(|setting| ["--change", setting]));
        arguments.extend(["-", target]);
        let work = async {
            let reader = docker.command(arguments).stdin(Stdin::Piped);
            let reader = keeper.spawn(reader.output(Output::Captured)).await?;
            let log = self.folder.join("archive.log");
            let writer = keeper
                .spawn(source.output(Output::PipedWithLog(log.clone())))
                .await?;
            if let (Some(mut from), Some(mut to)) = (writer.take_stdout(), reader.take_stdin()) {
                // Whichever side fails says why itself, better than the pipe between them does.
                let _ = tokio::io::copy(&mut from, &mut to).await;
            }
            let written = writer.wait().await;
            let finished = reader.finish().await;
            let what = format!("make the image {target}");
            if !finished.status.success() {
                let said = finished.stderr.text();
                return Err(NodeImageError::of(
                    &format!("making {target}"),
                    &finished.status.to_string(),
                    &said,
                    "",
                ));
            }
            if !written.success() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(DockerError::Failed { what, said }.into());
            }
            Ok(())
        };
        tokio::time::timeout(LONGEST_IMPORT, work)
            .await
            .map_err(|_| NodeImageError::Overdue {
                step: format!("making {target}"),
                minutes: LONGEST_IMPORT.as_secs() / 60,
                said: String::new(),
            })?
    }

    /// Removes what the engine holds for the build; what cannot be removed now is tried again at the keeper's end.
    async fn clear(&self) -> Result<(), NodeImageError> {
        for (removal, will) in &self.removals {
            match self
                .options
                .docker
                .ask("remove what the build left", removal)
                .await
            {
                Ok(_) => will.revoke(),
                Err(DockerError::Failed { said, .. }) if said.contains("No such") => will.revoke(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
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

fn is_proxy(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "http_proxy" | "https_proxy" | "no_proxy"
    )
}

fn require_room(path: &Path, wanted: u64) -> Result<(), NodeImageError> {
    let file_system = rustix::fs::statvfs(path).map_err(|error| NodeImageError::File {
        action: "look at the file system of",
        path: path.to_owned(),
        source: error.into(),
    })?;
    let free = file_system.f_bavail.saturating_mul(file_system.f_frsize) / 1_000_000;
    if free < wanted {
        return Err(NodeImageError::NoRoom {
            path: path.to_owned(),
            free,
            wanted,
        });
    }
    Ok(())
}
