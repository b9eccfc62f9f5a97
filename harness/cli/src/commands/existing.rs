//! The context that `run --on existing` is about, and what removes what such a run leaves.

use super::CommandError;
use crate::{
    arguments::{KeepPlatform, On, Places, Run},
    directories::Directories,
};
use plumbline_engine::{Context, Kubeconfigs, Removal};
use std::{
    env,
    ffi::{OsStr, OsString},
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
        if run.existing.allow_writes {
            return usage("--allow-writes is for an existing cluster: add `--on existing --context NAME`");
        }
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

/// The command that removes what a run on this context leaves, as somebody in the current folder would give it.
///
/// # Errors
/// The current folder, or this program, cannot be told.
pub fn removal(
    places: &Places,
    run: &Run,
    directories: &Directories,
) -> Result<Option<Removal>, CommandError> {
    let (true, Some(context)) = (run.existing.allow_writes, &run.existing.context) else {
        return Ok(None);
    };
    let mut arguments: Vec<OsString> = ["gc", "--progress", "none", "--context", context]
        .map(OsString::from)
        .to_vec();
    let mut path =
        |flag: &str, path: &Path| arguments.extend([OsStr::new(flag), path.as_os_str()].map(OsString::from));
    path("--project", &directories.project);
    path("--cache", &directories.cache);
    path("--runs", &directories.runs);
    if let Some(kubeconfig) = &run.existing.kubeconfig {
        path("--kubeconfig", kubeconfig);
    }
    if places.offline {
        arguments.push("--offline".into());
    }
    Ok(Some(Removal {
        program: env::current_exe().map_err(CommandError::machine("cannot tell this program's own path"))?,
        arguments,
        directory: env::current_dir().map_err(CommandError::machine("the current folder cannot be told"))?,
    }))
}

/// The files that kubectl would read.
pub fn kubeconfigs(named: Option<&Path>, directories: &Directories) -> Result<Vec<PathBuf>, CommandError> {
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
