//! Which scenarios run, and in which order.

use crate::{Scenario, Stage, Suite};
use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// What the user asked for. Nothing chosen means everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Files or folders: as the files were loaded, or below the scenario folder.
    pub paths: Vec<PathBuf>,
    /// Parts of ids; one of them is enough.
    pub names: Vec<String>,
}

/// The scenarios of a run, in order: those that provide a stage by stage, then the others by id, those that run alone last.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In order.
    pub scenarios: Vec<PlannedScenario>,
}

/// One scenario of a plan.
#[derive(Clone, Debug)]
pub struct PlannedScenario {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Why it is in the plan.
    pub reason: Reason,
}

/// Why a scenario is in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was asked for.
    Selected,
    /// Another one needs the stage that it provides.
    Provides(Stage),
}

/// A selection that makes no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The selection as a whole chooses nothing.
    #[error("no scenario is selected: list them with `plumbline list`")]
    NothingSelected,
    /// One of several paths chooses nothing.
    #[error("no scenario is at or below `{}`", .0.display())]
    NothingAt(PathBuf),
    /// One of several names chooses nothing.
    #[error("no scenario has `{0}` in its name")]
    NothingNamed(String),
}

impl Suite {
    /// Chooses scenarios, adds those that provide what they need, and orders them.
    ///
    /// # Errors
    /// Nothing is chosen, or a part of the selection chooses nothing.
    pub fn plan(&self, selection: &Selection) -> Result<Plan, PlanError> {
        if self.scenarios().is_empty() {
            return Err(PlanError::NothingSelected);
        }
        for path in &selection.paths {
            if !self.scenarios().iter().any(|scenario| is_at(scenario, path)) {
                return Err(PlanError::NothingAt(path.clone()));
            }
        }
        for name in &selection.names {
            if !self
                .scenarios()
                .iter()
                .any(|scenario| scenario.id.contains(name.as_str()))
            {
                return Err(PlanError::NothingNamed(name.clone()));
            }
        }
        let is_selected = |scenario: &Scenario| {
            let by_path =
                selection.paths.is_empty() || selection.paths.iter().any(|path| is_at(scenario, path));
            let by_name = selection.names.is_empty()
                || selection
                    .names
                    .iter()
                    .any(|name| scenario.id.contains(name.as_str()));
            by_path && by_name
        };
        let mut scenarios: Vec<PlannedScenario> = self
            .scenarios()
            .iter()
            .filter(|scenario| is_selected(scenario))
            .map(|scenario| PlannedScenario {
                scenario: Arc::clone(scenario),
                reason: Reason::Selected,
            })
            .collect();
        if scenarios.is_empty() {
            return Err(PlanError::NothingSelected);
        }
        self.add_providers(&mut scenarios);
        scenarios.sort_by(|one, other| order(&one.scenario).cmp(&order(&other.scenario)));
        Ok(Plan { scenarios })
    }

    /// Adds the providers of every needed stage, highest stage first: a provider needs a lower one.
    fn add_providers(&self, scenarios: &mut Vec<PlannedScenario>) {
        for stage in [Stage::Platform, Stage::Operator] {
            let is_needed = scenarios.iter().any(|planned| planned.scenario.needs == stage);
            let provides = |scenario: &Scenario| {
                scenario
                    .provides
                    .as_ref()
                    .is_some_and(|provided| provided.value == stage)
            };
            if !is_needed || scenarios.iter().any(|planned| provides(&planned.scenario)) {
                continue;
            }
            if let Some(provider) = self.scenarios().iter().find(|scenario| provides(scenario)) {
                let reason = Reason::Provides(stage);
                scenarios.push(PlannedScenario {
                    scenario: Arc::clone(provider),
                    reason,
                });
            }
        }
    }
}

fn order(scenario: &Scenario) -> (bool, Option<Stage>, bool, &str) {
    let provides = scenario.provides.as_ref().map(|stage| stage.value);
    (
        provides.is_none(),
        provides,
        provides.is_none() && scenario.is_alone(),
        &scenario.id,
    )
}

/// Whether the scenario's file is `path` or below it.
fn is_at(scenario: &Scenario, path: &Path) -> bool {
    let path: PathBuf = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    let file: PathBuf = scenario
        .source
        .path()
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    let id = Path::new(&scenario.id);
    file.starts_with(&path) || id.starts_with(&path) || id == path.with_extension("")
}
