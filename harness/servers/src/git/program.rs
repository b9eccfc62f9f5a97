//! Running `git` so that nothing of the machine's or the user's configuration takes part.

use crate::ServerError;
use plumbline_keeper::{Command, Finished, Keeper, Stdin};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long one operation of plumbline on a repository may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Configuration of every run: no housekeeping in the background, no syncing of files that live for one run, and
/// fetches of single commits as the large hosts allow them.
const CONFIGURATION: [(&str, &str); 7] = [
    ("core.fsync", "none"),
    ("gc.auto", "0"),
    ("http.receivepack", "true"),
    ("maintenance.auto", "false"),
    ("receive.autogc", "false"),
    ("safe.directory", "*"),
    ("uploadpack.allowReachableSHA1InWant", "true"),
];

/// The program, who starts it, and where it finds nothing of the user.
#[derive(Clone)]
pub(super) struct Git {
    keeper: Keeper,
    program: PathBuf,
    home: PathBuf,
}

impl Git {
    pub(super) fn new(keeper: Keeper, program: PathBuf, home: PathBuf) -> Self {
        Self {
            keeper,
            program,
            home,
        }
    }

    pub(super) const fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// A command with the exact environment.
    pub(super) fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut environment: Vec<(String, OsString)> = [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
        ]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .to_vec();
        environment.push(("HOME".into(), self.home.clone().into()));
        // Git looks for its own helpers beside itself.
        let directory = self.program.parent().unwrap_or_else(|| Path::new("/"));
        environment.push(("PATH".into(), directory.into()));
        environment.push(("GIT_CONFIG_COUNT".into(), CONFIGURATION.len().to_string().into()));
        for (number, (key, value)) in CONFIGURATION.into_iter().enumerate() {
            environment.push((format!("GIT_CONFIG_KEY_{number}"), key.into()));
            environment.push((format!("GIT_CONFIG_VALUE_{number}"), value.into()));
        }
        Command::new("git", &self.program)
            .arguments(arguments)
            .environment(environment)
            .directory(&self.home)
    }

    /// Runs git on the bare repository at `path` to its end; its exit status is for the caller to judge.
    pub(super) async fn run(
        &self,
        repository: &str,
        path: &Path,
        action: &str,
        arguments: &[&str],
        input: Option<Vec<u8>>,
    ) -> Result<Finished, ServerError> {
        let command = self
            .command(arguments.iter().copied())
            .environment([("GIT_DIR", path)])
            .stdin(input.map_or(Stdin::Null, Stdin::Bytes));
        let run = tokio::time::timeout(LIMIT, self.keeper.output(command)).await;
        let finished = run
            .map_err(|_| {
                refused(
                    repository,
                    action,
                    format!("it took longer than {} s", LIMIT.as_secs()),
                )
            })?
            .map_err(|source| ServerError::Process {
                action: action.to_owned(),
                repository: repository.to_owned(),
                source: Box::new(source),
            })?;
        if finished.stdout.is_truncated() {
            return Err(refused(
                repository,
                action,
                "its output is larger than 1 MiB".into(),
            ));
        }
        Ok(finished)
    }
}

/// Git refused `action`.
pub(super) fn refused(repository: &str, action: &str, detail: String) -> ServerError {
    ServerError::Git {
        action: action.to_owned(),
        repository: repository.to_owned(),
        detail,
    }
}
