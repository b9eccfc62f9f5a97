//! Rules for all scenarios together: they share one platform.

use crate::{Diagnostic, Located, Scenario, Stage, Step};
use std::{collections::BTreeMap, sync::Arc};

/// `complete` says that every file could be read, so that what is missing is really missing.
pub(crate) fn together(scenarios: &[Arc<Scenario>], complete: bool, diagnostics: &mut Vec<Diagnostic>) {
    check_identities(scenarios, diagnostics);
    check_systems(scenarios, diagnostics);
    check_providers(scenarios, complete, diagnostics);
}

fn check_identities(scenarios: &[Arc<Scenario>], diagnostics: &mut Vec<Diagnostic>) {
    for pair in scenarios.windows(2) {
        let [first, second] = pair else { continue };
        if first.id == second.id {
            let message = format!("two scenarios have the name `{}`", second.id);
            diagnostics.push(
                Diagnostic::new(&second.source, second.claim.span, message)
                    .with_related(&first.source, first.claim.span, "the other one")
                    .with_help("name each file once, and keep all files below one folder"),
            );
        }
    }
}

/// A name on the cluster belongs to one scenario.
fn check_systems(scenarios: &[Arc<Scenario>], diagnostics: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<&str, (&Scenario, &Located<String>)> = BTreeMap::new();
    for scenario in scenarios {
        for step in &scenario.steps {
            let Step::Onboard(onboard) = &step.step else {
                continue;
            };
            let name = onboard.name();
            match owners.get(name.as_str()) {
                Some((owner, first)) if owner.id != scenario.id => diagnostics.push(
                    Diagnostic::new(
                        &scenario.source,
                        name.span,
                        format!("the system name `{name}` belongs to another scenario"),
                    )
                    .with_related(&owner.source, first.span, "it is used here")
                    .with_help("all scenarios share one platform: choose another name in `as`"),
                ),
                Some(_) => {}
                None => {
                    owners.insert(name.as_str(), (scenario, name));
                }
            }
        }
    }
}

/// Every stage that is needed is provided, by one scenario.
fn check_providers(scenarios: &[Arc<Scenario>], complete: bool, diagnostics: &mut Vec<Diagnostic>) {
    for stage in [Stage::Operator, Stage::Platform] {
        let mut providers = scenarios.iter().filter_map(|scenario| {
            scenario
                .provides
                .as_ref()
                .filter(|provides| provides.value == stage)
                .map(|provides| (scenario, provides))
        });
        let first = providers.next();
        if let Some((owner, place)) = first {
            for (scenario, provides) in providers {
                diagnostics.push(
                    Diagnostic::new(
                        &scenario.source,
                        provides.span,
                        format!("two scenarios provide `{stage}`"),
                    )
                    .with_related(&owner.source, place.span, "it is provided here")
                    .with_help("one scenario provides a stage; the others need it"),
                );
            }
        } else if complete {
            let needing: Vec<&Arc<Scenario>> = scenarios
                .iter()
                .filter(|scenario| scenario.needs == stage)
                .collect();
            if let Some(scenario) = needing.first() {
                let others = match needing.len() - 1 {
                    0 => String::new(),
                    1 => ", as does 1 other".to_owned(),
                    count => format!(", as do {count} others"),
                };
                let message = format!("no scenario provides `{stage}`, and this one needs it{others}");
                diagnostics.push(
                    Diagnostic::new(&scenario.source, scenario.claim.span, message).with_help(format!(
                        "load the whole scenario folder, or write a scenario with `provides: {stage}`"
                    )),
                );
            }
        }
    }
}
