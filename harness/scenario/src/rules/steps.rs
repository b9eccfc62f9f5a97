//! Rules for the steps of one scenario, in their order: a name must be made before it is used.

use super::{Findings, expression, template, vacuity};
use crate::{
    Located, Scenario, ScenarioStep, Span, Step, TextCondition, Timespan, Vocabulary,
    document::Node,
    steps::{Commit, Condition, Manifests, Onboard, Subject, missing_field},
    suggestion, truth,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the steps so far have made.
#[derive(Default)]
pub(super) struct Made<'scenario> {
    /// Outputs and their fields.
    pub(super) outputs: BTreeMap<&'scenario str, &'static [&'static str]>,
    snapshots: BTreeSet<&'scenario str>,
    /// Repositories of systems that were brought on board, also of those that have left since.
    repositories: BTreeSet<String>,
    /// Systems on board.
    on_board: BTreeSet<&'scenario str>,
    /// Whether a step could not be read, so that names may be missing here.
    pub(super) incomplete: bool,
}

pub(super) fn check(scenario: &Scenario, broken: bool, vocabulary: &Vocabulary, findings: &mut Findings<'_>) {
    let mut made = Made {
        incomplete: broken,
        ..Made::default()
    };
    vacuity::check(&scenario.steps, findings);
    for step in &scenario.steps {
        template::check(step, &made, findings);
        check_times(scenario, step, findings);
        check_step(scenario, step, vocabulary, &mut made, findings);
        if let Some(output) = step.step.output() {
            check_output_name(output.name, findings);
            if made.outputs.insert(output.name.as_str(), output.fields).is_some() {
                findings.note(
                    output.name.span,
                    format!("the output `{}` is here twice", output.name),
                    "give each output a name of its own",
                );
            }
        }
    }
}

fn check_step<'scenario>(
    scenario: &'scenario Scenario,
    step: &'scenario ScenarioStep,
    vocabulary: &Vocabulary,
    made: &mut Made<'scenario>,
    findings: &mut Findings<'_>,
) {
    match &step.step {
        Step::Onboard(onboard) => check_onboard(onboard, vocabulary, made, findings),
        Step::Offboard(offboard) => {
            known(
                "environment",
                &offboard.environment,
                &vocabulary.environments,
                findings,
            );
            if !made.on_board.remove(offboard.system.as_str()) && !made.incomplete {
                let help = suggestion::instead(&offboard.system, made.on_board.iter().copied());
                findings.note(
                    offboard.system.span,
                    format!("`{}` is not on board here", offboard.system),
                    help,
                );
            }
        }
        Step::Commit(commit) => {
            check_repository(&commit.repository, scenario, vocabulary, made, findings);
            check_commit(commit, step, findings);
        }
        Step::Revert(revert) => check_repository(&revert.repository, scenario, vocabulary, made, findings),
        Step::Apply(apply) => {
            if let Manifests::Here(manifest) = &apply.manifests
                && let Some(field) = missing_field(&manifest.value)
            {
                findings.note(
                    manifest.span,
                    format!("the manifest has no `{field}`"),
                    "a manifest has `apiVersion`, `kind` and `metadata.name`",
                );
            }
        }
        Step::Annotate(annotate) if annotate.annotations.is_empty() => {
            findings.note(step.span, "`annotate` without annotations", "name at least one");
        }
        Step::Snapshot(snapshot) => {
            if snapshot.objects.is_empty() {
                findings.note(step.span, "a snapshot of nothing", "name at least one object");
            }
            if !made.snapshots.insert(snapshot.name.as_str()) {
                findings.note(
                    snapshot.name.span,
                    format!("the snapshot `{}` is here twice", snapshot.name),
                    "give each snapshot a name of its own",
                );
            }
        }
        Step::Compare(compare) if !made.snapshots.contains(compare.with.as_str()) && !made.incomplete => {
            let help = suggestion::instead(&compare.with, made.snapshots.iter().copied());
            findings.note(
                compare.with.span,
                format!("no snapshot `{}` was taken before", compare.with),
                help,
            );
        }
        Step::Install(install) => known(
            "environment",
            &install.environment,
            &vocabulary.environments,
            findings,
        ),
        Step::Instance(instance) => known(
            "environment",
            &instance.environment,
            &vocabulary.environments,
            findings,
        ),
        Step::Exec(exec) => {
            known("program", &exec.program, &vocabulary.programs, findings);
            let texts = exec
                .expect
                .iter()
                .flat_map(|expect| expect.stdout.iter().chain(&expect.stderr));
            for condition in texts {
                check_text(condition, findings);
            }
        }
        Step::Expect(expect) => {
            let expression = match &expect.condition {
                Condition::That(predicate) => Some((predicate, true)),
                Condition::Never(predicate) => Some((predicate, false)),
                _ => None,
            };
            if let Some((predicate, wanted)) = expression {
                let subject = expect.subject.variables().iter().copied();
                let place = expression::Place {
                    environment: &expression::environment(&expect.subject, made),
                    changing: &subject.chain([expression::OUTPUTS]).collect::<Vec<_>>(),
                    wanted,
                };
                expression::check(predicate, &place, made, findings);
            }
            if let Condition::Text(condition) = &expect.condition {
                check_text(condition, findings);
            }
            if let Subject::Webhook(webhook) = &expect.subject
                && !webhook.path.starts_with('/')
            {
                findings.note(
                    step.span,
                    format!("`{}` is not the path of a request", webhook.path),
                    "a path begins with `/`",
                );
            }
        }
        Step::Annotate(_)
        | Step::Compare(_)
        | Step::Reconcile(_)
        | Step::Suspend(_)
        | Step::Resume(_)
        | Step::Delete(_)
        | Step::Patch(_)
        | Step::Scale(_)
        | Step::Mirror(_)
        | Step::Sign(_)
        | Step::Verify(_)
        | Step::Branch(_)
        | Step::Merge(_)
        | Step::Tag(_)
        | Step::Upgrade(_)
        | Step::Build(_)
        | Step::Http(_)
        | Step::Read(_)
        | Step::Fault(_) => {}
    }
}

