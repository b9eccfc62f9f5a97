//! One run of a pipeline, from what triggers it to what it leaves behind.

use super::{
    agent::Agent,
    credentials::{Found, find},
    definition::{Definition, Job, Script, Stage, Step, Variable},
    expression::Scope,
    variables::Variables,
};
use crate::{
    Patience, Platform, VerbError, chain,
    names::{ENVIRONMENTS, PLATFORM_SOURCE, PRIVATE_REGISTRY},
};
use plumbline_model::{Masker, Secret};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};
use tokio::time::timeout_at;

/// What a group of variables is called, before the environment.
const GROUP: &str = "flux-";

/// Which pipeline is to run, and on what.
#[derive(Clone, Copy, Debug)]
pub struct PipelineRequest<'a> {
    /// Its file, from the root of the repository.
    pub file: &'a str,
    /// The repository.
    pub repository: &'a str,
    /// The branch that was pushed; of a pull request, the one that is to be merged.
    pub branch: &'a str,
    /// The branch that a pull request is to be merged into; without it, the pipeline runs on a push.
    pub target: Option<&'a str>,
}

/// How a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineResult {
    /// Every step that ran went well.
    Succeeded,
    /// A step failed.
    Failed,
    /// It does not run on such a change.
    NotTriggered,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineStep {
    /// The name that people see.
    pub name: String,
    /// Whether it went well; `None` if it did not run.
    pub succeeded: Option<bool>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineRun {
    /// How it ended.
    pub result: PipelineResult,
    /// The steps of the stages that ran, in order.
    pub steps: Vec<PipelineStep>,
    /// What the steps printed, without secrets.
    pub log: String,
    /// Files with credentials that it left behind.
    pub credentials: Vec<String>,
    /// Files with credentials that others could read while it ran.
    pub exposed: Vec<String>,
}

impl PipelineRun {
    fn new(result: PipelineResult) -> Self {
        Self {
            result,
            steps: Vec::new(),
            log: String::new(),
            credentials: Vec::new(),
            exposed: Vec::new(),
        }
    }

    /// The name of the step that failed.
    #[must_use]
    pub fn failed(&self) -> Option<&str> {
        let failed = self.steps.iter().find(|step| step.succeeded == Some(false));
        failed.map(|step| step.name.as_str())
    }
}

impl Platform {
    /// Runs a pipeline of a repository as an agent does, against this cluster.
    ///
    /// # Errors
    /// The pipeline is not understood, or does not end before the deadline. A step that fails is no error.
    pub async fn run_pipeline(
        &self,
        request: &PipelineRequest<'_>,
        patience: Patience<'_>,
    ) -> Result<PipelineRun, VerbError> {
        let folder = self.scratch().map_err(|error| VerbError::environment(&error))?;
        let running = self.run_pipeline_in(request, &folder, patience);
        let run = timeout_at(patience.deadline, running).await;
        // It goes with the run's directory at the latest.
        let _ = fs::remove_dir_all(&folder);
        run.unwrap_or_else(|_| {
            let message = format!("{} did not end in time", request.file);
            Err(VerbError::mismatch(
                message,
                "an end",
                "still running; it was stopped",
            ))
        })
    }

    async fn run_pipeline_in(
        &self,
        request: &PipelineRequest<'_>,
        folder: &Path,
        patience: Patience<'_>,
    ) -> Result<PipelineRun, VerbError> {
        let mut run = PipelineRun::new(PipelineResult::NotTriggered);
        // What triggers it stands in the repository, so there is a checkout before there is a job.
        patience.saw(&format!("{} to end", request.file), "checking out");
        let mut agent = self.agent(folder.join("0"), request).await?;
        let definition = Definition::read(&agent.agent.sources(), Path::new(request.file))
            .map_err(|error| not_understood(chain(&error)))?;
        let fires = match request.target {
            Some(target) => definition.pull_requests.fires(target, &agent.changed),
            None => definition.pushes.fires(request.branch, &agent.changed),
        };
        if !fires {
            return Ok(run);
        }
        run.result = PipelineResult::Succeeded;
        let about = about(request);
        let mut scope = Scope::default();
        scope
            .values
            .insert("variables".to_owned(), Value::Object(about.readable()));
        let mut jobs = 0;
        for stage in &definition.stages {
            scope.succeeded = Some(run.result == PipelineResult::Succeeded);
            if !stage.runs(&scope).map_err(not_understood)? {
                continue;
            }
            for job in &stage.jobs {
                if jobs > 0 {
                    agent = self.agent(folder.join(jobs.to_string()), request).await?;
                }
                jobs += 1;
                let variables = self.variables(job, &about, &agent.agent).await?;
                self.run_job(stage, job, &variables, &agent.agent, &mut run, patience)
                    .await?;
            }
        }
        Ok(run)
    }

    /// A new agent with the sources.
    async fn agent(&self, folder: PathBuf, request: &PipelineRequest<'_>) -> Result<Ready, VerbError> {
        fs::create_dir(&folder).map_err(super::agent::own)?;
        let agent = Agent::prepare(folder, self)?;
        let changed = self.clone_sources(request, &agent).await?;
        Ok(Ready { agent, changed })
    }

    async fn run_job(
        &self,
        stage: &Stage,
        job: &Job,
        variables: &JobVariables,
        agent: &Agent,
        run: &mut PipelineRun,
        patience: Patience<'_>,
    ) -> Result<(), VerbError> {
        self.complete_sources(agent, &variables.public_key)?;
        let mut scope = Scope {
            succeeded: Some(true),
            ..Scope::default()
        };
        let readable = Value::Object(variables.all.readable());
        scope.values.insert("variables".to_owned(), readable);
        let mut exposed = Found::default();
        for step in &job.steps {
            let Step::Script(script) = step else {
                continue;
            };
            let name = variables.masker.mask(script.name());
            let mut succeeded = None;
            if script.runs(&scope).map_err(not_understood)? {
                patience.saw(&format!("the stage `{}` to end", stage.name()), &name);
                let ended = self.run_script(script, variables, agent).await?;
                // Writing to a String cannot fail.
                let _ = writeln!(run.log, "== {name}\n{}", variables.masker.mask(&ended.said));
                let left = find(
                    &agent.folder,
                    &written(agent).each_ref().map(PathBuf::as_path),
                    &variables.masker,
                );
                exposed.exposed.extend(left.exposed);
                succeeded = Some(ended.success);
                if !ended.success {
                    scope.succeeded = Some(false);
                    run.result = PipelineResult::Failed;
                }
            }
            run.steps.push(PipelineStep { name, succeeded });
        }
        let left = find(
            &agent.folder,
            &written(agent).each_ref().map(PathBuf::as_path),
            &variables.masker,
        );
        run.credentials.extend(left.files);
        run.exposed.extend(exposed.exposed);
        Ok(())
    }

    async fn run_script(
        &self,
        script: &Script,
        variables: &JobVariables,
        agent: &Agent,
    ) -> Result<super::agent::Ended, VerbError> {
        let wrong = |reason| not_understood(format!("the step `{}`: {reason}", script.name()));
        let text = variables.all.fill_script(&script.bash).map_err(wrong)?;
        let mut environment = BTreeMap::new();
        for (name, value) in &script.env {
            environment.insert(name.clone(), variables.all.fill(value).map_err(wrong)?);
        }
        agent.run(&text, environment, self).await
    }

    /// The variables of a job: those of every run, its own, and those of the groups that it names.
    async fn variables(
        &self,
        job: &Job,
        about: &Variables,
        agent: &Agent,
    ) -> Result<JobVariables, VerbError> {
        let mut all = about.clone();
        for (name, path) in [
            ("Agent.TempDirectory", agent.temporary()),
            ("Agent.ToolsDirectory", agent.tools()),
            ("Build.SourcesDirectory", agent.sources()),
        ] {
            all.set(name, path.to_string_lossy());
        }
        let mut variables = JobVariables {
            masker: Masker::default(),
            public_key: self.supply().public_key().to_owned(),
            all,
        };
        for variable in &job.variables {
            match variable {
                Variable::Plain { name, value } => variables.all.set(name, value),
                Variable::Group { group } => {
                    let environment = group
                        .strip_prefix(GROUP)
                        .filter(|environment| ENVIRONMENTS.contains(environment))
                        .ok_or_else(|| {
                            let known = ENVIRONMENTS.map(|environment| format!("{GROUP}{environment}"));
                            not_understood(format!(
                                "there is no variable group `{group}`; there are: {}",
                                known.join(", ")
                            ))
                        })?;
                    self.add_group(environment, agent, &mut variables).await?;
                }
            }
        }
        variables.masker = variables.all.masker();
        Ok(variables)
    }

    /// What the platform team keeps for an environment outside of Git.
    async fn add_group(
        &self,
        environment: &str,
        agent: &Agent,
        variables: &mut JobVariables,
    ) -> Result<(), VerbError> {
        let credentials = &self.services().credentials;
        let key = self.workbench().signing_key(environment).await?;
        let unreadable = |error: &dyn std::error::Error| VerbError::environment(error);
        let kubeconfig = fs::read_to_string(self.kubeconfig()).map_err(|error| unreadable(&error))?;
        let parsed: Value = serde_saphyr::from_str(&kubeconfig).map_err(|error| unreadable(&error))?;
        let login = parsed
            .pointer("/users/0/user/client-key-data")
            .and_then(Value::as_str);
        let login = Secret::new(login.unwrap_or_default().to_owned());
        let all = &mut variables.all;
        all.set("registry", PRIVATE_REGISTRY);
        all.set("sourceRegistry", PLATFORM_SOURCE);
        all.set("toolDownloads", agent.downloads().to_string_lossy());
        all.set("registryUser", &credentials.user);
        all.set("signingKey", "env://COSIGN_PRIVATE_KEY");
        all.set_secret("registryPassword", credentials.password.clone());
        all.set_secret_file("kubeconfig", Secret::new(kubeconfig), login);
        all.set_secret("signingPrivateKey", key.private);
        all.set_secret("signingPassword", key.password);
        variables.public_key = key.public;
        Ok(())
    }
}

/// An agent with the sources, and the files that the change is about.
struct Ready {
    agent: Agent,
    changed: Vec<String>,
}

/// The variables of a job, and what belongs to them.
struct JobVariables {
    all: Variables,
    masker: Masker,
    /// Of the environment's key.
    public_key: String,
}

/// The folders that steps write to.
fn written(agent: &Agent) -> [PathBuf; 3] {
    [agent.home(), agent.temporary(), agent.sources()]
}

/// What every run has for variables.
fn about(request: &PipelineRequest<'_>) -> Variables {
    let mut variables = Variables::default();
    let branch = format!("refs/heads/{}", request.branch);
    match request.target {
        Some(target) => {
            variables.set("Build.Reason", "PullRequest");
            // What is built is the merge; every pull request of plumbline's is the first one.
            variables.set("Build.SourceBranch", "refs/pull/1/merge");
            variables.set("System.PullRequest.SourceBranch", branch);
            variables.set("System.PullRequest.TargetBranch", format!("refs/heads/{target}"));
        }
        None => {
            variables.set("Build.Reason", "IndividualCI");
            variables.set("Build.SourceBranch", branch);
        }
    }
    variables
}

fn not_understood(reason: String) -> VerbError {
    VerbError::unmet(format!("the pipeline is not understood: {reason}"))
}

impl PipelineRun {
    /// The run for expressions.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let word = |succeeded| match succeeded {
            Some(true) => "succeeded",
            Some(false) => "failed",
            None => "skipped",
        };
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| json!({"name": step.name, "result": word(step.succeeded)}))
            .collect();
        json!({
            "result": self.result.word(),
            "failed": self.failed().unwrap_or_default(),
            "steps": steps,
            "log": self.log,
            "credentials": self.credentials,
            "exposed": self.exposed,
        })
    }
}

impl PipelineResult {
    /// The result as scenarios write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NotTriggered => "not-triggered",
        }
    }
}
