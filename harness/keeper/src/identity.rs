//! A process that cannot be mistaken for another one.

use crate::KeeperError;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::fd::OwnedFd;

/// A process by pid, by when it started, and by the boot in which it did: a pid alone may belong to another process by
/// now.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessIdentity {
    /// The process id, as the harness sees it.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    /// The kernel's random id of the boot.
    pub boot_id: String,
}

impl ProcessIdentity {
    /// The identity of the process that has this pid now; `None` if there is none, or only its remains.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        (!stat.dead).then(|| Self {
            pid,
            start_time: stat.start_time,
            boot_id: boot_id(),
        })
    }

    /// The identity of this very process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether this very process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// A descriptor of this very process; `None` if it is gone. The check comes after the opening, so the descriptor
    /// cannot be of a later process with the same pid.
    pub(crate) fn open(&self) -> Option<OwnedFd> {
        let descriptor = pidfd_open(pid(self.pid)?, PidfdFlags::empty()).ok()?;
        self.is_alive().then_some(descriptor)
    }
}

/// Sends a signal to exactly this process. Returns false, and sends nothing, if it is gone or its pid belongs to another.
///
/// # Errors
/// If the process exists but may not be signalled.
pub fn signal(identity: &ProcessIdentity, signal: Signal) -> Result<bool, KeeperError> {
    let Some(descriptor) = identity.open() else {
        return Ok(false);
    };
    match pidfd_send_signal(&descriptor, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(KeeperError::system("send a signal")(error)),
    }
}

pub(crate) fn pid(raw: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(raw).ok()?)
}

pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// What of `/proc/<pid>/stat` matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) parent: u32,
    pub(crate) start_time: u64,
    /// Whether all of its threads have ended: the first may be gone while others still hold files and locks.
    pub(crate) dead: bool,
}

impl Stat {
    pub(crate) fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the program's name in parentheses and may hold anything, even `)`; all others are plain.
    fn parse(stat: &[u8]) -> Option<Self> {
        let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(stat.get(end_of_name + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let threads: u32 = fields.nth(15)?.parse().ok()?;
        let start_time = fields.nth(1)?.parse().ok()?;
        Some(Self {
            parent,
            start_time,
            dead: matches!(state, "Z" | "X" | "x") && threads <= 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ProcessIdentity, Signal, Stat, signal};
    use proptest::prelude::*;

    #[test]
    fn own_identity_is_alive_and_a_forged_one_is_not() {
        let own = ProcessIdentity::own().unwrap();
        assert!(own.is_alive());
        let later = ProcessIdentity {
            start_time: own.start_time + 1,
            ..own.clone()
        };
        let rebooted = ProcessIdentity {
            boot_id: "another".to_owned(),
            ..own
        };
        for forged in [later, rebooted] {
            assert!(!forged.is_alive());
            assert!(!signal(&forged, Signal::KILL).unwrap());
        }
    }

    #[test]
    fn pid_beyond_the_range_is_nobody() {
        assert_eq!(ProcessIdentity::of(u32::MAX), None);
        assert_eq!(ProcessIdentity::of(0), None);
    }

    proptest! {
        #[test]
        fn stat_survives_any_program_name(name in "\\PC{0,16}", parent in 0u32..1 << 22, start_time: u64) {
            let parse = |state: char, threads: u32| {
                let zeros = "0 ".repeat(15);
                let line = format!("7 ({name}) {state} {parent} {zeros}{threads} 0 {start_time} 0 0\n");
                Stat::parse(line.as_bytes())
            };
            let stat = |dead| Some(Stat { parent, start_time, dead });
            prop_assert_eq!(parse('S', 1), stat(false));
            prop_assert_eq!(parse('Z', 1), stat(true));
            prop_assert_eq!(parse('Z', 2), stat(false));
        }

        #[test]
        fn stat_never_panics(bytes: Vec<u8>) {
            let _ = Stat::parse(&bytes);
        }
    }
}
