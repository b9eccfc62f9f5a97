//! The program while it lives: whatever ends a run, and whenever, nothing of it is left; who attends to it is answered; and what it writes tells
//! no secret; and a platform that was there before stays as it was, but for what was asked for, and that is gone at the end.
//!
//! Trials on the real platform need its programs, in the cache or on PATH; without them they are ignored.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is tests, which clippy sees only in those of the standard harness"
)]

#[path = "../invocation.rs"]
mod invocation;

mod attended;
mod existing;
mod interrupted;
mod killed;
mod kind;
mod moment;
mod running;
mod secrets;
mod traces;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::{process::ExitCode, sync::LazyLock};

fn main() -> ExitCode {
    let trials = killed::trials()
        .into_iter()
        .chain(interrupted::trials())
        .chain(attended::trials())
        .chain(secrets::trials())
        .chain(existing::trials())
        .chain(kind::trials())
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A trial on the real platform.
fn on_the_platform(name: String, body: fn() -> Result<(), Failed>) -> Trial {
    Trial::ignorable_test(name, move || match &*MISSING {
        Some(missing) => Ok(Completion::ignored_with(missing.clone())),
        None => body().map(|()| Completion::Completed),
    })
}

/// Why the platform cannot be started here without fetching anything.
static MISSING: LazyLock<Option<String>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut command = invocation::plumbline(folder.path());
    command.arg("tools").arg("--project").arg(invocation::project());
    command.arg("--runs").arg(folder.path().join("runs"));
    let listing = command.output().unwrap();
    let listing = String::from_utf8_lossy(&listing.stdout);
    let missing = listing.lines().filter(|line| line.ends_with("to be fetched"));
    let missing: Vec<_> = missing
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let reason = || {
        format!(
            "not fetched yet: {}; run `plumbline tools --fetch`",
            missing.join(", ")
        )
    };
    (!missing.is_empty()).then(reason)
});
