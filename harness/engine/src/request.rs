//! What to run, where things are, and what is to be left at the end.

use crate::Resume;
use plumbline_model::{Provider, RunOptions, SuiteIdentity};
use plumbline_scenario::Plan;
use plumbline_toolchain::Lock;
use std::{collections::BTreeMap, path::PathBuf};
use tokio::sync::watch;

/// What to run, and where things are.
pub struct RunRequest {
    /// Holds `fixtures/` and `clusters/`.
    pub project: PathBuf,
    /// Every program that there is, at the versions that this run is about.
    pub lock: Lock,
    /// The release of Flux that the run is about, if it is not the one that the fixtures name.
    pub flux: Option<String>,
    /// Programs and images that outlive the run.
    pub cache: PathBuf,
    /// One directory per live run.
    pub runs: PathBuf,
    /// `PATH`.
    pub search_path: Vec<PathBuf>,
    /// The environment of builds, and of the secrets that scenarios take from it.
    pub environment: BTreeMap<String, String>,
    /// Fetch nothing.
    pub offline: bool,
    /// On what kind of cluster.
    pub provider: Provider,
    /// Where what the nodes have logged goes when a scenario does not pass.
    pub node_logs: Option<PathBuf>,
    /// This program: it is started again as the keeper.
    pub executable: PathBuf,
    /// The scenarios.
    pub plan: Plan,
    /// What they were chosen from.
    pub suite: SuiteIdentity,
    /// What the user asked for: how many side by side, whether to stop at the first failure.
    pub options: RunOptions,
    /// Whether the platform stays up at the end.
    pub keep: Keep,
    /// Bring every system of the reference platform on board once the scenarios have ended, so that there is something to look at.
    pub onboard_all: bool,
    /// Hold still at the first step that does not pass, until this asks to go on.
    pub pause_on_failure: Option<Resume>,
}

/// Whether the platform stays up when every scenario has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// It ends with the run.
    #[default]
    Never,
    /// It stays, with what the failed scenarios made, if one of them failed.
    OnFailure,
    /// It stays.
    Always,
}

/// Tells of the first signal, by its name.
pub type Interruption = watch::Receiver<Option<&'static str>>;