fn check_onboard<'scenario>(
    onboard: &'scenario Onboard,
    vocabulary: &Vocabulary,
    made: &mut Made<'scenario>,
    findings: &mut Findings<'_>,
) {
    known("system", &onboard.system, &vocabulary.systems, findings);
    known(
        "environment",
        &onboard.environment,
        &vocabulary.environments,
        findings,
    );
    let name = onboard.name();
    if !is_label(name) {
        let help = format!(
            "lower-case letters, digits and `-`, at most {LONGEST_LABEL} characters: it names a namespace and a Helm release"
        );
        findings.note(
            name.span,
            format!("`{name}` cannot be the name of a system"),
            help,
        );
    }
    if vocabulary.repositories.contains(&onboard.repository()) {
        findings.note(
            name.span,
            format!(
                "`{}` is a repository of the platform itself",
                onboard.repository()
            ),
            "choose another name in `as`",
        );
    }
    made.repositories.insert(onboard.repository());
    if !made.on_board.insert(name.as_str()) {
        findings.note(
            name.span,
            format!("`{name}` is already on board"),
            "choose another name in `as`, or take it off board first",
        );
    }
}

/// The longest name of a Helm release.
const LONGEST_LABEL: usize = 53;

fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_LABEL).contains(&text.len())
        && text.bytes().all(is_inner)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
}

fn known(what: &str, name: &Located<String>, names: &[String], findings: &mut Findings<'_>) {
    if !names.contains(&name.value) {
        let help = suggestion::instead(name, names.iter().map(String::as_str));
        findings.note(name.span, format!("unknown {what} `{name}`"), help);
    }
}

fn check_repository(
    repository: &Located<String>,
    scenario: &Scenario,
    vocabulary: &Vocabulary,
    made: &Made<'_>,
    findings: &mut Findings<'_>,
) {
    if made.repositories.contains(&repository.value) {
        return;
    }
    if vocabulary.repositories.contains(&repository.value) {
        if !scenario.is_alone() && scenario.provides.is_none() {
            let help = "all systems share it: give the scenario `exclusive: true`";
            findings.note(
                repository.span,
                format!("a change of `{repository}` would disturb other scenarios"),
                help,
            );
        }
    } else if !made.incomplete {
        let own = made
            .repositories
            .iter()
            .chain(&vocabulary.repositories)
            .map(String::as_str);
        let help = match suggestion::nearest(repository, own) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "a system's repository is `k8s-<name>`, and the scenario has to bring it on board first"
                .to_owned(),
        };
        findings.note(
            repository.span,
            format!("this scenario has no repository `{repository}`"),
            help,
        );
    }
}

fn check_commit(commit: &Commit, step: &ScenarioStep, findings: &mut Findings<'_>) {
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

fn is_inside(path: &str) -> bool {
    !path.contains(['\\', '\0', '\n'])
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git"))
}

fn check_text(condition: &Located<TextCondition>, findings: &mut Findings<'_>) {
    match &condition.value {
        TextCondition::Matches(pattern) if truth::matches_everything(pattern) => {
            findings.note(
                condition.span,
                format!("every text matches `{pattern}`"),
                "name what it must contain",
            );
        }
        TextCondition::Contains(part) if part.is_empty() => {
            findings.note(
                condition.span,
                "every text contains the empty text",
                "name what it must contain",
            );
        }
        TextCondition::Matches(pattern) => {
            if let Err(error) = condition.holds("") {
                let reason = error
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned();
                findings.note(
                    condition.span,
                    format!("`{pattern}` is not a regular expression"),
                    reason,
                );
            }
        }
        TextCondition::Contains(_) | TextCondition::Equals(_) => {}
    }
}

fn check_times(scenario: &Scenario, step: &ScenarioStep, findings: &mut Findings<'_>) {
    for (field, time) in step.step.written_times() {
        if time.0 > scenario.timeout {
            let timeout = Timespan(scenario.timeout);
            let help = format!(
                "shorten it, or give the scenario `timeout: {}` or more",
                time.value
            );
            findings.note(
                time.span,
                format!("`{field}: {time}` is longer than the whole scenario may take, {timeout}"),
                help,
            );
        }
    }
}

fn check_output_name(name: &Located<String>, findings: &mut Findings<'_>) {
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name {
        let help = "lower-case letters, digits and `_`: CEL reads it as `outputs.<name>`";
        findings.note(
            name.span,
            format!("`{name}` cannot be the name of an output"),
            help,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn names_of_systems_are_labels() {
        assert!(is_label("drift") && is_label("drift-2"));
        for name in ["", "2drift", "-a", "a-", "Drift", "a_b", "a.b", &"a".repeat(54)] {
            assert!(!is_label(name), "{name}");
        }
    }
}
