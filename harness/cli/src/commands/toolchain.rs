//! What commands share that need programs, and nothing else of a run.

use super::{CommandError, run::runtime};
use crate::{arguments::Places, directories::Directories, display::Display, outputs};
use plumbline_flux::chain;
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_model::Progress;
use plumbline_toolchain::{Lock, Toolchain, ToolchainOptions};

/// Runs `work` with the project's toolchain, and with what starts its programs; what is fetched meanwhile is shown.
pub(super) fn with_toolchain<Outcome>(
    places: &Places,
    work: impl AsyncFnOnce(&Toolchain, &Keeper, &Progress) -> Result<Outcome, CommandError>,
) -> Result<Outcome, CommandError> {
    let directories = Directories::resolve(places)?;
    let clusters = directories.project.join("clusters");
    let path = clusters.join("toolchain.toml");
    let text = std::fs::read_to_string(&path).map_err(|source| CommandError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let lock = Lock::parse(&text, &path.display().to_string())
        .map_err(|error| CommandError::Toolchain(chain(&error)))?;
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
            clusters_directory: clusters,
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
