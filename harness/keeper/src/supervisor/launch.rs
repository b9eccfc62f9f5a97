//! From a launch and its streams to a process.

use crate::entry::{CONFINE, OWN_EXECUTABLE};
use crate::wire::Launch;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// A child that runs.
pub(super) struct Started {
    /// Its pid as this process sees it.
    pub(super) pid: Pid,
    /// Its pid as the harness sees it, outside of the namespace.
    pub(super) outer_pid: u32,
}

/// Starts what the descriptors describe: the launch, then standard input, output and error.
pub(super) fn start(descriptors: Vec<OwnedFd>) -> Result<(Started, Launch), String> {
    let [launch, stdin, stdout, stderr] = <[OwnedFd; 4]>::try_from(descriptors)
        .map_err(|descriptors| format!("{} descriptors came, not 4", descriptors.len()))?;
    let launch =
        Launch::from_descriptor(launch).map_err(|error| format!("its description is unreadable: {error}"))?;
    let mut command = command(&launch)?;
    command
        .env_clear()
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&launch.directory)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr))
        .process_group(0);
    // The child is reaped with all others; its handle neither waits nor kills when it is dropped.
    let child = command.spawn().map_err(|error| explain(&launch, &error))?;
    let pid = Pid::from_child(&child);
    Ok((
        Started {
            pid,
            outer_pid: outer_pid(pid).unwrap_or_else(|| child.id()),
        },
        launch,
    ))
}

#[expect(clippy::disallowed_methods, reason = "the keeper is who starts processes")]
fn command(launch: &Launch) -> Result<Command, String> {
    let Some(confinement) = &launch.confinement else {
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments);
        return Ok(command);
    };
    let confinement =
        serde_json::to_string(confinement).map_err(|error| format!("its confinement: {error}"))?;
    let mut command = Command::new(OWN_EXECUTABLE);
    command
        .arg(CONFINE)
        .arg(confinement)
        .arg(&launch.program)
        .args(&launch.arguments);
    Ok(command)
}

/// The system's own message does not say which of program and directory it is about.
fn explain(launch: &Launch, error: &std::io::Error) -> String {
    let program = launch.program.display();
    let directory = launch.directory.display();
    if fs::metadata(&launch.directory).is_ok_and(|metadata| metadata.is_dir()) {
        format!("cannot execute {program}: {error}")
    } else {
        format!("its working directory {directory} is not a directory")
    }
}

/// `/proc` belongs to the harness's PID namespace, so the kernel shows a descriptor of the child with the pid there.
fn outer_pid(pid: Pid) -> Option<u32> {
    let descriptor = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let shown = fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).ok()?;
    shown
        .lines()
        .find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
}
