//! What can go wrong between the harness and its children.

use std::io;
use std::path::PathBuf;

/// An error of the keeper, its run directory, or one of the children it was asked to start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// The keeper process could not be started or did not report in.
    #[error("cannot start the process keeper ({}): {message}", executable.display())]
    Start {
        /// The executable that was to become the keeper.
        executable: PathBuf,
        /// What happened.
        message: String,
        /// The cause, where there is one.
        #[source]
        source: Option<io::Error>,
    },
    /// The keeper died, or was stopped, before it could answer.
    #[error("the process keeper is gone; every process it started was ended")]
    Gone,
    /// The keeper did not answer in time.
    #[error("the process keeper did not answer within {seconds} s while asked to {request}; it was killed")]
    Silent {
        /// What it was asked to do.
        request: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A program to start does not exist.
    #[error("cannot start {name}: {} does not exist{hint}", program.display())]
    ProgramMissing {
        /// The name of the command.
        name: String,
        /// The program's path, or its bare name.
        program: PathBuf,
        /// Where it was looked for, if it was a bare name.
        hint: String,
    },
    /// A program to start is not an executable file.
    #[error("cannot start {name}: {} is not an executable file; check its type and mode", program.display())]
    NotExecutable {
        /// The name of the command.
        name: String,
        /// The program's path.
        program: PathBuf,
    },
    /// The keeper refused to start a child, or the kernel did.
    #[error("cannot start {name}: {message}")]
    Refused {
        /// The name of the command.
        name: String,
        /// The reason, as the keeper gave it.
        message: String,
    },
    /// A child did not end, although it was killed.
    #[error("{name} did not end within {seconds} s of its stop; it may be stuck in the kernel")]
    Stuck {
        /// The name of the command.
        name: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A run root that another user could tamper with, or that is no directory.
    #[error("refusing the run root {}: {reason}; choose a directory of your own", path.display())]
    UnsafeRoot {
        /// The root.
        path: PathBuf,
        /// Why it is refused.
        reason: &'static str,
    },
    /// A file or directory operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// The operation, as a verb.
        action: &'static str,
        /// The path it was for.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of ours that does not hold what it should.
    #[error("cannot understand {}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A system call failed that needs no path to be understood.
    #[error("cannot {action}: {source}")]
    System {
        /// The operation, as a verb.
        action: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// All numbers of a leased range are taken by other runs.
    #[error("all 256 pod ranges are leased by other runs on this machine; end one of them")]
    NoPodRange,
}

impl KeeperError {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            action,
            source: source.into(),
        }
    }
}
