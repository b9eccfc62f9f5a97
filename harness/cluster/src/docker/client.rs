//! Asking the engine.

use super::DockerError;
use plumbline_keeper::{Command, Keeper};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long an answer may take that needs no work worth mentioning.
const WITHIN: Duration = Duration::from_secs(60);

/// What the client reads of the environment, besides the `PATH` that its plug-ins and kind find programs by.
const VARIABLES: [&str; 10] = [
    "PATH",
    "HOME",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
    "XDG_RUNTIME_DIR",
];

/// The engine's client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Docker {
    keeper: Keeper,
    program: PathBuf,
    environment: BTreeMap<String, String>,
}

/// An engine that answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Engine {
    /// For example `28.2.2`.
    pub version: String,
    /// The kernel that containers run on.
    pub kernel_version: String,
}

impl Docker {
    /// Finds the client in `search_path`. Of `environment` it is given what it understands.
    ///
    /// # Errors
    /// [`DockerError::NoClient`].
    pub fn find(
        keeper: &Keeper,
        search_path: &[PathBuf],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, DockerError> {
        let candidates = search_path.iter().map(|folder| folder.join("docker"));
        let program = candidates.into_iter().find(|path| path.is_file());
        let known = environment
            .iter()
            .filter(|(name, _)| VARIABLES.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()));
        Ok(Self {
            keeper: keeper.clone(),
            program: program.ok_or(DockerError::NoClient)?,
            environment: known.collect(),
        })
    }

    /// Who starts the client.
    #[must_use]
    pub const fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// The environment of the client, for programs that start it themselves.
    #[must_use]
    pub const fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The client with these arguments, not started.
    pub fn command<I>(&self, arguments: I) -> Command
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        Command::new("docker", &self.program)
            .arguments(arguments)
            .environment(&self.environment)
            .directory(Path::new("/"))
    }

    /// A script for the shell, not started: `$1` is the client, `$2` the argument.
    #[must_use]
    pub fn script(&self, script: &str, argument: &str) -> Command {
        Command::new("docker", "/bin/sh")
            .arguments(["-c", script, "sh"])
            .arguments([self.program.as_os_str(), OsStr::new(argument)])
            .environment(&self.environment)
            .directory(Path::new("/"))
    }

    /// Has it done; `what` is a verb with its object, for errors. Returns what it printed, without the last line's end.
    ///
    /// # Errors
    /// It was not done.
    pub async fn ask<I>(&self, what: &str, arguments: I) -> Result<String, DockerError>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        self.ask_within(WITHIN, what, self.command(arguments)).await
    }

    /// The same for a command of one's own, which may take so long.
    ///
    /// # Errors
    /// It was not done.
    pub async fn ask_within(
        &self,
        within: Duration,
        what: &str,
        command: Command,
    ) -> Result<String, DockerError> {
        let asked = tokio::time::timeout(within, self.keeper.output(command)).await;
        let finished = asked.map_err(|_| DockerError::Silent {
            what: what.to_owned(),
            within,
        })??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        match finished.status.success() {
            true => Ok(text(&finished.stdout.bytes())),
            false => Err(DockerError::of(what, &text(&finished.stderr.bytes()))),
        }
    }

    /// The engine, if it answers.
    ///
    /// # Errors
    /// [`DockerError::NoEngine`] or [`DockerError::NoPermission`] where that is why.
    pub async fn engine(&self) -> Result<Engine, DockerError> {
        let what = "tell its version";
        let answer = self
            .ask(what, ["version", "--format", "{{json .Server}}"])
            .await?;
        serde_json::from_str(&answer).map_err(|_| DockerError::NoEngine { said: answer })
    }

    /// The id of an image that the engine has.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn image_id(&self, name: &str) -> Result<Option<String>, DockerError> {
        let what = format!("look for the image {name}");
        match self
            .ask(&what, ["image", "inspect", "--format", "{{.Id}}", name])
            .await
        {
            Ok(id) => Ok(Some(id)),
            Err(DockerError::Failed { said, .. }) if said.contains("No such image") => Ok(None),
            Err(error) => Err(error),
        }
    }
}
