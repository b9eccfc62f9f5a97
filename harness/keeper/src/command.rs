//! What to start: program, arguments, an exact environment, and where its streams go.

use crate::Confinement;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The grace between TERM and KILL where a command names none.
const DEFAULT_GRACE: Duration = Duration::from_secs(5);

/// Where a child's standard input comes from.
#[derive(Clone, Default)]
pub enum Stdin {
    /// `/dev/null`.
    #[default]
    Null,
    /// These bytes, then end of file.
    Bytes(Vec<u8>),
    /// A pipe; see [`Child::take_stdin`](crate::Child::take_stdin).
    Piped,
}

impl fmt::Debug for Stdin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("Null"),
            Self::Bytes(bytes) => write!(formatter, "Bytes({} bytes)", bytes.len()),
            Self::Piped => formatter.write_str("Piped"),
        }
    }
}

/// Where a child's standard output and standard error go.
#[derive(Debug, Clone, Default)]
pub enum Output {
    /// Both to `/dev/null`.
    #[default]
    Null,
    /// Both are appended to this file, which is created readable by its owner only.
    Log(PathBuf),
    /// Kept in memory, bounded, for [`Child::finish`](crate::Child::finish).
    Captured,
    /// Two pipes; see [`Child::take_stdout`](crate::Child::take_stdout) and
    /// [`Child::take_stderr`](crate::Child::take_stderr).
    Piped,
    /// Standard output is a pipe ([`Child::take_stdout`](crate::Child::take_stdout)), standard error is appended to this
    /// file.
    PipedWithLog(PathBuf),
}

/// A program to start. Nothing of the harness is inherited: no variable, no descriptor, no directory.
#[derive(Clone)]
pub struct Command {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) stdin: Stdin,
    pub(crate) output: Output,
    pub(crate) confinement: Option<Confinement>,
    pub(crate) grace: Duration,
    pub(crate) stop_order: u8,
}

impl Command {
    /// A command called `name` in messages and reports. A `program` without a slash is looked for in the `PATH` that
    /// [`Command::environment`] gives.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            stdin: Stdin::default(),
            output: Output::default(),
            confinement: None,
            grace: DEFAULT_GRACE,
            stop_order: 0,
        }
    }

    /// Adds arguments. Secrets do not belong here: every user of the machine can read them.
    #[must_use]
    pub fn arguments<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        self.arguments
            .extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Adds variables; of equal names the last one wins. The child sees these and `PLUMBLINE_RUN`, nothing else.
    #[must_use]
    pub fn environment<I, N, V>(mut self, variables: I) -> Self
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()));
        self.environment.extend(variables);
        self
    }

    /// The working directory; the run directory where none is given.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Where standard input comes from; nothing where not said.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Where standard output and standard error go; nowhere where not said.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Confines the child by Landlock, as far as the kernel can; see [`confinement_support`](crate::confinement_support).
    #[must_use]
    pub fn confinement(mut self, confinement: Option<Confinement>) -> Self {
        self.confinement = confinement;
        self
    }

    /// How long a stop waits between TERM and KILL.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The stage at which this child is stopped with the keeper; lower stages go first.
    #[must_use]
    pub const fn stop_order(mut self, stop_order: u8) -> Self {
        self.stop_order = stop_order;
        self
    }

    /// The name given to [`Command::new`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The program given to [`Command::new`].
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }
}

impl fmt::Debug for Command {
    /// Shows the names of the variables only: values may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("Command")
            .field("name", &self.name)
            .field("program", &self.program)
            .field("arguments", &self.arguments)
            .field("environment", &variables)
            .field("directory", &self.directory)
            .field("stdin", &self.stdin)
            .field("output", &self.output)
            .field("confinement", &self.confinement)
            .field("grace", &self.grace)
            .field("stop_order", &self.stop_order)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Stdin};

    #[test]
    fn debug_shows_no_value_of_a_variable_or_of_stdin() {
        let command = Command::new("server", "/bin/true")
            .environment([("TOKEN", "hunter2")])
            .stdin(Stdin::Bytes(b"hunter2".to_vec()));
        let shown = format!("{command:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
    }
}
