//! Which scenario starts when: decides on what it is told, and does nothing itself.
//!
//! Those that provide a stage come first, one at a time. Then, one at a time, those that look alone at a platform that
//! nobody has used yet. Then all others side by side, in the order of the plan as far as their lanes permit: one that waits
//! for a lane holds up no other. Those that want to be alone come last, one at a
//! time. A stage that changes the cluster for everybody comes up when all of that is over, and what needs it follows in
//! the same way. A scenario keeps its lanes, and its being alone, until what it left is removed; its place among those
//! side by side is free as soon as it has a result.

use plumbline_model::{RunOptions, Skip, SkipCause, Status};
use plumbline_scenario::{Exclusive, Scenario, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// How many scenarios with clusters of their own there may be at a time, for the memory that these take.
const WITH_CLUSTERS: usize = 2;

/// What the schedule knows of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    id: String,
    needs: Stage,
    provides: Option<Stage>,
    comes_first: bool,
    comes_last: bool,
    is_alone: bool,
    has_clusters: bool,
    lanes: BTreeSet<String>,
}

impl Candidate {
    /// A scenario on a cluster that is shared.
    pub(crate) fn that_shares(scenario: &Scenario) -> Self {
        let mut lanes = BTreeSet::new();
        if let Exclusive::Lanes(named) = &scenario.exclusive {
            lanes.extend(named.iter().map(|lane| lane.value.clone()));
        }
        // Clusters of the same environment follow the same branch: each would take the systems of the other on board.
        let clusters = scenario.clusters.values();
        lanes.extend(clusters.map(|cluster| format!("environment {}", cluster.value.environment)));
        Self {
            id: scenario.id.clone(),
            needs: scenario.needs,
            provides: scenario.provides.as_ref().map(|stage| stage.value),
            comes_first: scenario.comes_first(),
            comes_last: scenario.comes_last(),
            is_alone: scenario.provides.is_none() && scenario.is_alone(),
            has_clusters: !scenario.clusters.is_empty(),
            lanes,
        }
    }

    /// A scenario on a cluster that was there before: it stands on nothing that others make, and disturbs nobody. What writes comes when
    /// all that look are over, for they look at the whole platform.
    pub(crate) fn that_looks(scenario: &Scenario) -> Self {
        Self {
            id: scenario.id.clone(),
            needs: Stage::Cluster,
            provides: None,
            comes_first: false,
            comes_last: !scenario.only_looks(),
            is_alone: false,
            has_clusters: false,
            lanes: BTreeSet::new(),
        }
    }
}

/// How many scenarios run at once, and when none is started any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many run side by side.
    pub(crate) parallel: usize,
    /// No scenario starts after the first that does not pass.
    pub(crate) fail_fast: bool,
}

impl From<&RunOptions> for Limits {
    fn from(options: &RunOptions) -> Self {
        Self {
            parallel: options.parallel,
            fail_fast: options.fail_fast,
        }
    }
}

/// What happened. Scenarios go by their place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A scenario has its result.
    Ended(usize, Status),
    /// What it left is removed, as far as it could be.
    CleanedUp(usize),
    /// The run is to end; nothing starts any more.
    Stop,
    /// Nothing starts for now.
    Pause,
    /// It goes on.
    Resume,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Start it.
    Start(usize),
    /// Report it as skipped.
    Skip(usize, Skip),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Running,
    CleaningUp,
    Over,
}

/// The state of a plan under way.
#[derive(Clone)]
pub(crate) struct Schedule {
    candidates: Vec<Candidate>,
    progress: Vec<Progress>,
    limits: Limits,
    /// The stages whose providers have a result: by which scenario, and how it ended.
    provided: BTreeMap<Stage, (String, Status)>,
    /// Why the rest is skipped.
    stopped_after: Option<String>,
    is_stopped: bool,
    is_paused: bool,
}

impl Schedule {
    pub(crate) fn new(candidates: Vec<Candidate>, limits: Limits) -> Self {
        Self {
            progress: vec![Progress::Waiting; candidates.len()],
            candidates,
            limits,
            provided: BTreeMap::new(),
            stopped_after: None,
            is_stopped: false,
            is_paused: false,
        }
    }

    /// Takes note.
    pub(crate) fn hear(&mut self, message: Message) {
        match message {
            Message::Ended(scenario, status) => {
                self.progress[scenario] = Progress::CleaningUp;
                self.note(scenario, status);
            }
            Message::CleanedUp(scenario) => self.progress[scenario] = Progress::Over,
            Message::Stop => self.is_stopped = true,
            Message::Pause => self.is_paused = true,
            Message::Resume => self.is_paused = false,
        }
    }

    fn note(&mut self, scenario: usize, status: Status) {
        let candidate = &self.candidates[scenario];
        if let Some(stage) = candidate.provides {
            self.provided.insert(stage, (candidate.id.clone(), status));
        }
        if self.limits.fail_fast
            && self.stopped_after.is_none()
            && matches!(status, Status::Failed | Status::Errored)
        {
            let word = status.word();
            self.stopped_after = Some(format!("{} {word}", candidate.id));
        }
    }

