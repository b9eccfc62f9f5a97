//! GitHub Actions: annotations as workflow commands.

use super::issue::{Issue, Repository, Severity, issues};
use crate::Summary;
use std::fmt::Write as _;

/// One workflow command per problem, to be printed on standard output.
#[must_use]
pub fn render_github(summary: &Summary, repository: &Repository) -> String {
    issues(summary, repository).iter().map(command).collect()
}

fn command(issue: &Issue) -> String {
    let name = match issue.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = format!("::{name} ");
    if let Some((file, line, column)) = &issue.place {
        let _ = write!(out, "file={},line={line},col={column},", property(file));
    }
    let _ = writeln!(out, "title={}::{}", property(&issue.title), data(&issue.message));
    out
}

/// The message of a command ends with its line.
fn data(text: &str) -> String {
    text.trim_end()
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property ends with a comma, and all of them with a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_stays_in_its_place() {
        let issue = Issue {
            severity: Severity::Error,
            title: "a,b::c".into(),
            message: "100 %\n::error::x".into(),
            place: Some(("x:y,z.yaml".into(), 3, 5)),
        };
        assert_eq!(
            command(&issue),
            "::error file=x%3Ay%2Cz.yaml,line=3,col=5,title=a%2Cb%3A%3Ac::100 %25%0A::error::x\n"
        );
    }

    proptest! {
        #[test]
        fn a_problem_is_one_line_and_reads_back(title in any::<String>(), message in "\\PC{0,40}(\n\\PC{0,9}){0,3}") {
            let issue = Issue { severity: Severity::Warning, title, message: message.clone(), place: None };
            let written = command(&issue);
            prop_assert_eq!(written.trim_end_matches('\n').matches(['\n', '\r']).count(), 0);
            let (properties, data) = written.strip_prefix("::warning title=").unwrap().split_once("::").unwrap();
            prop_assert!(!properties.contains([',', ':']));
            let read = data.trim_end_matches('\n').replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
            prop_assert_eq!(read, message.trim_end());
        }
    }
}
