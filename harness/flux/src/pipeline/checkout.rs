//! The agent's checkout, and what is laid beside it because it is made for the run.

use super::{
    PIPELINE_TOOLS, PipelineRequest,
    agent::{Agent, own},
};
use crate::{
    Platform, VerbError,
    names::{GIT_SERVER, OPERATOR_CHART},
    programs::{last_lines, path_of},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use plumbline_keeper::{Command, Output};
use std::{fmt::Write as _, fs};

/// Where a pipeline finds the digests of its tools.
const DIGESTS: &str = "ci-cd-templates/tools.sha256";
/// Where it finds the public half of the environment's key.
const PUBLIC_KEY: &str = "cosign.pub";

impl Platform {
    /// Clones the branch; of a pull request the target, with the branch merged into it. Gives the files that this changes:
    /// by the last commit, or by the merge.
    pub(super) async fn clone_sources(
        &self,
        request: &PipelineRequest<'_>,
        agent: &Agent,
    ) -> Result<Vec<String>, VerbError> {
        let url = format!("https://{GIT_SERVER}/{}.git", request.repository);
        let branch = request.target.unwrap_or(request.branch);
        let sources = agent.sources().to_string_lossy().into_owned();
        self.git(agent, &["clone", "--quiet", "--branch", branch, &url, &sources])
            .await?;
        let within = |arguments: &[&str]| {
            let mut all = vec!["-C".to_owned(), sources.clone()];
            all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
            all
        };
        if request.target.is_some() {
            let branch = format!("origin/{}", request.branch);
            let merge = within(&[
                "-c",
                "user.name=agent",
                "-c",
                "user.email=agent@plumbline.test",
                "merge",
                "--quiet",
                "--no-ff",
                "--no-edit",
                &branch,
            ]);
            self.git(agent, &merge).await?;
        }
        let changed = within(&[
            "diff-tree",
            "--root",
            "--no-commit-id",
            "--name-only",
            "-r",
            "-m",
            "--first-parent",
            "HEAD",
        ]);
        let changed = self.git(agent, &changed).await?;
        Ok(changed.lines().map(str::to_owned).collect())
    }

    /// Runs git with the login of the checkout, which no step sees: it is not in the agent's home.
    async fn git<Argument: AsRef<str>>(
        &self,
        agent: &Agent,
        arguments: &[Argument],
    ) -> Result<String, VerbError> {
        let credentials = &self.services().credentials;
        let login = STANDARD.encode(format!("{}:{}", credentials.user, credentials.password.reveal()));
        let mut environment = self.workbench().network();
        environment.extend(
            [
                ("HOME", agent.folder.to_string_lossy().into_owned()),
                ("PATH", self.workbench().search_path().to_owned()),
                ("GIT_CONFIG_COUNT", "1".to_owned()),
                (
                    "GIT_CONFIG_KEY_0",
                    format!("http.https://{GIT_SERVER}/.extraHeader"),
                ),
                ("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {login}")),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let command = Command::new("git", path_of(self.programs(), "git")?)
            .arguments(arguments.iter().map(AsRef::as_ref))
            .environment(environment)
            .directory(&agent.folder)
            .output(Output::Captured);
        let finished = self.keeper().output(command).await?;
        if finished.status.success() {
            return Ok(finished.stdout.text());
        }
        let words: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        Err(VerbError::mismatch(
            format!("the agent's checkout failed: git {}", words.join(" ")),
            "exit code 0",
            format!("{}: {}", finished.status, last_lines(&finished.stderr.text())),
        ))
    }

    /// Adds what Git does not hold. What it does hold stays as it is.
    pub(super) fn complete_sources(&self, agent: &Agent, public_key: &str) -> Result<(), VerbError> {
        let sources = agent.sources();
        if sources.join(OPERATOR_CHART).is_dir() {
            self.add_definitions(OPERATOR_CHART, &sources)?;
        }
        let digests = sources.join(DIGESTS);
        let facts = self.programs().facts();
        let mut list = String::new();
        for (program, name) in PIPELINE_TOOLS {
            for fact in facts.iter().filter(|fact| fact.name == program) {
                // Writing to a String cannot fail.
                let _ = writeln!(list, "{}  {name}", fact.sha256);
            }
        }
        for (file, content) in [(digests, list.as_str()), (sources.join(PUBLIC_KEY), public_key)] {
            if !file.exists() && file.parent().is_some_and(|folder| folder.is_dir()) {
                fs::write(file, content).map_err(own)?;
            }
        }
        Ok(())
    }
}
