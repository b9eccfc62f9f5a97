//! The one fold from which every report is rendered.

mod fold;
mod measured;
mod merge;
mod requirement;
mod results;
#[cfg(test)]
pub(crate) mod tests;
mod told;
mod verdict;

pub use fold::NotARun;
pub(crate) use measured::Measured;
pub use merge::{MergeError, merge};
pub use requirement::{RequirementResult, RequirementStatus};
pub use results::{
    AttemptResult, CleanUp, Egress, Measurement, Note, PhaseResult, ScenarioResult, ShardResult, StepResult,
    Trouble, Wait,
};

use plumbline_model::{
    ExitCode, Fault, Outcome, RunOptions, Shard, Simulation, Status, Subject, SubjectChange, SuiteIdentity,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Everything that a report needs. It grows by [`Summary::push`], event by event, and can be read at any time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Identifies the run.
    pub run: String,
    /// Version of plumbline.
    pub version: String,
    /// RFC 3339.
    pub started: String,
    /// Kind of cluster.
    pub provider: String,
    /// What the scenarios were chosen from.
    pub suite: SuiteIdentity,
    /// What the user asked for.
    pub options: RunOptions,
    /// The scenarios of the plan, in order.
    pub planned: Vec<String>,
    /// Facts by name.
    pub facts: BTreeMap<String, String>,
    /// What was tested, as it was first seen.
    pub subject: Option<Subject>,
    /// What was different when it was seen again, or on another machine.
    pub subject_changes: BTreeSet<SubjectChange>,
    /// What the environment simulates.
    pub simulations: BTreeSet<Simulation>,
    /// The set-up, in order.
    pub phases: Vec<PhaseResult>,
    /// The scenarios, in the order in which they ended.
    pub scenarios: Vec<ScenarioResult>,
    /// What was measured, in order.
    pub measurements: Vec<Measurement>,
    /// What the cluster tried to reach.
    pub egress: Egress,
    /// Faults outside any scenario.
    pub faults: Vec<Fault>,
    /// What could not be removed.
    pub left_behind: Vec<String>,
    /// What should be known of the run.
    pub notes: Vec<Note>,
    /// The signal that ended the run early.
    pub interrupted: Option<String>,
    /// Milliseconds.
    pub duration: u64,
    /// The exit code that the run itself told at its end; absent until then.
    pub told_exit: Option<ExitCode>,
    /// The machines that shared the run; empty for a run of one.
    pub shards: Vec<ShardResult>,
    /// The shards whose logs are not there.
    pub missing: Vec<Shard>,
    phases_begun: BTreeMap<String, u64>,
    running: BTreeMap<String, ScenarioResult>,
    ended: HashMap<String, usize>,
}

impl Summary {
    /// How many scenarios ended with `status`.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.scenarios
            .iter()
            .filter(|result| result.outcome.status() == status)
            .count()
    }

    /// Planned scenarios that never ended, in the order of the plan.
    #[must_use]
    pub fn unfinished(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let begun = self.running.keys();
        self.planned
            .iter()
            .chain(begun)
            .map(String::as_str)
            .filter(|scenario| !self.ended.contains_key(*scenario) && seen.insert(*scenario))
            .collect()
    }

    /// The scenarios that have begun and not ended, by their ids: what is running, or was when the log broke off.
    pub fn running(&self) -> impl Iterator<Item = &ScenarioResult> {
        self.running.values()
    }

    /// The scenarios by their ids: the order of reports that people compare.
    #[must_use]
    pub fn sorted_scenarios(&self) -> Vec<&ScenarioResult> {
        let mut scenarios: Vec<_> = self.scenarios.iter().collect();
        scenarios.sort_by(|left, right| left.scenario.cmp(&right.scenario));
        scenarios
    }

    /// The scenario of this id, if it has ended.
    #[must_use]
    pub fn scenario(&self, id: &str) -> Option<&ScenarioResult> {
        self.ended.get(id).and_then(|&index| self.scenarios.get(index))
    }

    /// Whether there were scenarios and every one of them was skipped: such a run proves nothing.
    #[must_use]
    pub fn nothing_ran(&self) -> bool {
        let skipped = |result: &ScenarioResult| matches!(*result.outcome, Outcome::Skipped(_));
        !self.scenarios.is_empty() && self.scenarios.iter().all(skipped) && self.unfinished().is_empty()
    }
}
