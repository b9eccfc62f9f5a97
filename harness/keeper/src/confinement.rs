//! What a child may touch, held by the kernel (Landlock).
//!
//! The rules are set by a shim, this executable again, which then becomes the program: see [`entry`](crate::entry).

use crate::multipath;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, NetPort, RestrictSelf, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// What every program needs to read: libraries, time zones, certificates, its own state, randomness.
const READABLE: [&str; 14] = [
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/sbin",
    "/etc",
    "/proc",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// What every program may write to.
const WRITABLE: [&str; 1] = ["/dev/null"];

/// The loaders that the kernel executes on behalf of a dynamically linked program.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// The files, directories and TCP ports that a child may use besides the program itself and the system's own libraries,
/// certificates and devices, which every child may read. A path that does not exist grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confinement {
    /// Files and directory trees to read.
    pub read: Vec<PathBuf>,
    /// Files and directory trees to read and write.
    pub write: Vec<PathBuf>,
    /// Programs, or directory trees of programs, to read and execute.
    pub execute: Vec<PathBuf>,
    /// TCP ports to connect to, on any address.
    pub connect: Vec<u16>,
    /// TCP ports to bind.
    pub bind: Vec<u16>,
}

/// How much of a [`Confinement`] this kernel enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfinementSupport {
    /// The Landlock ABI version that is used; 0 where there is none.
    pub abi: u32,
}

impl ConfinementSupport {
    /// Whether reading, writing and executing is confined.
    #[must_use]
    pub const fn files(self) -> bool {
        self.abi >= 1
    }

    /// Whether connecting to and binding of TCP ports is confined.
    #[must_use]
    pub const fn network(self) -> bool {
        self.abi >= 4
    }
}

impl fmt::Display for ConfinementSupport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.files(), self.network()) {
            (_, true) => write!(formatter, "files and TCP ports (Landlock ABI {})", self.abi),
            (true, false) => write!(formatter, "files only (Landlock ABI {})", self.abi),
            (false, false) => formatter.write_str("nothing (this kernel has no Landlock)"),
        }
    }
}

/// What this kernel can enforce.
#[must_use]
pub fn confinement_support() -> ConfinementSupport {
    ConfinementSupport {
        abi: current_abi() as u32,
    }
}

/// Applies no restriction at all: what comes back says what the kernel could have applied.
fn current_abi() -> ABI {
    RestrictSelf::default()
        .no_new_privs(false)
        .apply()
        .map_or(ABI::Unsupported, |status| status.landlock.into())
}

/// Why a confinement could not be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfinementError {
    #[error("the kernel refused the Landlock rules")]
    Rules(#[from] RulesetError),
    #[error("the kernel has Landlock but did not enforce the rules")]
    NotEnforced,
    #[error("the kernel refused the filter against Multipath TCP")]
    Filter(#[from] seccompiler::Error),
}

impl Confinement {
    /// Confines the calling thread, and what it executes, for good. Does nothing where the kernel has no Landlock;
    /// where it has one, anything less than what it supports is an error.
    pub(crate) fn apply(&self, program: &Path) -> Result<(), ConfinementError> {
        let abi = current_abi();
        if abi == ABI::Unsupported {
            return Ok(());
        }
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let execute = read | AccessFs::Execute;
        let write = AccessFs::from_all(abi) & !AccessFs::Execute;
        let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi))?;
        if confinement_support().network() {
            ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
        }
        let scopes = Scope::from_all(abi);
        if !scopes.is_empty() {
            ruleset = ruleset.scope(scopes)?;
        }
        let programs = LOADERS.iter().map(Path::new).chain([program]);
        let mut ruleset = ruleset
            .create()?
            .add_rules(path_beneath_rules(READABLE, read))?
            .add_rules(path_beneath_rules(WRITABLE, write))?
            .add_rules(path_beneath_rules(programs, execute))?
            .add_rules(path_beneath_rules(&self.read, read))?
            .add_rules(path_beneath_rules(&self.write, write))?
            .add_rules(path_beneath_rules(&self.execute, execute))?;
        if confinement_support().network() {
            for &port in &self.connect {
                ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
            }
            for &port in &self.bind {
                ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::BindTcp))?;
            }
        }
        match ruleset.restrict_self()?.ruleset {
            RulesetStatus::NotEnforced => return Err(ConfinementError::NotEnforced),
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => {}
        }
        if confinement_support().network() {
            multipath::refuse()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::ConfinementSupport;

    #[test]
    fn support_is_said_in_words() {
        assert_eq!(
            ConfinementSupport { abi: 7 }.to_string(),
            "files and TCP ports (Landlock ABI 7)"
        );
        assert_eq!(
            ConfinementSupport { abi: 3 }.to_string(),
            "files only (Landlock ABI 3)"
        );
        assert_eq!(
            ConfinementSupport { abi: 0 }.to_string(),
            "nothing (this kernel has no Landlock)"
        );
    }
}
