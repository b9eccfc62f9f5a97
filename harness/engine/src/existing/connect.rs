//! The way to a cluster that was there before: the credential of the context, and who starts the program that gives it.

use crate::{EventLog, set_up::environment};
use plumbline_cluster::{
    Kubernetes,
    existing::{Context, Credential, OwnNamespaces},
};
use plumbline_flux::chain;
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_model::{Event, Fault, FaultClass};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The name that the audit log of the cluster shows.
const AGENT: &str = concat!("plumbline/", env!("CARGO_PKG_VERSION"));

/// Has the program run that gives the credential of the context, if it has one.
pub(super) async fn ask(
    context: &Context,
    keeper: &Keeper,
    variables: &BTreeMap<String, String>,
) -> Result<Option<Credential>, Fault> {
    match context.plugin() {
        None => Ok(None),
        Some(plugin) => {
            let credential = plugin.ask(keeper, variables).await;
            credential.map(Some).map_err(|error| environment(&error))
        }
    }
}

/// A handle through which nothing is written outside of `own`.
pub(super) fn connect(
    context: Context,
    credential: Option<Credential>,
    own: Option<OwnNamespaces>,
) -> Result<Kubernetes, Fault> {
    context.connect(credential, AGENT, own).map_err(|error| Fault {
        class: FaultClass::Environment,
        message: chain(&error),
        attachments: Vec::new(),
    })
}

/// Who starts programs, in a directory of the run.
pub(super) async fn keeper(runs: &Path, executable: PathBuf) -> Result<Keeper, Fault> {
    let run_directory = RunDirectory::create(runs).map_err(|error| environment(&error))?;
    let options = KeeperOptions {
        executable,
        run_directory,
    };
    Keeper::start(options).await.map_err(|error| environment(&error))
}

/// Ends them, and removes the directory.
pub(super) async fn stop(keeper: &Keeper, log: &EventLog) -> Result<(), Fault> {
    let stopped = keeper.stop().await.map_err(|error| environment(&error))?;
    if !stopped.directory_removed {
        let what = format!("the directory {}", keeper.run_directory().path().display());
        log.emit(Event::LeftBehind { what });
    }
    Ok(())
}
