//! Starting a program that is meant to outlive this one: the daemon behind `plumbline up`.

use crate::entry::{DETACH, OWN_EXECUTABLE};
use crate::{KeeperError, ProcessIdentity, log};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts `executable` in a session of its own with exactly this environment: no terminal, no standard input, output
/// and errors appended to `log`. It is nobody's child when this returns. Waits for the start only, which is short; this
/// executable's `main` must call [`entry::dispatch`](crate::entry::dispatch) first.
///
/// # Errors
/// If the log cannot be opened, or the program cannot be executed.
#[expect(clippy::disallowed_methods, reason = "the keeper is who starts processes")]
pub fn spawn_detached<A, N, V>(
    executable: impl AsRef<Path>,
    arguments: impl IntoIterator<Item = A>,
    environment: impl IntoIterator<Item = (N, V)>,
    log: impl AsRef<Path>,
) -> Result<ProcessIdentity, KeeperError>
where
    A: AsRef<OsStr>,
    N: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let executable = executable.as_ref();
    let refuse = |message: String| KeeperError::Refused {
        name: executable.display().to_string(),
        message,
    };
    let absolute = std::path::absolute(executable).map_err(KeeperError::file("find", executable))?;
    let output = Command::new(OWN_EXECUTABLE)
        .arg(DETACH)
        .arg(absolute)
        .args(arguments)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(log::append(log.as_ref())?))
        .output()
        .map_err(|error| refuse(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let pid = said.trim().parse().map_err(|_| refuse(said.trim().to_owned()))?;
    let identity = ProcessIdentity::of(pid);
    identity.ok_or_else(|| refuse(format!("it ended at once; see {}", log.as_ref().display())))
}

/// The shim: `<program> <argument>…`. Says the pid, or what went wrong, on standard output.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), String> {
    let said = match start(arguments) {
        Ok(pid) => pid.to_string(),
        Err(error) => error.to_string(),
    };
    writeln!(io::stdout(), "{said}").map_err(|error| error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the keeper is who starts processes")]
fn start(arguments: &[OsString]) -> io::Result<u32> {
    let [program, rest @ ..] = arguments else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // A session without a terminal: closing the one it was started from does not reach it.
    rustix::process::setsid()?;
    let log = io::stderr().as_fd().try_clone_to_owned()?;
    let child = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::from(log))
        .spawn()?;
    Ok(child.id())
}
