//! On which cluster, and with which scenarios.

use crate::Resume;
use plumbline_cluster::existing::Context;
use plumbline_model::{RunOptions, SuiteIdentity};
use plumbline_scenario::Plan;
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// Which cluster to look at, with which scenarios, and whether they may write.
pub struct LookRequest {
    /// The cluster.
    pub context: Context,
    /// The scenarios.
    pub plan: Plan,
    /// What they were chosen from.
    pub suite: SuiteIdentity,
    /// What the user asked for.
    pub options: RunOptions,
    /// The environment of the program that gives the credential, if the context has one.
    pub environment: BTreeMap<String, String>,
    /// Where such a program is kept while it runs, and no longer.
    pub runs: PathBuf,
    /// This program: it is started again as the keeper of such a program.
    pub executable: PathBuf,
    /// Scenarios that keep to a namespace of their own may write, and this removes what they leave; without it nothing is written.
    pub allow_writes: Option<Removal>,
    /// Hold still at the first step that does not pass, until this asks to go on.
    pub pause_on_failure: Option<Resume>,
}

/// The command that removes what a run has left when it was killed: with `--run` and the run's number behind it.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The program.
    pub program: PathBuf,
    /// What stands before `--run`.
    pub arguments: Vec<OsString>,
    /// Where it is started.
    pub directory: PathBuf,
}
