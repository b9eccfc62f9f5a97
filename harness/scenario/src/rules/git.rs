//! Rules for what is done to repositories: names as Git takes them, paths inside the repository, changes that change something.

use super::Findings;
use crate::{
    Located, ScenarioStep, Span,
    document::Node,
    steps::{Branch, Commit, Merge},
    template,
};

pub(super) fn check_branch(branch: &Branch, findings: &mut Findings<'_>) {
    check_name("branch", &branch.name, findings);
    if branch.name.value == branch.from {
        let message = format!("the branch `{}` cannot begin at itself", branch.name);
        findings.note(
            branch.name.span,
            message,
            "give it another name, or another `from`",
        );
    }
}

pub(super) fn check_merge(merge: &Merge, findings: &mut Findings<'_>) {
    check_name("branch", &merge.from, findings);
    check_name("branch", &merge.into, findings);
    if merge.from == merge.into {
        let message = format!("the branch `{}` is merged into itself", merge.into);
        findings.note(merge.into.span, message, "name the branch that receives it");
    }
}

/// A name that `git check-ref-format` takes.
pub(super) fn check_name(what: &str, name: &Located<String>, findings: &mut Findings<'_>) {
    if !is_reference(&template::plain(name)) {
        findings.note(
            name.span,
            format!("`{name}` cannot be the name of a {what}"),
            "no spaces, none of `~^:?*[\\`, no `..`, and `/` only between two parts",
        );
    }
}

fn is_reference(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && !name.starts_with('-')
        && name != "@"
        && !name.contains(|character: char| character.is_ascii_control() || " ~^:?*[\\".contains(character))
        && name.split('/').all(is_part)
}

pub(super) fn check_commit(commit: &Commit, step: &ScenarioStep, findings: &mut Findings<'_>) {
    if commit.write.is_empty() && commit.replace.is_empty() && commit.remove.is_empty() {
        findings.note(
            step.span,
            "a commit that changes nothing",
            "give it `write`, `replace` or `remove`",
        );
    }
    if commit.message.trim().is_empty() {
        findings.note(step.span, "a commit without a message", "say what it changes");
    }
    let written = commit
        .write
        .keys()
        .map(|path| (path.as_str(), key_span(&step.node, path).unwrap_or(step.span)));
    let replaced = commit
        .replace
        .iter()
        .map(|replacement| (replacement.file.as_str(), replacement.file.span));
    let removed = commit.remove.iter().map(|path| (path.as_str(), path.span));
    for (path, span) in written.chain(replaced).chain(removed) {
        if !is_inside(path) {
            findings.note(
                span,
                format!("`{path}` is not a path inside the repository"),
                "write it relative to the repository, without `..`",
            );
        }
    }
    for replacement in commit
        .replace
        .iter()
        .filter(|replacement| replacement.from == replacement.to || replacement.from.is_empty())
    {
        findings.note(
            replacement.file.span,
            "a replacement that changes nothing",
            "`from` must not be empty or equal to `to`",
        );
    }
}

/// The place of a key of `write`.
fn key_span(step: &Node, path: &str) -> Option<Span> {
    let fields = &step.entry("commit")?.value;
    Some(fields.entry("write")?.value.entry(path)?.key_span)
}

pub(super) fn is_inside(path: &str) -> bool {
    !path.contains(['\\', '\0', '\n'])
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_git_takes() {
        for name in ["dev", "release/1.2", "v2.9.2", "a@b", "feature-x"] {
            assert!(is_reference(name), "{name}");
        }
        for name in [
            "", "/a", "a/", "a//b", ".a", "a/.b", "a..b", "a.lock", "a.", "-a", "a b", "a~1", "a^", "a:b",
            "@", "a@{1}", "a\\b", "a\nb",
        ] {
            assert!(!is_reference(name), "{name:?}");
        }
    }

    #[test]
    fn paths_stay_inside_the_repository() {
        for path in ["a.yaml", "environments/dev/flux/a.yaml", ".gitignore", "..a"] {
            assert!(is_inside(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/",
            "./a",
            ".git/hooks/x",
            "a\\..\\b",
        ] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
