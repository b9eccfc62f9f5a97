//! From a command to what the keeper needs to start it: a resolved program, and the ends of its streams.

use crate::capture::{Captured, capture};
use crate::wire::{Launch, MARKER};
use crate::{Command, KeeperError, Output, RunDirectory, Stdin, log};
use rustix::fs::{Access, access};
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::task::JoinHandle;

/// The harness's ends of a child's streams.
#[derive(Default)]
pub(crate) struct Streams {
    pub(crate) stdin: Option<Sender>,
    pub(crate) stdout: Option<Receiver>,
    pub(crate) stderr: Option<Receiver>,
    pub(crate) capture: Option<Capture>,
}

/// The readers of captured output, and what they have read so far.
pub(crate) struct Capture {
    pub(crate) stdout: Arc<Mutex<Captured>>,
    pub(crate) stderr: Arc<Mutex<Captured>>,
    pub(crate) readers: [JoinHandle<()>; 2],
}

/// The child's ends: the launch, then standard input, output and error.
pub(crate) type ChildEnds = Vec<OwnedFd>;

/// Checks the program and opens everything that the child starts with.
pub(crate) fn prepare(command: &Command, run: &RunDirectory) -> Result<(ChildEnds, Streams), KeeperError> {
    let program = resolve(command)?;
    let launch = launch(command, program, run);
    let mut streams = Streams::default();
    let stdin = open_stdin(&command.stdin, &mut streams)?;
    let (stdout, stderr) = open_output(&command.output, &mut streams)?;
    Ok((vec![launch.to_descriptor()?, stdin, stdout, stderr], streams))
}

fn launch(command: &Command, program: PathBuf, run: &RunDirectory) -> Launch {
    let mut environment = command.environment.clone();
    environment.push((OsString::from(MARKER), OsString::from(run.run())));
    Launch {
        name: command.name.clone(),
        program: program.into_os_string(),
        arguments: command.arguments.clone(),
        environment,
        directory: command
            .directory
            .clone()
            .unwrap_or_else(|| run.path().to_owned())
            .into_os_string(),
        confinement: command.confinement.clone(),
        grace_milliseconds: u64::try_from(command.grace.as_millis()).unwrap_or(u64::MAX),
        stop_order: command.stop_order,
    }
}

/// The absolute path of the program; a bare name is looked for in the `PATH` of the child's own environment.
fn resolve(command: &Command) -> Result<PathBuf, KeeperError> {
    let name = || command.name.clone();
    let program = &command.program;
    if program.components().count() == 1 && !program.has_root() {
        let path = command
            .environment
            .iter()
            .rfind(|(name, _)| name == "PATH")
            .map(|(_, path)| path.as_os_str());
        let found =
            std::env::split_paths(path.unwrap_or(OsStr::new(""))).map(|directory| directory.join(program));
        let found = found.into_iter().find(|candidate| is_executable(candidate));
        return found.ok_or_else(|| KeeperError::ProgramMissing {
            name: name(),
            program: program.clone(),
            hint: match path {
                Some(path) => format!(" in PATH={}", path.display()),
                None => "; its environment has no PATH, so give its full path".to_owned(),
            },
        });
    }
    let absolute = std::path::absolute(program).map_err(KeeperError::file("find", program))?;
    if is_executable(&absolute) {
        Ok(absolute)
    } else if absolute.exists() {
        Err(KeeperError::NotExecutable {
            name: name(),
            program: absolute,
        })
    } else {
        Err(KeeperError::ProgramMissing {
            name: name(),
            program: absolute,
            hint: String::new(),
        })
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn open_stdin(stdin: &Stdin, streams: &mut Streams) -> Result<OwnedFd, KeeperError> {
    if let Stdin::Null = stdin {
        return null(false);
    }
    let (reader, writer) = pipe()?;
    let mut writer = Sender::from_owned_fd(writer).map_err(KeeperError::system("open a pipe"))?;
    if let Stdin::Bytes(bytes) = stdin {
        let bytes = bytes.clone();
        // A child that does not read to the end has seen what it wanted.
        tokio::spawn(async move { writer.write_all(&bytes).await.ok() });
    } else {
        streams.stdin = Some(writer);
    }
    Ok(reader)
}

fn open_output(output: &Output, streams: &mut Streams) -> Result<(OwnedFd, OwnedFd), KeeperError> {
    match output {
        Output::Null => Ok((null(true)?, null(true)?)),
        Output::Log(path) => {
            let file = log::append(path)?;
            let twin = file
                .try_clone()
                .map_err(KeeperError::file("open the log", path))?;
            Ok((file.into(), twin.into()))
        }
        Output::Captured => {
            let (stdout, stdout_end) = output_pipe()?;
            let (stderr, stderr_end) = output_pipe()?;
            streams.capture = Some(Capture::start(stdout, stderr));
            Ok((stdout_end, stderr_end))
        }
        Output::Piped => {
            let (stdout, stdout_end) = output_pipe()?;
            let (stderr, stderr_end) = output_pipe()?;
            streams.stdout = Some(stdout);
            streams.stderr = Some(stderr);
            Ok((stdout_end, stderr_end))
        }
        Output::PipedWithLog(path) => {
            let (stdout, stdout_end) = output_pipe()?;
            streams.stdout = Some(stdout);
            Ok((stdout_end, log::append(path)?.into()))
        }
    }
}

impl Capture {
    fn start(stdout: Receiver, stderr: Receiver) -> Self {
        let (kept_stdout, kept_stderr) = (Arc::default(), Arc::default());
        let (of_stdout, of_stderr) = (Arc::clone(&kept_stdout), Arc::clone(&kept_stderr));
        let readers = [
            tokio::spawn(async move { capture(stdout, &of_stdout).await }),
            tokio::spawn(async move { capture(stderr, &of_stderr).await }),
        ];
        Self {
            stdout: kept_stdout,
            stderr: kept_stderr,
            readers,
        }
    }
}

fn output_pipe() -> Result<(Receiver, OwnedFd), KeeperError> {
    let (reader, writer) = pipe()?;
    Ok((
        Receiver::from_owned_fd(reader).map_err(KeeperError::system("open a pipe"))?,
        writer,
    ))
}

fn pipe() -> Result<(OwnedFd, OwnedFd), KeeperError> {
    pipe_with(PipeFlags::CLOEXEC).map_err(KeeperError::system("open a pipe"))
}

fn null(write: bool) -> Result<OwnedFd, KeeperError> {
    let path = "/dev/null";
    let file = File::options()
        .read(!write)
        .write(write)
        .open(path)
        .map_err(KeeperError::file("open", path))?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::{Command, KeeperError};
    use std::path::Path;

    #[test]
    fn bare_names_are_found_in_the_childs_own_path_only() {
        let command = Command::new("shell", "sh").environment([("PATH", "/nowhere:/bin")]);
        assert_eq!(resolve(&command).unwrap(), Path::new("/bin/sh"));
        let error = resolve(&Command::new("shell", "sh")).unwrap_err().to_string();
        assert!(error.contains("has no PATH"), "{error}");
    }

    #[test]
    fn programs_that_cannot_run_are_named() {
        let missing = resolve(&Command::new("server", "/no/such/program")).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "cannot start server: /no/such/program does not exist"
        );
        let directory = resolve(&Command::new("server", "/etc/passwd")).unwrap_err();
        assert!(
            matches!(directory, KeeperError::NotExecutable { .. }),
            "{directory}"
        );
    }
}
