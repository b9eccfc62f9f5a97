//! Why the node image was not built.

use crate::docker::DockerError;
use plumbline_keeper::KeeperError;
use plumbline_toolchain::ToolchainError;
use std::{io, path::PathBuf};

/// What debootstrap and apt say when a mirror cannot be reached, or is none.
const MIRROR_AWAY: [&str; 5] = [
    "Failed getting release file",
    "Couldn't download",
    "Could not resolve",
    "Failed to fetch",
    "Unable to fetch some archives",
];

/// What they say when nobody whom they trust has signed what the mirror has.
const UNSIGNED: [&str; 4] = [
    "Cannot check Release signature",
    "keyring file not available",
    "Release signed by unknown key",
    "Invalid Release signature",
];

/// What any program says when a disk is full; whether it begins in upper case depends on the program's language.
const FULL: &str = "o space left on device";

/// A node image that was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeImageError {
    /// The user is not root.
    #[error(
        "the programs are there; the rest needs root, for debootstrap unpacks files of many owners: run the same as root, with \
         --cache naming this user's cache"
    )]
    NotRoot,
    /// There is no debootstrap.
    #[error("no `debootstrap` on PATH: apt-get install debootstrap")]
    NoDebootstrap,
    /// The disk has too little room.
    #[error(
        "the disk that holds {path} has {free} MB free, but the build needs {wanted} MB there: free some space and try again",
        path = .path.display()
    )]
    NoRoom {
        /// A folder on the disk.
        path: PathBuf,
        /// What is free there, in megabytes.
        free: u64,
        /// What is needed, in megabytes.
        wanted: u64,
    },
    /// The disk became full.
    #[error(
        "a disk became full while {step}: free some space and try again; the end of what was said:\n{said}"
    )]
    Full {
        /// What was being done.
        step: String,
        /// The last lines.
        said: String,
    },
    /// The mirror of Debian was not reached.
    #[error(
        "the Debian mirror {mirror} was not reached while {step}: name another with --mirror and --security-mirror, or set \
         http_proxy; the end of what was said:\n{said}"
    )]
    MirrorAway {
        /// Its address.
        mirror: String,
        /// What was being done.
        step: String,
        /// The last lines.
        said: String,
    },
    /// What the mirror has is not signed by Debian, or that cannot be told here.
    #[error(
        "what {mirror} has cannot be verified, so it is not used: apt-get install debian-archive-keyring, or name another \
         mirror with --mirror; the end of what was said:\n{said}"
    )]
    Unsigned {
        /// Its address.
        mirror: String,
        /// The last lines.
        said: String,
    },
    /// A step failed.
    #[error("the build failed while {step} ({status}); the end of what was said:\n{said}")]
    Failed {
        /// What was being done.
        step: String,
        /// How the program ended.
        status: String,
        /// The last lines.
        said: String,
    },
    /// A step took longer than any honest one does.
    #[error(
        "the build was given up after {minutes} minutes, while {step}; the end of what was said:\n{said}"
    )]
    Overdue {
        /// What was being done.
        step: String,
        /// How long was waited.
        minutes: u64,
        /// The last lines.
        said: String,
    },
    /// A file could not be used.
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
    /// The engine did not do its part.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// A program could not be had.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A process could not be started.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
}

impl NodeImageError {
    /// A step that failed, by what its program said last.
    pub(super) fn of(step: &str, status: &str, said: &str, mirror: &str) -> Self {
        let (step, said, mirror) = (step.to_owned(), said.to_owned(), mirror.to_owned());
        let any = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
        if said.contains(FULL) {
            Self::Full { step, said }
        } else if any(&UNSIGNED) {
            Self::Unsigned { mirror, said }
        } else if any(&MIRROR_AWAY) {
            Self::MirrorAway { mirror, step, said }
        } else {
            let status = status.to_owned();
            Self::Failed { step, status, said }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(said: &str) -> String {
        NodeImageError::of(
            "unpacking Debian",
            "exit status: 1",
            said,
            "http://mirror.example/debian",
        )
        .to_string()
    }

    #[test]
    fn what_went_wrong_is_told_from_what_was_said() {
        let away = "E: Failed getting release file http://mirror.example/debian/dists/bookworm/Release";
        assert_eq!(
            message(away),
            format!(
                "the Debian mirror http://mirror.example/debian was not reached while unpacking Debian: name another with \
                 --mirror and --security-mirror, or set http_proxy; the end of what was said:\n{away}"
            )
        );
        let full = "dpkg: error processing archive (--unpack):\n cannot copy: failed to write (No space left on device)";
        assert!(message(full).starts_with("a disk became full while unpacking Debian: free some space"));
        let unsigned =
            "W: Cannot check Release signature; keyring file not available /usr/share/keyrings/x.gpg";
        assert!(message(unsigned).contains("apt-get install debian-archive-keyring"));
        assert!(
            message("E: something else")
                .starts_with("the build failed while unpacking Debian (exit status: 1)")
        );
    }
}
