//! Which cluster to look at, and with which scenarios.

use crate::Resume;
use plumbline_cluster::existing::Context;
use plumbline_model::{RunOptions, SuiteIdentity};
use plumbline_scenario::Plan;
use std::{collections::BTreeMap, path::PathBuf};

/// Which cluster to look at, and with which scenarios.
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
    /// Hold still at the first step that does not pass, until this asks to go on.
    pub pause_on_failure: Option<Resume>,
}