    /// What is to be done now.
    pub(crate) fn due(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        // A scenario that is skipped can be what others wait for.
        while let Some(scenario) = self.next() {
            match self.reason_to_skip(scenario) {
                Some(skip) => {
                    self.progress[scenario] = Progress::Over;
                    self.note(scenario, Status::Skipped);
                    commands.push(Command::Skip(scenario, skip));
                }
                None => {
                    self.progress[scenario] = Progress::Running;
                    commands.push(Command::Start(scenario));
                }
            }
        }
        commands
    }

    /// Whether nothing is under way and nothing will start.
    pub(crate) fn is_over(&self) -> bool {
        let is_waiting = self.progress.contains(&Progress::Waiting) && !self.is_stopped;
        !is_waiting && self.busy().next().is_none()
    }

    /// The scenario whose turn it is.
    fn next(&self) -> Option<usize> {
        if self.is_stopped {
            return None;
        }
        // Those that are only told to be skipped wait for nothing.
        if self.stopped_after.is_some() {
            return self.waiting(|_| true).next();
        }
        if self.is_paused {
            return None;
        }
        let is_late = self.comes_last_now();
        let is_provider = |candidate: &Candidate| candidate.provides.is_some();
        if self.running(is_provider) > 0 {
            return None;
        }
        let waiting = |choose: &dyn Fn(&Candidate) -> bool| {
            self.waiting(|candidate| candidate.comes_last == is_late && choose(candidate))
                .collect::<Vec<_>>()
        };
        if let Some(provider) = waiting(&is_provider).first() {
            return Some(*provider);
        }
        if self.busy().any(|candidate| candidate.is_alone) {
            return None;
        }
        if let Some(first) = waiting(&|candidate| candidate.comes_first).first() {
            return self.busy().next().is_none().then_some(*first);
        }
        let shared = waiting(&|candidate| !candidate.is_alone);
        if !shared.is_empty() {
            if self.running(|_| true) >= self.limits.parallel.max(1) {
                return None;
            }
            let taken = self.taken_lanes();
            let is_room = self.busy().filter(|candidate| candidate.has_clusters).count() < WITH_CLUSTERS;
            return shared.into_iter().find(|scenario| {
                let candidate = &self.candidates[*scenario];
                let is_free = candidate.lanes.iter().all(|lane| !taken.contains(lane));
                is_free && (is_room || !candidate.has_clusters)
            });
        }
        let alone = waiting(&|_| true);
        alone.first().copied().filter(|_| self.busy().next().is_none())
    }

    /// Whether all is over that does not wait for the others.
    fn comes_last_now(&self) -> bool {
        let mut all = self.candidates.iter().zip(&self.progress);
        all.all(|(candidate, progress)| candidate.comes_last || *progress == Progress::Over)
    }

    fn taken_lanes(&self) -> BTreeSet<&String> {
        self.busy().flat_map(|candidate| &candidate.lanes).collect()
    }

    /// Those that run, or of which something is still there.
    fn busy(&self) -> impl Iterator<Item = &Candidate> {
        let all = self.candidates.iter().zip(&self.progress);
        all.filter(|(_, progress)| matches!(progress, Progress::Running | Progress::CleaningUp))
            .map(|(candidate, _)| candidate)
    }

    fn waiting(&self, choose: impl Fn(&Candidate) -> bool) -> impl Iterator<Item = usize> {
        (0..self.candidates.len()).filter(move |scenario| {
            self.progress[*scenario] == Progress::Waiting && choose(&self.candidates[*scenario])
        })
    }

    fn running(&self, choose: impl Fn(&Candidate) -> bool) -> usize {
        let all = self.candidates.iter().zip(&self.progress);
        all.filter(|(candidate, progress)| **progress == Progress::Running && choose(candidate))
            .count()
    }

    fn reason_to_skip(&self, scenario: usize) -> Option<Skip> {
        if let Some(after) = &self.stopped_after {
            return Some(Skip {
                reason: format!("not started: --fail-fast after {after}"),
                cause: SkipCause::Stopped,
                ..Skip::default()
            });
        }
        let needs = self.candidates[scenario].needs;
        let reason = match self.provided.get(&needs) {
            _ if needs == Stage::Cluster => return None,
            Some((_, Status::Passed | Status::Flaky)) => return None,
            Some((provider, status)) => {
                let word = match status {
                    Status::Skipped | Status::Interrupted => format!("was {}", status.word()),
                    other => other.word().to_owned(),
                };
                format!("needs the {needs}, and {provider}, which provides it, {word}")
            }
            None => format!("needs the {needs}, and no scenario of this run provides it"),
        };
        Some(Skip {
            reason,
            cause: SkipCause::Prerequisite,
            ..Skip::default()
        })
    }
}

#[cfg(test)]
mod tests;
