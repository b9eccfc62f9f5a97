//! The keeper with real processes. The executable plays every part: the tests, the keeper, a harness that is killed, and
//! a program that tries what its confinement forbids.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all of this is tests, which clippy sees only in those of the standard harness"
)]

mod children;
mod confinement;
mod death;
mod world;

use libtest_mimic::{Arguments, Trial};
use plumbline_keeper::entry;
use std::process::ExitCode;

fn main() -> ExitCode {
    entry::dispatch();
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(world::SUB_HARNESS) => return world::run_sub_harness(&arguments[2..]),
        Some(confinement::PROBE) => return confinement::run_probe(&arguments[2..]),
        _ => {}
    }
    let trials: Vec<Trial> = [children::trials(), confinement::trials(), death::trials()]
        .into_iter()
        .flatten()
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
