//! How much memory a run takes: this process, and all that carry the run's marker.

use crate::sweep;
use std::fs;

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The most that this process has ever had.
    pub own_peak: u64,
    /// What this process and every process of the run have now; a page that several share counts once.
    pub together: u64,
}

/// Looks at `/proc`; a process that ends meanwhile counts as nothing.
#[must_use]
pub fn memory(run: &str) -> Memory {
    let own = std::process::id();
    let processes = sweep::marked(run)
        .into_iter()
        .map(|identity| identity.pid)
        .filter(|pid| *pid != own);
    Memory {
        own_peak: field(own, "status", "VmHWM:"),
        together: proportional(own) + processes.map(proportional).sum::<u64>(),
    }
}

fn proportional(pid: u32) -> u64 {
    field(pid, "smaps_rollup", "Pss:")
}

/// A field of a file in `/proc/<pid>`, in bytes; the kernel writes kibibytes.
fn field(pid: u32, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_nothing_carries_an_unknown_marker() {
        let memory = memory("no-such-run");
        assert!(
            memory.own_peak >= memory.together && memory.together > 0,
            "{memory:?}"
        );
    }
}
