//! The hidden subcommands by which an executable becomes its own keeper.

use crate::confinement::Confinement;
use crate::{detach, supervisor, warden};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// The outer keeper: makes the namespace, starts the inner one, sweeps after it.
pub(crate) const WARDEN: &str = "__keeper";
/// The inner keeper: starts and stops the children.
pub(crate) const SUPERVISOR: &str = "__keeper-init";
/// Confines itself, then becomes the program.
pub(crate) const CONFINE: &str = "__confine";
/// Leaves the session, starts the program, tells its pid.
pub(crate) const DETACH: &str = "__detach";

/// This executable, whatever became of its file since it was started.
pub(crate) const OWN_EXECUTABLE: &str = "/proc/self/exe";

/// The exit code of a shim whose program could not be executed, as a shell's.
const CANNOT_EXECUTE: i32 = 126;

/// Becomes a keeper process if the first argument says so, and then never returns. To be called first in `main`, before
/// any thread is started.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the hidden subcommands are programs of their own"
)]
pub fn dispatch() {
    let mut arguments = std::env::args_os().skip(1);
    let Some(subcommand) = arguments.next() else {
        return;
    };
    let rest: Vec<OsString> = arguments.collect();
    let result = match subcommand.to_str() {
        Some(WARDEN) => warden::run(&rest),
        Some(SUPERVISOR) => supervisor::run(&rest),
        Some(CONFINE) => confine(&rest),
        Some(DETACH) => detach::run(&rest),
        _ => return,
    };
    std::process::exit(match result {
        Ok(()) => 0,
        Err(message) => {
            complain(&message);
            CANNOT_EXECUTE
        }
    });
}

#[expect(
    clippy::print_stderr,
    reason = "standard error of a hidden subcommand is a log of the run"
)]
fn complain(message: &str) {
    eprintln!("plumbline keeper: {message}");
}

/// Restricts itself and becomes the program: `<confinement as JSON> <program> <argument>…`.
#[expect(clippy::disallowed_methods, reason = "the keeper is who starts processes")]
fn confine(arguments: &[OsString]) -> Result<(), String> {
    let [confinement, program, rest @ ..] = arguments else {
        return Err(format!("{CONFINE} is for plumbline itself"));
    };
    let text = confinement.to_str().ok_or("the confinement is no UTF-8")?;
    let confinement: Confinement = serde_json::from_str(text).map_err(|error| error.to_string())?;
    confinement
        .apply(Path::new(program))
        .map_err(|error| format!("cannot confine {}: {error}", program.display()))?;
    let error = Command::new(program).args(rest).exec();
    Err(format!("cannot execute {}: {error}", program.display()))
}
