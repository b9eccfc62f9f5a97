//! Rules for further clusters, and for what is broken on purpose.

use super::{Findings, artifact, known};
use crate::{Located, Scenario, ScenarioStep, Vocabulary, steps::Fault, suggestion, template};

/// The clusters of a scenario: known environments, and none that no step uses.
pub(super) fn check(scenario: &Scenario, broken: bool, vocabulary: &Vocabulary, findings: &mut Findings<'_>) {
    for (name, cluster) in &scenario.clusters {
        known::check(
            "environment",
            &cluster.environment,
            &vocabulary.environments,
            findings,
        );
        if let Some(version) = &cluster.version {
            artifact::check_version(version, findings);
        }
        for (index, component) in cluster.components.iter().flatten().enumerate() {
            known::check("controller", component, &vocabulary.controllers, findings);
            let before = cluster.components.iter().flatten().take(index);
            if before.into_iter().any(|other| other == component) {
                let message = format!("`{component}` is here twice");
                findings.note(component.span, message, "leave one of them out");
            }
        }
        let is_used = scenario
            .all_steps()
            .any(|step| step.cluster.as_ref().is_some_and(|used| used.value == *name));
        if !is_used && !broken {
            let message = format!("no step uses the cluster `{name}`");
            let help =
                format!("write `cluster: {name}` into a step, or leave it out: a cluster is not cheap");
            findings.note(cluster.span, message, help);
        }
    }
}

/// The cluster of a step must be one of the scenario's.
pub(super) fn check_step(step: &ScenarioStep, scenario: &Scenario, findings: &mut Findings<'_>) {
    let Some(cluster) = &step.cluster else { return };
    if !scenario.clusters.contains_key(&cluster.value) {
        let names = scenario.clusters.keys().map(String::as_str);
        let help = match scenario.clusters.is_empty() {
            true => format!(
                "give the scenario `clusters: {{{cluster}: {{environment: prod}}}}`; without `cluster` a step is about the main one"
            ),
            false => suggestion::instead(cluster, names),
        };
        findings.note(
            cluster.span,
            format!("this scenario has no cluster `{cluster}`"),
            help,
        );
    }
}

/// What is broken is broken for all who run beside it.
pub(super) fn check_fault(
    fault: &Fault,
    step: &ScenarioStep,
    scenario: &Scenario,
    vocabulary: &Vocabulary,
    findings: &mut Findings<'_>,
) {
    if let Fault::Kill(controller) = fault {
        known::check("controller", controller, &vocabulary.controllers, findings);
    }
    match fault.repository() {
        Some(repository) => check_repository(repository, findings),
        None if !scenario.is_alone() => findings.note(
            step.span,
            "what is broken on purpose would disturb other scenarios",
            "give the scenario `exclusive: true`",
        ),
        None => {}
    }
}

/// The name of a repository is what stands between the registry's name and the tag.
fn check_repository(repository: &Located<String>, findings: &mut Findings<'_>) {
    let plain = template::plain(repository);
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
    };
    if repository.contains("${registry}") || !plain.split('/').all(is_part) {
        findings.note(
            repository.span,
            format!("`{repository}` is not the name of a repository in the private registry"),
            "write what stands between `${registry}/` and the tag: `example/app`",
        );
    }
}
