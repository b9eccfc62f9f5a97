//! A minimal Debian as an image, of nothing but its packages.

use super::{NodeImageError, follow::Long, recipe::DEBIAN_RELEASE, workplace::Workplace};
use crate::kind::{LABEL, MACHINE, machine};
use plumbline_keeper::Command;
use plumbline_model::Progress;
use std::{path::PathBuf, time::Duration};

/// Longer than a slow line needs for the packages of a minimal system.
const LONGEST_BOOTSTRAP: Duration = Duration::from_secs(30 * 60);

/// The program, and where it is although an ordinary `PATH` does not say so.
const PROGRAM: &str = "debootstrap";
const SYSTEM_PROGRAMS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Unpacks the packages, and imports the folder as the image `target`. The packages are configured inside a container: here nothing is
/// mounted and nothing of the new system is run, so that a bootstrap which is cut short leaves only files.
pub(super) async fn bootstrap(
    workplace: &Workplace<'_>,
    target: &str,
    progress: &Progress,
) -> Result<(), NodeImageError> {
    let options = workplace.options;
    let keeper = options.docker.keeper();
    let program = find(&options.search_path).ok_or(NodeImageError::NoDebootstrap)?;
    let system = workplace.folder.join("system");
    let mirror = options.mirrors.debian.as_str();
    let arguments = [
        "--foreign".to_owned(),
        "--force-check-gpg".to_owned(),
        "--variant=minbase".to_owned(),
        format!("--cache-dir={}", options.packages().display()),
        DEBIAN_RELEASE.to_owned(),
        system.display().to_string(),
        mirror.to_owned(),
    ];
    let mut path: Vec<_> = options.search_path.clone();
    path.extend(SYSTEM_PROGRAMS.map(PathBuf::from));
    let path = std::env::join_paths(path).unwrap_or_default();
    let command = Command::new(PROGRAM, program)
        .arguments(arguments)
        .environment(&options.environment)
        .environment([("PATH", path.as_os_str()), ("LC_ALL", "C".as_ref())]);
    let long = Long {
        step: "unpacking a minimal Debian",
        tells_steps: false,
        within: LONGEST_BOOTSTRAP,
        mirror,
    };
    long.follow(keeper, command, progress).await?;

    let _task = progress.task("handing the minimal Debian to the engine");
    let tar = Command::new("tar", "tar")
        .environment(&options.environment)
        .arguments([
            "--create",
            "--numeric-owner",
            "--exclude",
            "./var/cache/apt/archives/*",
        ])
        .arguments(["--directory".as_ref(), system.as_os_str(), ".".as_ref()]);
    // The container that is made of it has these labels too; what is made of the container has not.
    let run = keeper.run_directory().path().display().to_string();
    let labels = [(LABEL, run), (MACHINE, machine())].map(|(name, value)| format!("LABEL {name}={value:?}"));
    workplace
        .import(tar, target, &labels.each_ref().map(String::as_str))
        .await?;
    std::fs::remove_dir_all(&system).map_err(|source| NodeImageError::File {
        action: "remove",
        path: system,
        source,
    })
}

fn find(search_path: &[PathBuf]) -> Option<PathBuf> {
    let system = SYSTEM_PROGRAMS.map(PathBuf::from);
    let mut candidates = search_path
        .iter()
        .chain(&system)
        .map(|folder| folder.join(PROGRAM));
    candidates.find(|path| path.is_file())
}
