//! What commands share that need programs, and nothing else of a run.

use super::{CommandError, run::runtime};
use crate::{
    arguments::{Kubernetes, Places},
    directories::Directories,
    display::Display,
    outputs,
};
use plumbline_flux::{FLUX, chain};
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_model::Progress;
use plumbline_toolchain::{Lock, Toolchain, ToolchainOptions};
use std::path::{Path, PathBuf};

/// What the lock calls Kubernetes, before its version.
const KUBERNETES: &str = "kubernetes";

/// Every program that the project knows, at the versions that the user has chosen.
///
/// # Errors
/// The lock cannot be read, or does not have such a version.
pub(super) fn lock(
    project: &Path,
    kubernetes: &Kubernetes,
    flux: Option<&str>,
) -> Result<Lock, CommandError> {
    let path = clusters(project).join("toolchain.toml");
    let text = std::fs::read_to_string(&path).map_err(|source| CommandError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let mut lock = Lock::parse(&text, &path.display().to_string())
        .map_err(|error| CommandError::Toolchain(chain(&error)))?;
    for (what, version) in [(KUBERNETES, kubernetes.version.as_deref()), (FLUX, flux)] {
        if let Some(version) = version {
            lock = lock
                .with(what, version)
                .map_err(|error| CommandError::Usage(error.to_string()))?;
        }
    }
    Ok(lock)
}

fn clusters(project: &Path) -> PathBuf {
    project.join("clusters")
}

/// Runs `work` with the project's toolchain, and with what starts its programs; what is fetched meanwhile is shown.
pub(super) fn with_toolchain<Outcome>(
    places: &Places,
    work: impl AsyncFnOnce(&Toolchain, &Keeper, &Progress) -> Result<Outcome, CommandError>,
) -> Result<Outcome, CommandError> {
    with_toolchain_for(places, &Kubernetes::default(), work)
}

/// The same for a version of Kubernetes.
pub(super) fn with_toolchain_for<Outcome>(
    places: &Places,
    kubernetes: &Kubernetes,
    work: impl AsyncFnOnce(&Toolchain, &Keeper, &Progress) -> Result<Outcome, CommandError>,
) -> Result<Outcome, CommandError> {
    let directories = Directories::resolve(places)?;
    let lock = lock(&directories.project, kubernetes, None)?;
    runtime()?.block_on(async {
        let run_directory = RunDirectory::create(&directories.runs)?;
        let executable =
            std::env::current_exe().map_err(CommandError::machine("cannot tell this program's own path"))?;
        let keeper = Keeper::start(KeeperOptions {
            executable,
            run_directory,
        })
        .await?;
        let toolchain = Toolchain::new(ToolchainOptions {
            lock,
            clusters_directory: clusters(&directories.project),
            cache_directory: directories.cache.clone(),
            search_path: directories.search_path.clone(),
            environment: directories.environment.clone(),
            offline: places.offline,
            keeper: keeper.clone(),
        });
        let display = Display::new(places.progress);
        let result = work(&toolchain, &keeper, &display.progress()).await;
        display.finish();
        for name in keeper.stop().await?.unfulfilled {
            outputs::complain(&format!(
                "left behind: what `{name}` was to remove; `plumbline gc` tries again"
            ));
        }
        result
    })
}
