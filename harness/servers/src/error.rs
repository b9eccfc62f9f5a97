//! What can go wrong while a server starts or is asked for something by plumbline itself.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why a server could not do what plumbline asked of it; faults of clients are HTTP answers, not errors.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody asked for an address that other machines could reach.
    #[error(
        "refusing to listen on {address}: only loopback addresses are allowed; use 127.0.0.1 or a 127.x twin"
    )]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address could not be bound.
    #[error("cannot listen on {address}; use port 0 for a free one")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for {subject}; check that its names are DNS names or IP addresses")]
    Certificate {
        /// Whose certificate.
        subject: String,
        /// What the certificate library said.
        #[source]
        source: rcgen::Error,
    },
    /// A TLS configuration was refused.
    #[error("cannot configure TLS for {subject}")]
    Tls {
        /// Which server.
        subject: String,
        /// What the TLS library said.
        #[source]
        source: rustls::Error,
    },
    /// A file or directory of a server could not be used.
    #[error("cannot {action} {}; check that the disk has room and the directory is ours", path.display())]
    Storage {
        /// What was tried: a verb.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// An OCI image layout is not what it should be.
    #[error("the image layout {} is unusable: {reason}; remove it so that it is made again", path.display())]
    Layout {
        /// The layout's directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Something of an image layout could not be sent to a registry.
    #[error("cannot send {digest} to repository {repository} of the registry: {reason}")]
    Seed {
        /// What was to be sent.
        digest: String,
        /// Where to.
        repository: String,
        /// What the registry said.
        reason: String,
    },
    /// Behind an address there is no registry that lets us in.
    #[error("no registry for us at {address}: {reason}")]
    Silent {
        /// Where it should be.
        address: SocketAddr,
        /// What is there instead.
        reason: String,
    },
    /// A registry does not say what it has.
    #[error("cannot read {digest} in repository {repository} of the registry: {reason}")]
    Unreadable {
        /// What was asked for.
        digest: String,
        /// Where.
        repository: String,
        /// What the registry said.
        reason: String,
    },
    /// A name of a repository, tag or branch that cannot be.
    #[error("{what} {name:?} is not valid: {reason}")]
    Name {
        /// What kind of name.
        what: &'static str,
        /// The name.
        name: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// Something that was asked for is not there.
    #[error("{what} {name:?} does not exist in {place}")]
    Missing {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        name: String,
        /// Where it was looked for.
        place: String,
    },
    /// Something that was to be made is there already.
    #[error("{what} {name:?} exists already in {place}")]
    Exists {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        name: String,
        /// Where it is.
        place: String,
    },
    /// Two changes do not go together.
    #[error("cannot {action} in repository {repository}: {reason}")]
    Conflict {
        /// What was tried: a verb and its object.
        action: String,
        /// In which repository.
        repository: String,
        /// Which files, and how they came to differ.
        reason: String,
    },
    /// A branch has all that another one has.
    #[error("there is nothing to merge in repository {repository}: {into} already has all of {from}")]
    NothingToMerge {
        /// In which repository.
        repository: String,
        /// The branch that was to be merged.
        from: String,
        /// The branch that was to receive it.
        into: String,
    },
    /// Git refused.
    #[error("git cannot {action} in repository {repository}: {detail}")]
    Git {
        /// What was tried: a verb and its object.
        action: String,
        /// In which repository.
        repository: String,
        /// What git said.
        detail: String,
    },
    /// A process could not be run.
    #[error("cannot run git to {action} in repository {repository}")]
    Process {
        /// What was tried: a verb and its object.
        action: String,
        /// In which repository.
        repository: String,
        /// What the keeper said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ServerError {
    /// Turns an I/O error into a [`ServerError::Storage`] about `path`.
    pub(crate) fn storage(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Storage { action, path, source }
    }
}
