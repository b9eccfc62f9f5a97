//! Why programs could not be had.

use crate::programs::Source;
use plumbline_keeper::KeeperError;
use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Why programs could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolchainError {
    /// A name that the lock file does not have.
    #[error("there is no program `{name}` in the toolchain lock{}", .similar.as_ref().map_or_else(String::new, |name| format!("; did you mean `{name}`?")))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// A known name that is like it.
        similar: Option<String>,
    },
    /// Programs that no source has; all of them, not only the first.
    #[error("{}", Unavailable::list(.0))]
    Unavailable(Vec<Unavailable>),
    /// `go build` said no.
    #[error("building {name} {version} from its Go module failed ({status}); the whole output is in {log}\n{tail}", log = .log.display())]
    GoBuild {
        /// The program.
        name: String,
        /// Its version.
        version: String,
        /// How `go` ended.
        status: String,
        /// The last lines that it printed.
        tail: String,
        /// The file with all of them.
        log: PathBuf,
    },
    /// Something fetched is not what the lock file pins. It is not used, and no other source is tried in its place.
    #[error(
        "{what} is not what the toolchain lock pins: it has {found}, but {pinned} is expected; it was thrown away"
    )]
    NotAsPinned {
        /// What was fetched.
        what: String,
        /// The digest that the lock file has.
        pinned: String,
        /// The digest of what was fetched.
        found: String,
    },
    /// The go.mod of a program does not belong to its lock entry.
    #[error("{path} does not belong to the toolchain lock: {message}", path = .path.display())]
    GoMod {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to change.
        message: String,
    },
    /// Another plumbline held a program for too long.
    #[error(
        "process {holder} has been fetching {name} for more than {minutes} minutes; end it, or wait and try again"
    )]
    Busy {
        /// The program.
        name: String,
        /// The id of the process, as it wrote it down.
        holder: String,
        /// How long was waited.
        minutes: u64,
    },
    /// A step took longer than any honest one does.
    #[error(
        "{what} did not end within {minutes} minutes and was stopped; try again, what is done so far is kept"
    )]
    Overdue {
        /// The step.
        what: String,
        /// How long was waited.
        minutes: u64,
    },
    /// The disk is full.
    #[error("the disk that holds {path} is full; free some space and try again, what is done so far is kept", path = .path.display())]
    DiskFull {
        /// Where something could not be written.
        path: PathBuf,
    },
    /// A file of the cache or of the lock's folder could not be used.
    #[error("cannot {action} {path}", path = .path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A process could not be started or followed.
    #[error("cannot run {what}")]
    Process {
        /// The process.
        what: String,
        /// Why not.
        #[source]
        source: KeeperError,
    },
}

impl ToolchainError {
    /// For `map_err`: an input or output error with its file; a full disk is told apart.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::File { action, path, source },
        }
    }

    pub(crate) fn process(what: &str) -> impl FnOnce(KeeperError) -> Self {
        let what = what.to_owned();
        move |source| Self::Process { what, source }
    }

    pub(crate) fn overdue(what: impl Into<String>, deadline: Duration) -> Self {
        Self::Overdue {
            what: what.into(),
            minutes: deadline.as_secs() / 60,
        }
    }
}

/// A program that no source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The program.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The sources in the order in which they were tried.
    pub attempts: Vec<Attempt>,
    /// What a person can do, one way each.
    pub remedies: Vec<String>,
}

/// A source that did not have a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The source.
    pub source: Source,
    /// Why not.
    pub reason: String,
}

impl Unavailable {
    fn list(programs: &[Self]) -> String {
        let verb = if programs.len() == 1 {
            "program is"
        } else {
            "programs are"
        };
        let each: String = programs.iter().map(ToString::to_string).collect();
        format!("{} {verb} missing:{each}", programs.len())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\n  {} {}", self.name, self.version)?;
        for attempt in &self.attempts {
            write!(
                formatter,
                "\n    {}: {}",
                attempt.source,
                attempt.reason.trim_end().replace('\n', "\n      ")
            )?;
        }
        let remedies = self.remedies.join("\n        or ");
        write!(formatter, "\n    to get it, {remedies}")
    }
}
