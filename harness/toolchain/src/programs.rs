//! What a fetch hands over: the path of each program, and what a report says about it.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// plumbline's own cache.
    Cache,
    /// A directory of the search path.
    Path,
    /// The published release.
    Release,
    /// Built from its Go module.
    GoModule,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cache => "cache",
            Self::Path => "PATH",
            Self::Release => "published release",
            Self::GoModule => "Go module",
        })
    }
}

/// What is known about a program that is used: for the report of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The program.
    pub name: String,
    /// Its version: what it says itself where it comes from PATH, else that of the lock.
    pub version: String,
    /// Where it came from first; never [`Source::Cache`].
    pub source: Source,
    /// The digest of the file.
    pub sha256: String,
}

/// Programs that are there and checked.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    programs: BTreeMap<String, Ready>,
}

/// One program that is there and checked.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) path: PathBuf,
    pub(crate) assets: Option<PathBuf>,
    pub(crate) fact: Fact,
}

impl Programs {
    /// The absolute path of a program; `None` if it was not among those that were asked for.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.programs.get(name).map(|ready| ready.path.as_path())
    }

    /// The version of a program; `None` if it was not among those that were asked for.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&str> {
        self.programs.get(name).map(|ready| ready.fact.version.as_str())
    }

    /// The folder that holds what the program's source has besides the program, at the same relative paths.
    #[must_use]
    pub fn assets(&self, name: &str) -> Option<&Path> {
        self.programs.get(name)?.assets.as_deref()
    }

    /// What is known about each program, in the order of the names.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        self.programs.values().map(|ready| ready.fact.clone()).collect()
    }
}

impl FromIterator<Ready> for Programs {
    fn from_iter<Items: IntoIterator<Item = Ready>>(items: Items) -> Self {
        Self {
            programs: items
                .into_iter()
                .map(|ready| (ready.fact.name.clone(), ready))
                .collect(),
        }
    }
}
