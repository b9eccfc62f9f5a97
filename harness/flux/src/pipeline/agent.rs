//! The agent: folders that are made for one job and go with it, an environment that has nothing of this machine's, and
//! scripts that bash runs.

use super::PIPELINE_TOOLS;
use crate::{Platform, VerbError, chain, programs::path_of, scan::KEEP_TO_ITSELF};
use plumbline_keeper::{Command, Output};
use plumbline_model::FaultClass;
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, symlink},
    path::{Path, PathBuf},
};

/// What scripts may run besides the tools that the pipeline itself has checked.
const UTILITIES: [&str; 19] = [
    "bash",
    "cat",
    "chmod",
    "cp",
    "cut",
    "dirname",
    "env",
    "find",
    "grep",
    "head",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sha256sum",
    "sort",
    "tail",
];

/// Where the utilities of a machine are.
const SYSTEM: [&str; 2] = ["/usr/bin", "/bin"];

/// One agent.
pub(super) struct Agent {
    pub(super) folder: PathBuf,
    environment: BTreeMap<String, String>,
}

/// How a script ended.
pub(super) struct Ended {
    pub(super) success: bool,
    pub(super) said: String,
}

impl Agent {
    pub(super) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// What a job writes besides its checkout, and what goes with the agent.
    pub(super) fn temporary(&self) -> PathBuf {
        self.folder.join("temp")
    }

    /// Tools that the pipeline has checked; on PATH.
    pub(super) fn tools(&self) -> PathBuf {
        self.folder.join("tools")
    }

    /// Tools as they came from where they are published, not to be trusted before they are checked.
    pub(super) fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    /// The checkout.
    pub(super) fn sources(&self) -> PathBuf {
        self.folder.join("sources")
    }

    /// Makes the folders, in one that is new and empty.
    pub(super) fn prepare(folder: PathBuf, platform: &Platform) -> Result<Self, VerbError> {
        let mut agent = Self {
            environment: BTreeMap::new(),
            folder,
        };
        let utilities = agent.folder.join("utilities");
        let folders = [
            &utilities,
            &agent.home(),
            &agent.temporary(),
            &agent.tools(),
            &agent.downloads(),
        ];
        let make = |path: &PathBuf| DirBuilder::new().mode(0o700).create(path);
        folders.into_iter().try_for_each(make).map_err(own)?;
        for name in UTILITIES {
            let found = SYSTEM.iter().map(|folder| Path::new(folder).join(name));
            let found = found.into_iter().find(|path| path.is_file()).ok_or_else(|| {
                let message = format!(
                    "pipelines need `{name}` in one of {}; install it",
                    SYSTEM.join(", ")
                );
                VerbError::fault(FaultClass::Environment, message)
            })?;
            symlink(found, utilities.join(name)).map_err(own)?;
        }
        for (program, name) in PIPELINE_TOOLS {
            symlink(
                path_of(platform.programs(), program)?,
                agent.downloads().join(name),
            )
            .map_err(own)?;
        }
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        agent.environment = platform.workbench().network();
        agent
            .environment
            .extend(KEEP_TO_ITSELF.map(|(name, value)| (name.to_owned(), value.to_owned())));
        agent.environment.extend(
            [
                ("HOME", text(agent.home())),
                ("TMPDIR", text(agent.temporary())),
                ("PATH", format!("{}:{}", text(agent.tools()), text(utilities))),
                ("LC_ALL", "C.UTF-8".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        Ok(agent)
    }

    /// Runs a script in the checkout to its end.
    pub(super) async fn run(
        &self,
        script: &str,
        environment: BTreeMap<String, String>,
        platform: &Platform,
    ) -> Result<Ended, VerbError> {
        let file = self.folder.join("step.sh");
        fs::write(&file, script).map_err(own)?;
        let command = Command::new("bash", self.folder.join("utilities/bash"))
            .arguments([Path::new("--noprofile"), Path::new("--norc"), &file])
            .environment(self.environment.iter())
            .environment(environment)
            .directory(self.sources())
            .output(Output::Captured);
        let finished = platform.keeper().output(command).await?;
        let (stdout, stderr) = (finished.stdout.text(), finished.stderr.text());
        Ok(Ended {
            success: finished.status.success(),
            said: [stdout.trim_end(), stderr.trim_end()]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join("\n"),
        })
    }
}

/// A folder of the agent's own cannot be made or written.
pub(super) fn own(error: io::Error) -> VerbError {
    VerbError::fault(
        FaultClass::Environment,
        format!("the folder of a pipeline's agent: {}", chain(&error)),
    )
}
