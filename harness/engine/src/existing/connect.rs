//! The way to a cluster that was there before: the credential of the context, and who starts the program that gives it.

use crate::{
    frame::{start_keeper, stop_keeper},
    set_up::environment,
};
use plumbline_cluster::{
    Kubernetes,
    existing::{Context, Credential, CredentialPlugin, OwnNamespaces},
};
use plumbline_keeper::{Keeper, RunDirectory};
use plumbline_model::Fault;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The name that the audit log of the cluster shows.
const AGENT: &str = concat!("plumbline/", env!("CARGO_PKG_VERSION"));

/// Has the program run that gives the credential of a context.
pub(super) async fn ask(
    plugin: &CredentialPlugin,
    keeper: &Keeper,
    variables: &BTreeMap<String, String>,
) -> Result<Credential, Fault> {
    let credential = plugin.ask(keeper, variables).await;
    credential.map_err(|error| environment(&error))
}

/// The same with a keeper that goes with the program; `tell` hears what is left of it.
pub(super) async fn ask_apart(
    plugin: &CredentialPlugin,
    runs: &Path,
    executable: PathBuf,
    variables: &BTreeMap<String, String>,
    tell: impl Fn(String),
) -> Result<Credential, Fault> {
    let keeper = keeper(runs, executable).await?;
    let credential = ask(plugin, &keeper, variables).await;
    let left = stop_keeper(&keeper).await.map_err(|error| environment(&error))?;
    left.into_iter().for_each(tell);
    credential
}

/// A handle through which nothing is written outside of `own`.
pub(super) fn connect(
    context: Context,
    credential: Option<Credential>,
    own: Option<OwnNamespaces>,
) -> Result<Kubernetes, Fault> {
    let connected = context.connect(credential, AGENT, own);
    connected.map_err(|error| environment(&error))
}

/// Who starts programs, in a directory of the run.
pub(super) async fn keeper(runs: &Path, executable: PathBuf) -> Result<Keeper, Fault> {
    let run_directory = RunDirectory::create(runs).map_err(|error| environment(&error))?;
    start_keeper(run_directory, executable).await
}
