//! Finding and ending processes that nobody answers for: descendants of a keeper, and whatever carries a run's marker.

use crate::identity::{ProcessIdentity, Stat, signal};
use crate::wire::MARKER;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitOptions, wait};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

/// Waits until exactly this process has ended; returns whether it has.
pub(crate) fn wait_for_end(identity: &ProcessIdentity, limit: Duration) -> bool {
    let Some(descriptor) = identity.open() else {
        return true;
    };
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return false,
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return !identity.is_alive(),
        }
    }
}

/// Kills every process that carries the marker of this run, until none is left or the time is over. Returns those that
/// were killed.
pub(crate) fn end_marked(run: &str, limit: Duration) -> Vec<ProcessIdentity> {
    let deadline = Instant::now() + limit;
    let mut ended = HashSet::new();
    loop {
        let found = marked(run);
        for identity in &found {
            // One that may not be signalled stays, and is seen again until the deadline.
            let _ = signal(identity, Signal::KILL);
        }
        for identity in &found {
            wait_for_end(identity, deadline.saturating_duration_since(Instant::now()));
        }
        let none = found.is_empty();
        ended.extend(found);
        if none || Instant::now() >= deadline {
            return ended.into_iter().collect();
        }
    }
}

/// Every process that carries the marker of this run.
pub(crate) fn marked(run: &str) -> Vec<ProcessIdentity> {
    let marker = format!("{MARKER}={run}");
    let carries = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|variable| variable == marker.as_bytes())
    };
    // The identity is taken first: a pid that changes hands in between then matches no one.
    let candidates = processes().into_iter().filter_map(ProcessIdentity::of);
    candidates.filter(|identity| carries(&identity.pid)).collect()
}

/// Kills and reaps every descendant of this process, until none is left or the time is over. The caller is a subreaper,
/// so that those whose parents die become its own children.
pub(crate) fn end_descendants(limit: Duration) {
    let deadline = Instant::now() + limit;
    loop {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        let found = descendants(std::process::id());
        if found.is_empty() || Instant::now() >= deadline {
            return;
        }
        for identity in &found {
            // The deadline bounds the wait for one that may not be signalled.
            let _ = signal(identity, Signal::KILL);
        }
        for identity in &found {
            wait_for_end(identity, deadline.saturating_duration_since(Instant::now()));
        }
    }
}

fn descendants(ancestor: u32) -> Vec<ProcessIdentity> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in processes() {
        if let Some(stat) = Stat::read(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for pid in children.remove(&parent).unwrap_or_default() {
            parents.push(pid);
            found.extend(ProcessIdentity::of(pid));
        }
    }
    found
}

fn processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}
