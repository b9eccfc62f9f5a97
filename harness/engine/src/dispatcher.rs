//! The order of scenarios: providers first, then side by side, then those that want to be alone.

use crate::{EventLog, executor, subject, world::World};
use plumbline_model::{Event, Outcome, Skip, SkipCause, Status};
use plumbline_scenario::{PlannedScenario, Scenario, Stage};
use std::{collections::BTreeSet, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Runs every scenario of a plan on one world.
pub(crate) struct Dispatcher {
    world: Arc<World>,
    log: EventLog,
    cancel: CancellationToken,
    parallel: usize,
    /// What the scenarios so far have provided.
    provided: BTreeSet<Stage>,
}

impl Dispatcher {
    pub(crate) fn new(world: Arc<World>, log: EventLog, cancel: CancellationToken, parallel: usize) -> Self {
        Self {
            world,
            log,
            cancel,
            parallel,
            provided: BTreeSet::from([Stage::Cluster]),
        }
    }

    /// Runs the scenarios; one that never started because of a signal leaves no result.
    pub(crate) async fn run(mut self, plan: &[PlannedScenario]) {
        let scenarios = || plan.iter().map(|planned| planned.scenario.clone());
        for scenario in scenarios().filter(|scenario| scenario.provides.is_some()) {
            self.run_alone(scenario).await;
        }
        if !self.cancel.is_cancelled() {
            subject::observe(&self.world.platform, &self.log).await;
        }
        let shared = scenarios().filter(|scenario| scenario.provides.is_none() && !scenario.is_alone());
        self.run_side_by_side(shared.collect()).await;
        for scenario in scenarios().filter(|scenario| scenario.provides.is_none() && scenario.is_alone()) {
            self.run_alone(scenario).await;
        }
    }

    async fn run_alone(&mut self, scenario: Arc<Scenario>) {
        if self.cancel.is_cancelled() {
            return;
        }
        let status = match self.reason_to_skip(&scenario) {
            Some(reason) => {
                skip(&self.log, &scenario, reason);
                Status::Skipped
            }
            None => {
                executor::run(
                    scenario.clone(),
                    self.world.clone(),
                    self.log.clone(),
                    self.cancel.clone(),
                )
                .await
            }
        };
        if let Some(stage) = scenario.provides.as_ref().filter(|_| status == Status::Passed) {
            self.provided.insert(stage.value);
        }
    }

    async fn run_side_by_side(&self, scenarios: Vec<Arc<Scenario>>) {
        let places = Arc::new(Semaphore::new(self.parallel.max(1)));
        let mut running = JoinSet::new();
        for scenario in scenarios {
            if let Some(reason) = self.reason_to_skip(&scenario) {
                skip(&self.log, &scenario, reason);
                continue;
            }
            let (world, log, cancel, places) = (
                self.world.clone(),
                self.log.clone(),
                self.cancel.clone(),
                places.clone(),
            );
            running.spawn(async move {
                // The semaphore is never closed, so a permit always comes.
                let _place = places.acquire_owned().await;
                if !cancel.is_cancelled() {
                    executor::run(scenario, world, log, cancel).await;
                }
            });
        }
        // Each scenario reports its own end, a panic included.
        while running.join_next().await.is_some() {}
    }

    fn reason_to_skip(&self, scenario: &Scenario) -> Option<Skip> {
        if let Some(skip) = &scenario.skip {
            return Some(Skip {
                reason: skip.reason.value.clone(),
                cause: SkipCause::Author,
                issue: skip.issue.clone(),
                until: skip.until.as_ref().map(|until| until.value.clone()),
            });
        }
        let missing = !self.provided.contains(&scenario.needs);
        missing.then(|| Skip {
            reason: format!(
                "needs the {}, which is not there: see the scenario that provides it",
                scenario.needs
            ),
            cause: SkipCause::Prerequisite,
            ..Skip::default()
        })
    }
}

fn skip(log: &EventLog, scenario: &Scenario, skip: Skip) {
    log.emit(Event::ScenarioFinished {
        scenario: scenario.id.clone(),
        claim: scenario.claim.value.clone(),
        file: scenario.source.name().to_owned(),
        requirements: executor::requirements(scenario),
        tags: executor::tags(scenario),
        duration: 0,
        outcome: Outcome::Skipped(skip),
        simulated: Vec::new(),
    });
}
