//! Requirement by requirement: what the scenarios of a run say of each.

use super::Summary;
use super::results::ScenarioResult;
use plumbline_model::{Level, Outcome, RequirementId, SkipCause, Status, requirements};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a report says of one requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequirementStatus {
    /// Every scenario that proves it passed.
    Passed,
    /// Every scenario passed, one of them only at a further attempt.
    Flaky,
    /// Every scenario passed, and the requirement needs what was only simulated.
    Simulated,
    /// No scenario of this run proves it.
    NotRun,
    /// A scenario was skipped or interrupted, so it is not proven. One that this kind of cluster cannot run counts only where
    /// no other is about the requirement.
    Skipped,
    /// The environment or plumbline was at fault.
    Errored,
    /// A scenario failed.
    Failed,
}

impl RequirementStatus {
    /// The word that reports print.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Simulated => "simulated",
            Self::NotRun => "not run",
            Self::Skipped => "skipped",
            Self::Errored => "errored",
            Self::Failed => "failed",
        }
    }
}

/// One requirement and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementResult {
    /// Which.
    pub id: RequirementId,
    /// Core or extended.
    pub level: Level,
    /// What it says.
    pub statement: &'static str,
    /// What was found.
    pub status: RequirementStatus,
    /// The scenarios of the run that prove it.
    pub scenarios: Vec<String>,
    /// Those of them whose end decided.
    pub deciding: Vec<String>,
    /// What was simulated in them.
    pub simulated: BTreeSet<String>,
}

impl Summary {
    /// What was found for every known requirement, in the order of the specification.
    #[must_use]
    pub fn requirements(&self) -> Vec<RequirementResult> {
        let mut proving: BTreeMap<RequirementId, Vec<_>> = BTreeMap::new();
        for result in self.sorted_scenarios() {
            let named: BTreeSet<_> = result.requirements.iter().collect();
            for requirement in named {
                proving.entry(*requirement).or_default().push(result);
            }
        }
        requirements()
            .iter()
            .map(|requirement| {
                let proving = proving.remove(&requirement.id).unwrap_or_default();
                let deciding = worst(&proving);
                let worst = deciding.first().map(|result| result.outcome.status());
                let only_simulated = requirement.needs_pods && self.provider == "embedded";
                let status = match worst {
                    None => RequirementStatus::NotRun,
                    Some(Status::Passed | Status::Flaky) if only_simulated => RequirementStatus::Simulated,
                    Some(Status::Passed) => RequirementStatus::Passed,
                    Some(Status::Flaky) => RequirementStatus::Flaky,
                    Some(Status::Skipped | Status::Interrupted) => RequirementStatus::Skipped,
                    Some(Status::Errored) => RequirementStatus::Errored,
                    Some(Status::Failed) => RequirementStatus::Failed,
                };
                RequirementResult {
                    id: requirement.id,
                    level: requirement.level,
                    statement: requirement.statement,
                    status,
                    scenarios: ids(&proving),
                    deciding: ids(&deciding),
                    simulated: proving
                        .iter()
                        .flat_map(|result| result.simulated.iter().cloned())
                        .collect(),
                }
            })
            .collect()
    }
}

fn ids(results: &[&ScenarioResult]) -> Vec<String> {
    results.iter().map(|result| result.scenario.clone()).collect()
}

/// The scenarios that ended worst. What this kind of cluster cannot run takes nothing from what others prove on it.
fn worst<'run>(proving: &[&'run ScenarioResult]) -> Vec<&'run ScenarioResult> {
    let is_possible = |result: &&ScenarioResult| match &*result.outcome {
        Outcome::Skipped(skip) => skip.cause != SkipCause::Unsupported,
        _ => true,
    };
    let possible: Vec<_> = proving.iter().copied().filter(is_possible).collect();
    let counted = match possible.is_empty() {
        true => proving,
        false => &possible,
    };
    let worst = counted.iter().map(|result| result.outcome.status()).max();
    let ended_so = |result: &&ScenarioResult| Some(result.outcome.status()) == worst;
    counted.iter().copied().filter(ended_so).collect()
}
