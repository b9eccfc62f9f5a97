//! The outer keeper: it makes the namespace, starts the supervisor in it, and cleans up after it.
//!
//! It does as little as it can, so that there is nothing in it to die of: the supervisor talks to the harness.

use crate::entry::{OWN_EXECUTABLE, SUPERVISOR};
use crate::ledger::{self, Ledger};
use crate::removal::remove_tree;
use crate::{Tier, sweep};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, getegid, geteuid, set_child_subreaper, wait};
use rustix::thread::UnshareFlags;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The time for a sweep; killed processes are gone in milliseconds unless the kernel holds them.
const SWEEP: Duration = Duration::from_secs(1);

/// The time for a harness that is being killed to be gone: the kernel closes its files one by one, and the end of the
/// socket can be seen before the lock is free. One that waits for a slow disk dies only when that has answered.
const OWNER_END: Duration = Duration::from_secs(60);

/// Runs the outer keeper: `<tier> <run directory>`, standard input is the harness's socket.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), String> {
    let (tier, directory) = parse(arguments)?;
    match tier {
        Tier::PidNamespace => enter_pid_namespace().map_err(|error| format!("no PID namespace: {error}"))?,
        Tier::ChildSubreaper => become_subreaper().map_err(|error| format!("no child subreaper: {error}"))?,
    }
    let runtime = runtime().map_err(|error| error.to_string())?;
    let _guard = runtime.enter();
    let signals = swallow_signals().map_err(|error| error.to_string())?;
    let mut children = signal(SignalKind::child()).map_err(|error| error.to_string())?;
    let supervisor = start_supervisor(tier, directory).map_err(|error| format!("cannot start: {error}"))?;
    let asked = runtime.block_on(async {
        loop {
            match reaped(supervisor) {
                Some(status) => return status == Some(0),
                None => children.recv().await,
            };
        }
    });
    drop(signals);
    clean_up(tier, directory, !asked);
    Ok(())
}

/// Ends what the tier leaves to its processes, and removes the run directory if its owner can no longer do so:
/// one that was `orphaned` by a dying harness is waited for.
pub(crate) fn clean_up(tier: Tier, directory: &Path, orphaned: bool) {
    if tier == Tier::ChildSubreaper {
        sweep::end_descendants(SWEEP);
    }
    if orphaned && let Ok(ledger) = Ledger::read(directory) {
        sweep::wait_for_end(&ledger.owner, OWNER_END);
    }
    if ledger::is_abandoned(directory) {
        // Nobody is left to be told; gc meets the directory again.
        let _ = remove_tree(directory);
    }
}

pub(crate) fn parse(arguments: &[OsString]) -> Result<(Tier, &Path), String> {
    let [tier, directory] = arguments else {
        return Err("this subcommand is for plumbline itself".to_owned());
    };
    let tier = tier
        .to_str()
        .and_then(Tier::from_argument)
        .ok_or_else(|| format!("no tier {tier:?}"))?;
    Ok((tier, Path::new(directory)))
}

pub(crate) fn become_subreaper() -> io::Result<()> {
    Ok(set_child_subreaper(Some(Pid::INIT))?)
}

/// A runtime that never starts a second thread: signals for the death of a parent are tied to threads.
pub(crate) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Catches, and drops, the signals by which a terminal or an impatient user would end a keeper before its work is done:
/// the end of the harness is what ends it.
pub(crate) fn swallow_signals() -> io::Result<Vec<Signal>> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ];
    kinds.into_iter().map(signal).collect()
}

/// The next child becomes the first process of a new PID namespace: with the caller's own privileges where they are
/// enough, else in a user namespace in which it is the same user.
fn enter_pid_namespace() -> io::Result<()> {
    match unshare(UnshareFlags::NEWPID) {
        Err(Errno::PERM) => {
            let (user, group) = (geteuid().as_raw(), getegid().as_raw());
            unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWPID)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
            fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
        }
        other => Ok(other?),
    }
}

#[expect(
    deprecated,
    reason = "the flag that makes this call unsafe, FILES, is not among ours"
)]
fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    rustix::thread::unshare(flags)
}

#[expect(clippy::disallowed_methods, reason = "the keeper is who starts processes")]
fn start_supervisor(tier: Tier, directory: &Path) -> io::Result<Pid> {
    let child = Command::new(OWN_EXECUTABLE)
        .arg(SUPERVISOR)
        .arg(tier.argument())
        .arg(directory)
        .stdin(Stdio::inherit())
        .current_dir("/")
        .spawn()?;
    close_stdin()?;
    Ok(Pid::from_child(&child))
}

/// Lets go of the socket that came as standard input.
pub(crate) fn close_stdin() -> io::Result<()> {
    Ok(rustix::stdio::dup2_stdin(File::open("/dev/null")?)?)
}

/// `None` while the supervisor runs; then its exit code, if it has one.
fn reaped(supervisor: Pid) -> Option<Option<i32>> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == supervisor => return Some(WaitStatus::exit_status(status)),
            Err(Errno::CHILD) => return Some(None),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn arguments_by_hand_are_refused() {
        for arguments in [&[][..], &["hope".into(), "/".into()], &["pid-namespace".into()]] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
