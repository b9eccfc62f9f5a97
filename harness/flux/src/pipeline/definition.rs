//! A pipeline as its YAML defines it: what triggers it, and its stages, jobs and steps, with every template in its place.
//! Whatever is not understood is an error, so that nothing is left out in silence.

use super::{
    expression::{Scope, holds},
    template::{Place, Section, Templates},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A file of a pipeline that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub(super) struct DefinitionError {
    /// From the repository's root.
    pub(super) file: PathBuf,
    pub(super) reason: String,
}

/// A pipeline.
#[derive(Debug)]
pub(super) struct Definition {
    /// Which pushes it runs on.
    pub(super) pushes: Trigger,
    /// Which pull requests it runs on, by their targets.
    pub(super) pull_requests: Trigger,
    pub(super) stages: Vec<Stage>,
}

/// What makes a pipeline run.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a trigger is `none`, or has `branches` and `paths`, each with `include`"
)]
pub(super) enum Trigger {
    /// `none`.
    Never(Never),
    /// A change of such files on such a branch.
    Changes(Filter),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Never {
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    branches: Included,
    paths: Included,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Included {
    include: Vec<String>,
}

impl Trigger {
    /// Whether a change of these files on that branch is one that it waits for.
    pub(super) fn fires(&self, branch: &str, files: &[String]) -> bool {
        match self {
            Self::Never(Never::None) => false,
            Self::Changes(Filter { branches, paths }) => {
                branches.include.iter().any(|pattern| matches(pattern, branch))
                    && files
                        .iter()
                        .any(|file| paths.include.iter().any(|pattern| matches(pattern, file)))
            }
        }
    }
}

/// A part of a pipeline that runs or does not, by its condition.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stage {
    pub(super) stage: String,
    #[serde(default)]
    display_name: Option<String>,
    /// None may depend on another: the environments have nothing to do with each other.
    #[serde(default)]
    depends_on: Option<Vec<IgnoredAny>>,
    pub(super) condition: Option<String>,
    pub(super) jobs: Vec<Job>,
}

impl Stage {
    pub(super) fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.stage)
    }

    /// Whether it runs.
    pub(super) fn runs(&self, scope: &Scope) -> Result<bool, String> {
        self.condition
            .as_deref()
            .map_or(Ok(true), |condition| holds(condition, scope))
    }
}

/// What one agent does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Job {
    #[serde(rename = "job")]
    _job: String,
    #[serde(default, rename = "displayName")]
    _display_name: Option<String>,
    /// Which machine it wants; here it gets plumbline's.
    #[serde(default, rename = "pool")]
    _pool: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) variables: Vec<Variable>,
    pub(super) steps: Vec<Step>,
}

/// A variable of a job, or a group of them that is kept outside of the repository.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a variable has a `group`, or a `name` and a `value`"
)]
pub(super) enum Variable {
    /// A group by its name.
    Group {
        /// Which.
        group: String,
    },
    /// One variable.
    Plain {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
}

/// One step.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(super) enum Step {
    /// The repository itself; an agent does that first anyway.
    Checkout(Checkout),
    /// A script for bash.
    Script(Script),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkout {
    #[serde(rename = "checkout")]
    _checkout: Itself,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Itself {
    #[serde(rename = "self")]
    Itself,
}

impl TryFrom<Value> for Step {
    type Error = String;

    fn try_from(step: Value) -> Result<Self, String> {
        let has = |name| step.get(name).is_some();
        if has("checkout") {
            let checkout = serde_json::from_value(step).map_err(|error| error.to_string())?;
            return Ok(Self::Checkout(checkout));
        }
        if has("bash") || has("script") {
            let script = serde_json::from_value(step).map_err(|error| error.to_string())?;
            return Ok(Self::Script(script));
        }
        Err(format!(
            "the step {step} is none of those that are understood here: `bash`, `script` and `checkout: self`"
        ))
    }
}

/// A script, and when it runs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Script {
    #[serde(alias = "script")]
    pub(super) bash: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    condition: Option<String>,
}

impl Script {
    /// The name that people see; its first line if it has none.
    pub(super) fn name(&self) -> &str {
        let first = self.bash.lines().next().unwrap_or_default();
        self.display_name.as_deref().unwrap_or(first)
    }

    /// Whether it runs like those beside it, with nothing of its own but the text.
    pub(super) fn is_plain(&self) -> bool {
        self.condition.is_none() && self.env.is_empty()
    }

    /// Whether it runs, with what became of the steps before it: if they went well, unless it says otherwise.
    pub(super) fn runs(&self, scope: &Scope) -> Result<bool, String> {
        holds(self.condition.as_deref().unwrap_or("succeeded()"), scope)
    }
}

/// The root file of a pipeline.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Root {
    trigger: Trigger,
    pr: Trigger,
    stages: Value,
}

impl Definition {
    /// Reads a pipeline of the checkout at `root`.
    pub(super) fn read(root: &Path, file: &Path) -> Result<Self, DefinitionError> {
        let templates = Templates { root };
        let scope = Scope::default();
        let place = Place {
            file,
            scope: &scope,
            depth: 0,
        };
        let read: Root = serde_json::from_value(templates.read(file)?)
            .map_err(|error| place.wrong(format!("not understood: {error}")))?;
        let stages = templates.list(&read.stages, Section::Stages, &place)?;
        let stages: Vec<Stage> = stages
            .into_iter()
            .map(|stage| {
                let shown = stage["stage"].as_str().unwrap_or("without a name").to_owned();
                serde_json::from_value(stage)
                    .map_err(|error| place.wrong(format!("the stage {shown} is not understood: {error}")))
            })
            .collect::<Result<_, _>>()?;
        for stage in &stages {
            if stage.depends_on.as_ref().is_none_or(|others| !others.is_empty()) {
                let reason = "a stage that depends on another is not understood here; write `dependsOn: []`";
                return Err(place.wrong(format!("{}: {reason}", stage.stage)));
            }
        }
        Ok(Self {
            pushes: read.trigger,
            pull_requests: read.pr,
            stages,
        })
    }
}

