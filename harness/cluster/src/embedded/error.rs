//! Why a control plane did not start.

use crate::kubernetes::KubernetesError;
use plumbline_keeper::KeeperError;
use plumbline_servers::ServerError;
use std::{io, path::PathBuf, time::Duration};

/// A control plane that did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A program ended before the control plane was ready.
    #[error("{program} ended while starting ({status}); the end of {log}:\n{tail}")]
    Ended {
        /// Its name.
        program: &'static str,
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// A program ran but did not become ready.
    #[error("{program} was not ready after {} s: {last}; the end of {log}:\n{tail}", .after.as_secs())]
    Late {
        /// Its name.
        program: &'static str,
        /// How long it was given.
        after: Duration,
        /// What it said last.
        last: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// Every port that was leased was taken by somebody else in the meantime.
    #[error("no port for the API server: {tries} ports were taken from under it, one after the other")]
    NoPort {
        /// How many were tried.
        tries: usize,
    },
    /// A file of the run directory could not be written.
    #[error("cannot write {path}: check that the disk has room and the directory is ours")]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// A key could not be made.
    #[error("cannot make the key that signs ServiceAccount tokens")]
    Key(#[source] rcgen::Error),
    /// A certificate could not be issued.
    #[error(transparent)]
    Certificate(#[from] ServerError),
    /// A process could not be started.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The client could not be set up.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
}
