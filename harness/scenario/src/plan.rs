//! Which scenarios run, and in which order.

use crate::{PlanError, Scenario, Selection, Stage, Suite};
use plumbline_model::Shard;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// The scenarios of a run, in the order in which they are started.
///
/// Those that provide a stage come first, stage by stage, then those that look alone at the platform, then the others by id, and last those
/// that run alone. Among the others, those with
/// clusters of their own begin, for they take longest. With a seed, the others are shuffled among themselves, and those that run alone
/// among themselves. A stage that changes the cluster for everybody comes up when all that do not need it are over; those that need it follow
/// in the same order. Side by side run, from the beginning of the order, as many as
/// the user allows; one that names a lane waits until no other of the same lane runs, and those behind it do not wait for it. What
/// others need is added to every shard, so that each shard is a run of its own.
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

impl Suite {
    /// Chooses scenarios, adds those that provide what they need, and orders them.
    ///
    /// # Errors
    /// Nothing is chosen, or a part of the selection chooses nothing.
    pub fn plan(&self, selection: &Selection) -> Result<Plan, PlanError> {
        let mut chosen = selection.choose(self)?;
        if let Some(shard) = selection.shard {
            chosen = part(chosen, shard)?;
        }
        let mut scenarios: Vec<PlannedScenario> = chosen
            .into_iter()
            .map(|scenario| PlannedScenario {
                scenario: Arc::clone(scenario),
                reason: Reason::Selected,
            })
            .collect();
        self.add_providers(&mut scenarios);
        match selection.seed {
            None => scenarios.sort_by(|one, other| order(one).cmp(&order(other))),
            Some(seed) => scenarios.sort_by_cached_key(|planned| {
                let Order {
                    comes_last,
                    is_other,
                    stage,
                    is_later,
                    is_alone,
                    has_one_cluster: _,
                    id,
                } = order(planned);
                let shuffled = digest([seed.to_string().as_str(), id]);
                (comes_last, is_other, stage, is_later, is_alone, shuffled)
            }),
        }
        Ok(Plan { scenarios })
    }

    /// Adds the providers of every needed stage, highest stage first: a provider needs a lower one.
    fn add_providers(&self, scenarios: &mut Vec<PlannedScenario>) {
        for stage in Stage::PROVIDED.into_iter().rev() {
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

/// The part that one machine of several runs: all in the order of a digest over claim and values of the matrix, cut into parts of the same
/// length. The parts hold neither what is alike nor what is slow together; another name or place of a file changes none of them, and a
/// scenario that comes or goes moves at most one from each part to the next.
fn part(mut chosen: Vec<&Arc<Scenario>>, shard: Shard) -> Result<Vec<&Arc<Scenario>>, PlanError> {
    let selected = chosen.len();
    chosen.sort_by_cached_key(|scenario| {
        let values = scenario.matrix.values().map(ToString::to_string);
        let texts: Vec<String> = std::iter::once(scenario.claim.value.clone())
            .chain(values)
            .collect();
        (digest(texts.iter().map(String::as_str)), &scenario.id)
    });
    // Positions fit: there are no more of them than scenarios.
    let end = |index: u32| {
        let position = selected as u128 * u128::from(index) / u128::from(shard.count());
        usize::try_from(position).unwrap_or(selected)
    };
    let (from, to) = (end(shard.index() - 1), end(shard.index()));
    match chosen.get(from..to) {
        Some(part) if !part.is_empty() => Ok(part.to_vec()),
        _ => Err(PlanError::EmptyShard { shard, selected }),
    }
}

/// What the order follows.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Order<'plan> {
    comes_last: bool,
    is_other: bool,
    stage: Option<Stage>,
    is_later: bool,
    is_alone: bool,
    has_one_cluster: bool,
    id: &'plan str,
}

fn order(planned: &PlannedScenario) -> Order<'_> {
    let scenario = &planned.scenario;
    let stage = scenario.provides.as_ref().map(|stage| stage.value);
    Order {
        comes_last: scenario.comes_last(),
        is_other: stage.is_none(),
        stage,
        is_later: !scenario.comes_first(),
        is_alone: stage.is_none() && scenario.is_alone(),
        has_one_cluster: scenario.clusters.is_empty(),
        id: &scenario.id,
    }
}

/// A number that looks like chance, the same on every machine.
fn digest<'text>(texts: impl IntoIterator<Item = &'text str>) -> u64 {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_at(8);
    first
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