/// Whether a name is one that the pattern means. A star stands for a part of a name, the last one also for what is below.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            let Some(rest) = name.strip_prefix(before) else {
                return false;
            };
            if after.is_empty() {
                return true;
            }
            let part = rest.split('/').next().unwrap_or_default().len();
            (0..=part).any(|length| rest.is_char_boundary(length) && matches(after, &rest[length..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_star_is_a_part_of_a_name_and_the_last_one_also_what_is_below() {
        for (pattern, name, expected) in [
            (
                "clusters/*/flux-instance.yaml",
                "clusters/dev/flux-instance.yaml",
                true,
            ),
            (
                "clusters/*/flux-instance.yaml",
                "clusters/dev/systems/flux-instance.yaml",
                false,
            ),
            ("flux-operator/*", "flux-operator/templates/deployment.yaml", true),
            ("flux-operator/*", "flux-operator-values.yaml", false),
            ("clusters/*/systems/*", "clusters/prod/systems/a/b.yaml", true),
            ("dev", "dev", true),
            ("dev", "develop", false),
            ("a*c*e", "abcde", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    fn read(text: &str) -> Result<Definition, String> {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.yaml"), text).unwrap();
        Definition::read(root.path(), Path::new("a.yaml")).map_err(|error| error.to_string())
    }

    const HEAD: &str = "trigger: none\npr:\n  branches: {include: [dev]}\n  paths: {include: [a/*]}\nstages:\n  - stage: one\n";

    #[test]
    fn a_definition_is_read_with_its_triggers_and_conditions() {
        let text = format!(
            "{HEAD}    dependsOn: []\n    condition: eq(variables['Build.Reason'], 'Manual')\n    jobs:\n      - job: a\n        \
             pool: {{vmImage: ubuntu-24.04}}\n        variables:\n          - group: flux-dev\n        steps:\n          \
             - checkout: self\n          - bash: |\n              echo 1\n            condition: always()\n"
        );
        let definition = read(&text).unwrap();
        assert!(!definition.pushes.fires("dev", &["a/b".to_owned()]));
        assert!(
            definition
                .pull_requests
                .fires("dev", &["b".to_owned(), "a/b".to_owned()])
        );
        assert!(!definition.pull_requests.fires("prod", &["a/b".to_owned()]));
        let stage = &definition.stages[0];
        assert!(!stage.runs(&Scope::default()).unwrap());
        let [Step::Checkout(_), Step::Script(script)] = &stage.jobs[0].steps[..] else {
            panic!("two steps");
        };
        assert_eq!(script.name(), "echo 1");
        let failed = Scope {
            succeeded: Some(false),
            ..Scope::default()
        };
        assert!(script.runs(&failed).unwrap());
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_not_left_out() {
        for (rest, expected) in [
            ("    jobs: []\n", "write `dependsOn: []`"),
            ("    dependsOn: [zero]\n    jobs: []\n", "write `dependsOn: []`"),
            (
                "    dependsOn: []\n    lockBehavior: sequential\n    jobs: []\n",
                "unknown field `lockBehavior`",
            ),
            (
                "    dependsOn: []\n    jobs:\n      - job: a\n        steps:\n          - task: Bash@3\n",
                "the step {\"task\":\"Bash@3\"} is none of those that are understood",
            ),
            (
                "    dependsOn: []\n    jobs:\n      - job: a\n        strategy: {parallel: 2}\n        steps: []\n",
                "unknown field `strategy`",
            ),
        ] {
            let said = read(&format!("{HEAD}{rest}")).unwrap_err();
            assert!(said.contains(expected), "{rest}: {said}");
        }
        assert!(
            read("stages: []\n")
                .unwrap_err()
                .contains("missing field `trigger`")
        );
    }

    /// Every pipeline of the reference platform is understood, and no stage of one environment runs for another.
    #[test]
    fn the_platforms_own_pipelines_are_understood() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/repos/k8s-gitops");
        let stages = |file: &str, variables: Value| {
            let definition =
                Definition::read(&root, Path::new(file)).unwrap_or_else(|error| panic!("{error}"));
            let mut scope = Scope::default();
            scope.values.insert("variables".to_owned(), variables);
            let runs = definition
                .stages
                .iter()
                .filter(|stage| stage.runs(&scope).unwrap());
            runs.map(|stage| stage.stage.clone()).collect::<Vec<_>>()
        };
        let push =
            serde_json::json!({"Build.Reason": "IndividualCI", "Build.SourceBranch": "refs/heads/master"});
        assert_eq!(stages("azure-pipelines.yaml", push.clone()), ["apply_prod"]);
        let pull_request = serde_json::json!({
            "Build.Reason": "PullRequest",
            "Build.SourceBranch": "refs/heads/dev",
            "System.PullRequest.TargetBranch": "refs/heads/experimental",
        });
        assert_eq!(
            stages("azure-pipelines.yaml", pull_request.clone()),
            ["validate_experimental"]
        );
        assert_eq!(
            stages("azure-pipelines-systems.yaml", pull_request),
            ["systems_experimental"]
        );
        assert!(stages("azure-pipelines-systems.yaml", push).is_empty());
    }
}
