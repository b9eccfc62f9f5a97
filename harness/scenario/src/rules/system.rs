//! Rules for systems: they come on board under a name that is free, and only who is there can leave.

use super::{Findings, known, steps::Made};
use crate::{
    ScenarioStep, Vocabulary,
    steps::{Offboard, Onboard},
    suggestion,
};

/// A system and the cluster that it is on.
pub(super) type OnBoard<'scenario> = (Option<&'scenario str>, &'scenario str);

fn cluster_of(step: &ScenarioStep) -> Option<&str> {
    step.cluster.as_ref().map(|cluster| cluster.as_str())
}

fn on_board<'scenario>(system: &'scenario str, step: &'scenario ScenarioStep) -> OnBoard<'scenario> {
    (cluster_of(step), system)
}

pub(super) fn check_onboard<'scenario>(
    onboard: &'scenario Onboard,
    step: &'scenario ScenarioStep,
    vocabulary: &Vocabulary,
    made: &mut Made<'scenario>,
    findings: &mut Findings<'_>,
) {
    known::check("system", &onboard.system, &vocabulary.systems, findings);
    known::check(
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
    if !made.on_board.insert(on_board(name, step)) {
        findings.note(
            name.span,
            format!("`{name}` is already on board"),
            "choose another name in `as`, or take it off board first",
        );
    }
}

pub(super) fn check_offboard<'scenario>(
    offboard: &'scenario Offboard,
    step: &'scenario ScenarioStep,
    vocabulary: &Vocabulary,
    made: &mut Made<'scenario>,
    findings: &mut Findings<'_>,
) {
    known::check(
        "environment",
        &offboard.environment,
        &vocabulary.environments,
        findings,
    );
    if !made.on_board.remove(&on_board(&offboard.system, step)) && !made.incomplete {
        let cluster = cluster_of(step);
        let here = made.on_board.iter().filter(|(other, _)| *other == cluster);
        let help = suggestion::instead(&offboard.system, here.map(|(_, name)| *name));
        let message = format!("`{}` is not on board here", offboard.system);
        findings.note(offboard.system.span, message, help);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_systems_are_labels() {
        assert!(is_label("drift") && is_label("drift-2"));
        for name in ["", "2drift", "-a", "a-", "Drift", "a_b", "a.b", &"a".repeat(54)] {
            assert!(!is_label(name), "{name}");
        }
    }
}
