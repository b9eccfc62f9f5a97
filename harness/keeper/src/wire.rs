//! The messages between the harness and its keeper: one JSON datagram each.
//!
//! What may be large or secret, a [`Launch`], travels in an anonymous file whose descriptor goes with the datagram.

use crate::{Confinement, KeeperError, Tier};
use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::fd::OwnedFd;

/// The number by which harness and keeper know a child.
pub(crate) type ChildId = u64;

/// The variable by which every child can be recognised as one of a run, whatever became of its parents.
pub(crate) const MARKER: &str = "PLUMBLINE_RUN";

/// From the harness to the keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Start the program of the launch file that comes with the datagram, then its three streams.
    Spawn { id: ChildId },
    /// Send a signal to the child's group.
    Signal { id: ChildId, signal: i32 },
    /// TERM to the child's group, KILL after the grace.
    Stop { id: ChildId, grace_milliseconds: u64 },
    /// Keep the program of the launch that comes with the datagram, to be started once all children have ended.
    Bequeath { id: ChildId },
    /// Forget a program that was kept.
    Revoke { id: ChildId },
    /// Stop every child, in stages, and end.
    StopAll,
    /// The harness lives on without its keeper: end in a hurry, but leave it the run directory.
    Leave,
}

/// From the keeper to the harness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reply {
    /// The keeper is ready.
    Ready { tier: Tier, pid: u32 },
    /// A child was started; the pid is the one the harness sees.
    Spawned { id: ChildId, pid: u32 },
    /// A child was not started.
    Refused { id: ChildId, message: String },
    /// A child ended, with the status that `waitpid` gave.
    Exited { id: ChildId, status: i32 },
    /// All children have ended, these only by KILL, and of what was bequeathed these did not succeed; the keeper is about to
    /// sweep and end.
    Stopped {
        killed: Vec<String>,
        unfulfilled: Vec<String>,
    },
}

/// Everything about a child but its streams.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(deny_unknown_fields)]
pub(crate) struct Launch {
    pub(crate) name: String,
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: OsString,
    pub(crate) confinement: Option<Confinement>,
    pub(crate) grace_milliseconds: u64,
    pub(crate) stop_order: u8,
}

impl Launch {
    /// Writes the launch to an anonymous file, which only who holds the descriptor can read.
    pub(crate) fn to_descriptor(&self) -> Result<OwnedFd, KeeperError> {
        let write = || -> io::Result<OwnedFd> {
            let mut file = File::from(memfd_create("launch", MemfdFlags::CLOEXEC)?);
            file.write_all(&serde_json::to_vec(self)?)?;
            file.seek(SeekFrom::Start(0))?;
            Ok(file.into())
        };
        write().map_err(KeeperError::system("describe a child to the process keeper"))
    }

    pub(crate) fn from_descriptor(descriptor: OwnedFd) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::from(descriptor).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Launch, Reply, Request};
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    fn text() -> impl Strategy<Value = OsString> {
        prop::collection::vec(1u8..=255, 0..40).prop_map(OsString::from_vec)
    }

    proptest! {
        #[test]
        fn launch_round_trips_with_any_bytes(
            program in text(),
            arguments in prop::collection::vec(text(), 0..5),
            environment in prop::collection::vec((text(), text()), 0..5),
            directory in text(),
            stop_order: u8,
        ) {
            let launch = Launch {
                name: "child".to_owned(), program, arguments, environment, directory,
                confinement: None, grace_milliseconds: 7, stop_order,
            };
            let read = Launch::from_descriptor(launch.to_descriptor().unwrap()).unwrap();
            prop_assert_eq!(read, launch);
        }

        #[test]
        fn no_datagram_makes_the_reader_panic(bytes: Vec<u8>) {
            let _ = serde_json::from_slice::<Request>(&bytes);
            let _ = serde_json::from_slice::<Reply>(&bytes);
        }
    }
}
