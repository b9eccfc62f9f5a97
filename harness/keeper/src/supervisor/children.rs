//! The children that the keeper answers for, and the rules of ending them.

use crate::Signal;
use crate::wire::{ChildId, Launch};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, kill_process_group, wait, waitid};
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// The running children, each the leader of a process group of its own.
#[derive(Default)]
pub(super) struct Children {
    running: HashMap<ChildId, Running>,
    killed: Vec<String>,
}

struct Running {
    pid: Pid,
    name: String,
    grace: Duration,
    stop_order: u8,
    ending: Ending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotAsked,
    Asked { kill_at: Instant },
    Killed,
}

impl Children {
    pub(super) fn add(&mut self, id: ChildId, pid: Pid, launch: &Launch) {
        let running = Running {
            pid,
            name: launch.name.clone(),
            grace: Duration::from_millis(launch.grace_milliseconds),
            stop_order: launch.stop_order,
            ending: Ending::NotAsked,
        };
        self.running.insert(id, running);
    }

    /// Sends a signal to a child's group; a number that is no signal, or a child that is gone, is ignored.
    pub(super) fn signal(&self, id: ChildId, number: i32) {
        if let (Some(child), Some(signal)) = (self.running.get(&id), Signal::from_named_raw(number)) {
            child.signal(signal);
        }
    }

    /// Asks a child to end until `kill_at`. A second stop can only bring that moment forward.
    pub(super) fn stop(&mut self, id: ChildId, kill_at: Instant) {
        if let Some(child) = self.running.get_mut(&id) {
            child.stop(kill_at);
        }
    }

    /// Asks every child of a stage to end, within its own grace and not after `limit`.
    pub(super) fn stop_stage(&mut self, stage: u8, limit: Option<Instant>) {
        for child in self
            .running
            .values_mut()
            .filter(|child| child.stop_order == stage)
        {
            let kill_at = Instant::now() + child.grace;
            child.stop(limit.map_or(kill_at, |limit| kill_at.min(limit)));
        }
    }

    /// Brings forward the end of every child that is ending.
    pub(super) fn shorten_grace(&mut self, limit: Instant) {
        for child in self.running.values_mut() {
            if let Ending::Asked { kill_at } = &mut child.ending {
                *kill_at = limit.min(*kill_at);
            }
        }
    }

    /// The lowest stage that has a child left.
    pub(super) fn first_stage(&self) -> Option<u8> {
        self.running.values().map(|child| child.stop_order).min()
    }

    /// How many stages have children left.
    pub(super) fn stages(&self) -> usize {
        self.running
            .values()
            .map(|child| child.stop_order)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// When the next child is to be killed.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let deadlines = self.running.values().filter_map(|child| match child.ending {
            Ending::Asked { kill_at } => Some(kill_at),
            Ending::NotAsked | Ending::Killed => None,
        });
        deadlines.min()
    }

    /// Kills each child whose time is over.
    pub(super) fn kill_overdue(&mut self) {
        let now = Instant::now();
        for child in self.running.values_mut() {
            if matches!(child.ending, Ending::Asked { kill_at } if kill_at <= now) {
                child.signal(Signal::KILL);
                child.ending = Ending::Killed;
                self.killed.push(child.name.clone());
            }
        }
    }

    /// Collects the children that have ended, and orphans of theirs; returns the children's statuses. What is left of
    /// a child's group ends with it, as a container ends with its first process.
    pub(super) fn reap(&mut self) -> Vec<(ChildId, i32)> {
        // Until its leader is reaped the group's number cannot be given to another.
        for child in self.running.values() {
            let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if let Ok(Some(_)) = waitid(WaitId::Pid(child.pid), peek) {
                child.signal(Signal::KILL);
            }
        }
        let mut ended = Vec::new();
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let id = self
                .running
                .iter()
                .find(|(_, child)| child.pid == pid)
                .map(|(&id, _)| id);
            if let Some(child) = id.and_then(|id| self.running.remove(&id)) {
                child.signal(Signal::KILL);
                ended.extend(id.map(|id| (id, status.as_raw())));
            }
        }
        ended
    }

    /// Gives up on children that not even KILL ends, held by the kernel; returns their names.
    pub(super) fn abandon_stage(&mut self, stage: u8) -> Vec<String> {
        let stuck = self.running.extract_if(|_, child| child.stop_order == stage);
        stuck
            .map(|(_, child)| format!("{} (stuck)", child.name))
            .collect()
    }

    /// The names of the children that did not end when asked to.
    pub(super) fn take_killed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.killed)
    }
}

impl Running {
    fn stop(&mut self, kill_at: Instant) {
        match &mut self.ending {
            Ending::NotAsked => {
                self.signal(Signal::TERM);
                // A suspended child could not act on the TERM.
                self.signal(Signal::CONT);
                self.ending = Ending::Asked { kill_at };
            }
            Ending::Asked { kill_at: earlier } => *earlier = kill_at.min(*earlier),
            Ending::Killed => {}
        }
    }

    /// A group that is gone already needs no signal.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }
}
