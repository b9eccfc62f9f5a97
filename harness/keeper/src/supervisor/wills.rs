//! What is to be run when everything has ended: what the harness has outside of the keeper's reach, it names here together
//! with the command that removes it.

use super::{Happening, Supervisor, launch};
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long each command may take; a container engine that is busy answers within seconds.
pub(crate) const WILL: Duration = Duration::from_secs(30);

/// The commands by the harness's numbers, oldest first; each as the descriptors that it is started from.
#[derive(Default)]
pub(super) struct Wills(Vec<(u64, Vec<OwnedFd>)>);

impl Wills {
    /// Adds a command.
    pub(super) fn add(&mut self, id: u64, descriptors: Vec<OwnedFd>) {
        self.0.push((id, descriptors));
    }

    /// Forgets a command: what it removes is gone.
    pub(super) fn revoke(&mut self, id: u64) {
        self.0.retain(|(known, _)| *known != id);
    }
}

impl Supervisor {
    /// Runs the commands one after the other, the newest first: what was made last stands on what was made before.
    pub(super) async fn carry_out_wills(&mut self) {
        while let Some((id, descriptors)) = self.wills.0.pop() {
            // Nobody is left to be told what went wrong; gc finds what stays.
            if let Ok((started, launch)) = launch::start(descriptors) {
                self.children.add(id, started.pid, &launch);
                self.until_ended(started.pid).await;
            }
        }
    }

    async fn until_ended(&mut self, pid: Pid) {
        let deadline = Instant::now() + WILL;
        while self.children.has(pid) {
            if Instant::now() >= deadline {
                let _ = kill_process_group(pid, Signal::KILL);
                return;
            }
            if let Happening::ChildEnded = self.next(Some(deadline)).await {
                self.children.reap();
            }
        }
    }
}
