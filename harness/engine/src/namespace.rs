//! The namespace that belongs to one attempt at a scenario: made when a step mentions `${namespace}`.

use crate::steps::ScenarioState;
use plumbline_flux::VerbError;
use rand::{Rng as _, distr::Alphanumeric};
use serde_json::json;

/// How much of the scenario's name goes into the namespace's.
const LONGEST: usize = 40;
/// How many characters make it unlike any other.
const SUFFIX: usize = 6;

/// Makes the namespace, if the scenario wants one.
///
/// # Errors
/// The API server does not make it.
pub(crate) async fn prepare(state: &mut ScenarioState) -> Result<(), VerbError> {
    if !state.scenario.uses_namespace() {
        return Ok(());
    }
    let name = fresh_name(&state.scenario.id);
    state.footprint.namespace = Some(name.clone());
    state.variables.namespace.clone_from(&name);
    let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    state.world.main.kubernetes().create(&manifest).await?;
    Ok(())
}

/// A name that no namespace has, and that people recognise the scenario by.
pub(crate) fn fresh_name(scenario: &str) -> String {
    let suffix: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(SUFFIX)
        .map(|character| char::from(character).to_ascii_lowercase())
        .collect();
    name_of(scenario, &suffix)
}

/// A label of DNS that people recognise the scenario by.
fn name_of(scenario: &str, suffix: &str) -> String {
    let (path, _combination) = scenario.split_once('[').unwrap_or((scenario, ""));
    let last = path.rsplit('/').next().unwrap_or_default();
    let kept: String = last
        .chars()
        .map(|character| match character.to_ascii_lowercase() {
            character if character.is_ascii_alphanumeric() => character,
            _ => '-',
        })
        .take(LONGEST)
        .collect();
    let kept = kept.trim_matches('-');
    if kept.is_empty() {
        return format!("scenario-{suffix}");
    }
    format!("{kept}-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_named_after_the_scenario() {
        assert_eq!(
            name_of("gitops/Drift_is corrected[environment=dev]", "x1y2z3"),
            "drift-is-corrected-x1y2z3"
        );
    }

    proptest! {
        #[test]
        fn it_is_a_label_whatever_the_scenario_is_called(scenario in "\\PC{0,120}") {
            let name = name_of(&scenario, "x1y2z3");
            prop_assert!(name.len() <= 63);
            prop_assert!(name.starts_with(|first: char| first.is_ascii_alphanumeric()));
            prop_assert!(name.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'));
        }
    }
}
