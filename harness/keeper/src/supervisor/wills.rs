//! What is to be run when everything has ended: what the harness has outside of the keeper's reach, it names here together
//! with the command that removes it.

use super::{Happening, Supervisor, launch};
use crate::wire::ChildId;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long each command may take: a container engine needs a minute for a node full of pods on a machine that is busy.
pub(crate) const WILL: Duration = Duration::from_secs(120);

/// The commands by the harness's numbers, oldest first; each as the descriptors that it is started from.
#[derive(Default)]
pub(super) struct Wills(Vec<(ChildId, Vec<OwnedFd>)>);

impl Wills {
    /// Adds a command.
    pub(super) fn add(&mut self, id: ChildId, descriptors: Vec<OwnedFd>) {
        self.0.push((id, descriptors));
    }

    /// Forgets a command: what it removes is gone.
    pub(super) fn revoke(&mut self, id: ChildId) {
        self.0.retain(|(known, _)| *known != id);
    }
}

impl Supervisor {
    /// Runs the commands one after the other, the newest first: what was made last stands on what was made before.
    /// Returns the names of those that did not succeed; gc finds what they leave.
    pub(super) async fn carry_out_wills(&mut self) -> Vec<String> {
        let mut unfulfilled = Vec::new();
        while let Some((id, descriptors)) = self.wills.0.pop() {
            match launch::start(descriptors) {
                Ok((started, launch)) => {
                    self.children.add(id, started.pid, &launch);
                    if !self.succeeds(id, started.pid).await {
                        unfulfilled.push(launch.name);
                    }
                }
                Err(message) => unfulfilled.push(message),
            }
        }
        unfulfilled
    }

    /// Waits for the end of a command, and tells whether that was success.
    async fn succeeds(&mut self, id: ChildId, pid: Pid) -> bool {
        let deadline = Instant::now() + WILL;
        loop {
            if let Happening::ChildEnded = self.next(Some(deadline)).await
                && let Some((_, status)) = self.children.reap().into_iter().find(|(ended, _)| *ended == id)
            {
                return status == 0;
            }
            if Instant::now() >= deadline {
                let _ = kill_process_group(pid, Signal::KILL);
                return false;
            }
        }
    }
}
