//! Closes the way around the rules for TCP ports: sockets of Multipath TCP, which Landlock does not look at.
//!
//! Go's listeners are of that kind unless they are told otherwise, and a connection of that kind to a server of plain
//! TCP is one of plain TCP.

use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter,
};

/// Which argument of `socket` is the protocol.
const PROTOCOL: u8 = 2;

/// From now on no socket of Multipath TCP can be made by the calling thread and what it executes. The answer is that of
/// a kernel without it, so programs take plain TCP.
pub(crate) fn refuse() -> Result<(), Error> {
    apply_filter(&filter()?)
}

fn filter() -> Result<BpfProgram, BackendError> {
    let is_multipath = SeccompCondition::new(
        PROTOCOL,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        u64::from(libc::IPPROTO_MPTCP.unsigned_abs()),
    )?;
    let rules = [(libc::SYS_socket, vec![SeccompRule::new(vec![is_multipath])?])];
    SeccompFilter::new(
        rules.into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPROTONOSUPPORT.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}
