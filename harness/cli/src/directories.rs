//! Where things are: the project, the cache, the directories of runs. The one place that reads the environment.

use crate::arguments::Places;
use plumbline_model::Secret;
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

/// The file that marks a project folder.
const MARK: &str = "clusters/toolchain.toml";

/// Every place that a command may need.
#[derive(Clone, Debug)]
pub struct Directories {
    /// Holds `scenarios/`, `fixtures/` and `clusters/`.
    pub project: PathBuf,
    /// Programs and images, kept between runs.
    pub cache: PathBuf,
    /// One directory per run that is alive.
    pub runs: PathBuf,
    /// `PATH`.
    pub search_path: Vec<PathBuf>,
    /// The environment for builds.
    pub environment: BTreeMap<String, String>,
}

/// Why a place cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum DirectoriesError {
    /// No project here or above.
    #[error(
        "no {MARK} in {} or above it; run plumbline in its project folder or name it with --project",
        from.display()
    )]
    Project {
        /// Where the search began.
        from: PathBuf,
    },
    /// The current folder is gone or cannot be read.
    #[error("the current folder cannot be told; name the project with --project")]
    CurrentFolder(#[source] std::io::Error),
    /// Neither HOME nor `XDG_CACHE_HOME` is set.
    #[error("neither HOME nor XDG_CACHE_HOME is set; name the cache with --cache")]
    Cache,
}

impl Directories {
    /// Resolves every place from the flags, then the environment, then the defaults.
    ///
    /// # Errors
    /// A place that has no default here.
    #[expect(
        clippy::disallowed_methods,
        reason = "the cli reads the environment, once, here"
    )]
    pub fn resolve(places: &Places) -> Result<Self, DirectoriesError> {
        let current = env::current_dir().map_err(DirectoriesError::CurrentFolder)?;
        let project = match &places.project {
            Some(project) => current.join(project),
            None => project_above(&current)?,
        };
        if !is_project(&project) {
            return Err(DirectoriesError::Project { from: project });
        }
        let cache = places
            .cache
            .clone()
            .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("plumbline")))
            .or_else(|| variable("HOME").map(|home| home.join(".cache/plumbline")))
            .ok_or(DirectoriesError::Cache)?;
        let runs = places
            .runs
            .clone()
            .or_else(|| variable("XDG_RUNTIME_DIR").map(|directory| directory.join("plumbline")))
            .unwrap_or_else(|| {
                let temporary = variable("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
                temporary.join(format!("plumbline-{}", rustix::process::getuid().as_raw()))
            });
        Ok(Self {
            project,
            cache: current.join(cache),
            runs: current.join(runs),
            search_path: env::var_os("PATH")
                .map(|path| env::split_paths(&path).collect())
                .unwrap_or_default(),
            environment: env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        })
    }

    /// The scenarios of the project.
    #[must_use]
    pub fn scenarios(&self) -> PathBuf {
        self.project.join("scenarios")
    }
}

/// A variable of the environment that is set to something.
#[expect(clippy::disallowed_methods, reason = "the cli reads the environment, here")]
pub fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Whether this is the folder of a project.
pub fn is_project(folder: &Path) -> bool {
    folder.join(MARK).is_file()
}

fn project_above(current: &Path) -> Result<PathBuf, DirectoriesError> {
    current
        .ancestors()
        .find(|folder| is_project(folder))
        .map(Path::to_owned)
        .ok_or_else(|| DirectoriesError::Project {
            from: current.to_owned(),
        })
}

/// Whether the user wants no colours: `NO_COLOR` is set, or the terminal is dumb.
pub fn plain_output() -> bool {
    variable("NO_COLOR").is_some() || variable("TERM").is_some_and(|terminal| terminal.as_os_str() == "dumb")
}

/// A text of the environment that is set to something.
#[expect(clippy::disallowed_methods, reason = "the cli reads the environment, here")]
pub fn text_variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The password of a private key that is encrypted; the empty one is one.
#[expect(clippy::disallowed_methods, reason = "the cli reads the environment, here")]
pub fn key_password() -> Option<Secret<String>> {
    env::var("COSIGN_PASSWORD").ok().map(Secret::new)
}
