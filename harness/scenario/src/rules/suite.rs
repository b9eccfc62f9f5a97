//! Rules for all scenarios together: they share one platform.

use crate::{Diagnostic, Exclusive, Located, Scenario, ScenarioStep, Stage, Step, suggestion};
use std::{collections::BTreeMap, sync::Arc};

/// `complete` says that every file could be read, so that what is missing is really missing.
pub(crate) fn together(scenarios: &[Arc<Scenario>], complete: bool, diagnostics: &mut Vec<Diagnostic>) {
    check_identities(scenarios, diagnostics);
    check_claims(scenarios, diagnostics);
    if complete {
        check_lanes(scenarios, diagnostics);
    }
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

/// Which part of a divided run has a scenario follows from its claim, and reports name it by that.
fn check_claims(scenarios: &[Arc<Scenario>], diagnostics: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<&str, &Arc<Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        match owners.get(scenario.claim.as_str()) {
            Some(owner) if !Arc::ptr_eq(&owner.source, &scenario.source) => diagnostics.push(
                Diagnostic::new(
                    &scenario.source,
                    scenario.claim.span,
                    "another scenario claims the very same".to_owned(),
                )
                .with_related(&owner.source, owner.claim.span, "it is claimed here")
                .with_help("say what is different about this one, or leave it out"),
            ),
            Some(_) => {}
            None => {
                owners.insert(&scenario.claim, scenario);
            }
        }
    }
}

/// A lane that only one scenario names excludes nothing, and is most often a slip.
fn check_lanes(scenarios: &[Arc<Scenario>], diagnostics: &mut Vec<Diagnostic>) {
    let mut lanes: BTreeMap<&str, Vec<(&Scenario, &Located<String>)>> = BTreeMap::new();
    for scenario in scenarios {
        if let Exclusive::Lanes(names) = &scenario.exclusive {
            for name in names {
                lanes.entry(name).or_default().push((scenario, name));
            }
        }
    }
    for (name, users) in &lanes {
        if let [(scenario, place)] = users[..] {
            let others = lanes.keys().copied().filter(|other| other != name);
            let help = match suggestion::nearest(name, others) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "two scenarios that name the same lane do not run at the same time".to_owned(),
            };
            let message = format!("no other scenario names the lane `{name}`: it excludes nothing");
            diagnostics.push(Diagnostic::new(&scenario.source, place.span, message).with_help(help));
        }
    }
}

/// A name on the cluster belongs to one scenario.
fn check_systems(scenarios: &[Arc<Scenario>], diagnostics: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<&str, (&Scenario, &ScenarioStep, &Located<String>)> = BTreeMap::new();
    for scenario in scenarios {
        for step in scenario.all_steps() {
            let Step::Onboard(onboard) = &step.step else {
                continue;
            };
            let name = onboard.name();
            match owners.get(name.as_str()) {
                Some((owner, first, place)) if owner.id != scenario.id => {
                    diagnostics.push(shared_system(scenario, step, name, owner, first, place));
                }
                Some(_) => {}
                None => {
                    owners.insert(name.as_str(), (scenario, step, name));
                }
            }
        }
    }
}

fn shared_system(
    scenario: &Scenario,
    step: &ScenarioStep,
    name: &Located<String>,
    owner: &Scenario,
    first: &ScenarioStep,
    place: &Located<String>,
) -> Diagnostic {
    if Arc::ptr_eq(&owner.source, &scenario.source) && name.span == place.span {
        return Diagnostic::new(
            &step.source,
            name.span,
            format!("every combination of the matrix brings `{name}` on board, and they share one platform"),
        )
        .with_help("let the name differ: `as: audit-${matrix.<key>}`");
    }
    Diagnostic::new(
        &step.source,
        name.span,
        format!("the system name `{name}` belongs to another scenario"),
    )
    .with_related(&first.source, place.span, "it is used here")
    .with_help("all scenarios share one platform: choose another name in `as`")
}

/// Every stage that is needed is provided, by one scenario.
fn check_providers(scenarios: &[Arc<Scenario>], complete: bool, diagnostics: &mut Vec<Diagnostic>) {
    for stage in Stage::PROVIDED {
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
