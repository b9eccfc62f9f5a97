//! The context that `run --on existing` looks at.

use super::CommandError;
use crate::{
    arguments::{KeepPlatform, On, Run},
    directories::Directories,
};
use plumbline_engine::{Context, Kubeconfigs};
use std::{
    env,
    path::{Path, PathBuf},
};

/// Where kubectl looks by default, below the home folder.
const DEFAULT: &str = ".kube/config";

/// The context that the user named, if the run is on an existing cluster.
///
/// # Errors
/// A flag without its other, or a context that is not there.
pub fn context(run: &Run, directories: &Directories) -> Result<Option<Context>, CommandError> {
    let usage = |text: &str| Err(CommandError::Usage(text.to_owned()));
    if run.clusters.on != On::Existing {
        return match (&run.existing.context, &run.existing.kubeconfig) {
            (None, None) => Ok(None),
            (Some(_), _) => usage("--context names an existing cluster: add `--on existing`"),
            (None, Some(_)) => {
                usage("--kubeconfig is for an existing cluster: add `--on existing --context NAME`")
            }
        };
    }
    if run.order.keep != KeepPlatform::Never {
        return usage("nothing is started on an existing cluster, so there is nothing to --keep");
    }
    let files = kubeconfigs(run.existing.kubeconfig.as_deref(), directories)?;
    let read = Kubeconfigs::read(&files)?;
    let Some(name) = &run.existing.context else {
        let names: Vec<&str> = read.contexts().collect();
        return usage(&format!(
            "--on existing needs --context NAME, for it never takes the current one; there are: {}",
            names.join(", ")
        ));
    };
    Ok(Some(read.context(name)?))
}

/// The files that kubectl would read.
fn kubeconfigs(named: Option<&Path>, directories: &Directories) -> Result<Vec<PathBuf>, CommandError> {
    let variable = |name: &str| {
        directories
            .environment
            .get(name)
            .filter(|value| !value.is_empty())
    };
    let files = match (named, variable("KUBECONFIG"), variable("HOME")) {
        (Some(named), _, _) => vec![named.to_owned()],
        (None, Some(list), _) => env::split_paths(list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        (None, None, Some(home)) => vec![Path::new(home).join(DEFAULT)],
        (None, None, None) => {
            let message = "neither KUBECONFIG nor HOME is set; name a kubeconfig with --kubeconfig";
            return Err(CommandError::Usage(message.to_owned()));
        }
    };
    // What they name is beside them.
    let current = env::current_dir().map_err(CommandError::machine("the current folder cannot be told"))?;
    Ok(files.into_iter().map(|file| current.join(file)).collect())
}
