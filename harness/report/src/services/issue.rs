//! The problems of a run, each with its place in the repository.

use crate::{
    AttemptResult, ScenarioResult, Summary,
    terminal::{message, one_line},
    text::{inert, printable},
};
use plumbline_model::{ExitCode, Outcome, StepPosition};
use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

/// Beyond this many characters, what was expected and what was there is left to the report.
const LONG: usize = 1_000;

/// Where the files that a report names are, as a build service names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// The folder that the build service calls its workspace.
    pub root: PathBuf,
    /// The folder that the paths in the report start from.
    pub project: PathBuf,
}

impl Repository {
    /// The path of `file` below the root, if it is there.
    pub(super) fn place(&self, file: &str) -> Option<String> {
        let path = flat(&self.project.join(file));
        let below = path.strip_prefix(flat(&self.root)).ok()?;
        (!below.as_os_str().is_empty()).then(|| below.to_string_lossy().into_owned())
    }
}

/// `path` without `.` and with each `..` taken back, by the look of it.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                flat.pop();
            }
            other => flat.push(other),
        }
    }
    flat
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Error,
    Warning,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issue {
    pub(super) severity: Severity,
    pub(super) title: String,
    pub(super) message: String,
    /// The file below the root of the repository, and the place in it.
    pub(super) place: Option<(String, u32, u32)>,
}

/// All problems of a run: what makes it red, then what is only flaky. Their text is harmless for a log.
pub(super) fn issues(summary: &Summary, repository: &Repository) -> Vec<Issue> {
    let mut issues: Vec<_> = summary
        .sorted_scenarios()
        .into_iter()
        .filter_map(|result| of_scenario(summary, result, repository))
        .collect();
    issues.extend(summary.troubles().iter().map(|trouble| Issue {
        severity: Severity::Error,
        title: shown(&one_line(&trouble.subject)),
        message: shown(&trouble.message),
        place: None,
    }));
    issues.sort_by_key(|issue| issue.severity == Severity::Warning);
    issues
}

fn of_scenario(summary: &Summary, result: &ScenarioResult, repository: &Repository) -> Option<Issue> {
    let red = summary.code_of(result) != ExitCode::Passed;
    let is_flaky = matches!(*result.outcome, Outcome::Flaky { .. });
    if !red && !is_flaky {
        return None;
    }
    // What is flaky is best looked at where it went wrong.
    let attempt = match is_flaky {
        true => result.earlier_attempts().last(),
        false => result.attempts.last(),
    };
    let step = attempt.and_then(AttemptResult::deciding_step);
    let mut message = message(&result.outcome).unwrap_or_default();
    if let Some(attempt) = attempt.filter(|_| is_flaky) {
        let earlier = crate::terminal::message(&attempt.outcome).unwrap_or_default();
        let _ = write!(message, "\nattempt {}: {earlier}", attempt.attempt);
    }
    if let Outcome::Failed(failure) = &*result.outcome {
        for (label, value) in [("expected", &failure.expected), ("actual", &failure.actual)] {
            if let Some(value) = value.as_ref().filter(|value| value.len() <= LONG) {
                let _ = write!(message, "\n{label}: {value}");
            }
        }
    }
    for used in step.map(|step| step.used_at.as_slice()).unwrap_or_default() {
        let _ = write!(message, "\nused at {used}");
    }
    let _ = write!(
        message,
        "\nrun again: {}",
        one_line(&summary.reproduction(result))
    );
    let place = match step {
        Some(step) => {
            let StepPosition { file, line, column } = &step.position;
            place(file, *line, *column, repository)
        }
        None => place(&result.file, 1, 1, repository),
    };
    Some(Issue {
        severity: if red { Severity::Error } else { Severity::Warning },
        title: shown(&format!(
            "{} {}",
            one_line(&result.scenario),
            result.outcome.status().word()
        )),
        message: shown(&message),
        place,
    })
}

fn place(file: &str, line: u32, column: u32, repository: &Repository) -> Option<(String, u32, u32)> {
    let file = repository.place(file)?;
    Some((shown(&one_line(&file)), line, column))
}

fn shown(text: &str) -> String {
    inert(&printable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_root_of_the_repository() {
        let repository = |root: &str, project: &str| Repository {
            root: root.into(),
            project: project.into(),
        };
        let file = "scenarios/a.yaml";
        for (root, project, named, place) in [
            ("/build", "/build", file, Some("scenarios/a.yaml")),
            (
                "/build",
                "/build/platform",
                file,
                Some("platform/scenarios/a.yaml"),
            ),
            ("/build", "/build/platform/.", "../x/a.yaml", Some("x/a.yaml")),
            ("/build", "/build", "/build/a.yaml", Some("a.yaml")),
            ("/build", "/build", "/elsewhere/a.yaml", None),
            ("/build", "/build", "../../etc/passwd", None),
            ("/build", "/build", "", None),
        ] {
            let found = repository(root, project).place(named);
            assert_eq!(found.as_deref(), place, "{root} {project} {named}");
        }
    }
}
