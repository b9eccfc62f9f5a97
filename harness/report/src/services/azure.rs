//! Azure DevOps: issues and the result of the task as logging commands.

use super::issue::{Issue, Repository, Severity, issues};
use crate::Summary;
use plumbline_model::{ExitCode, Status};
use std::fmt::Write as _;

/// One logging command per problem and one for the result, to be printed on standard output.
#[must_use]
pub fn render_azure(summary: &Summary, repository: &Repository) -> String {
    let mut out: String = issues(summary, repository).iter().map(command).collect();
    let result = match summary.exit_code() {
        ExitCode::Passed if summary.count(Status::Flaky) > 0 => "SucceededWithIssues",
        ExitCode::Passed => return out,
        _ => "Failed",
    };
    let _ = writeln!(out, "##vso[task.complete result={result};]{}", summary.verdict());
    out
}

fn command(issue: &Issue) -> String {
    let kind = match issue.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = format!("##vso[task.logissue type={kind};");
    if let Some((file, line, column)) = &issue.place {
        let file = property(file);
        let _ = write!(out, "sourcepath={file};linenumber={line};columnnumber={column};");
    }
    // An issue has no title: it begins its message.
    let _ = writeln!(out, "]{}: {}", data(&issue.title), data(&issue.message));
    out
}

/// The message of a command ends with its line.
fn data(text: &str) -> String {
    text.trim_end()
        .replace('%', "%AZP25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property ends with a semicolon, and all of them with a bracket.
fn property(text: &str) -> String {
    data(text).replace(';', "%3B").replace(']', "%5D")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_stays_in_its_place() {
        let issue = Issue {
            severity: Severity::Warning,
            title: "a];b".into(),
            message: "100 %\nline".into(),
            place: Some(("x;y].yaml".into(), 3, 5)),
        };
        assert_eq!(
            command(&issue),
            "##vso[task.logissue type=warning;sourcepath=x%3By%5D.yaml;linenumber=3;columnnumber=5;]a];b: 100 %AZP25%0Aline\n"
        );
    }

    proptest! {
        #[test]
        fn a_problem_is_one_command(title in any::<String>(), message in any::<String>()) {
            let issue = Issue { severity: Severity::Error, title, message, place: None };
            let written = command(&issue);
            prop_assert_eq!(written.trim_end_matches('\n').matches(['\n', '\r']).count(), 0);
            prop_assert!(written.starts_with("##vso[task.logissue type=error;]"));
        }
    }
}
