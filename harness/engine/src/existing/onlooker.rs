//! One scenario on a cluster that was there before: its attempts, and the end of the namespace that it wrote in, if it has one.

use super::{
    estate::{Estate, OwnNamespace},
    preflight::Preflight,
};
use crate::{
    EventLog,
    attempt::{self, UnderWay, is_worth_another, milliseconds},
    clean_up::Undone,
    dispatcher::Reporter,
    executor::{report_finished, report_skipped, report_started, report_undone},
    pause::Pause,
    steps::{Hand, Look, Remembered, bounded},
    waiting::Waiting,
    world::objects_of,
};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_cluster::{diagnose::evidence, watch::Watches};
use plumbline_flux::VerbError;
use plumbline_model::{Event, Fault, Outcome, Status};
use plumbline_scenario::{Scenario, ScenarioStep, Variables};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs scenarios that look, and those that keep to a namespace of their own; cheap to clone.
#[derive(Clone)]
pub(super) struct Onlookers {
    pub(super) preflight: Arc<Preflight>,
    pub(super) watches: Watches,
    /// Where scenarios write, if that was asked for.
    pub(super) estate: Option<Arc<Estate>>,
    /// The name of the context.
    pub(super) context: String,
    pub(super) log: EventLog,
    pub(super) cancel: CancellationToken,
    pub(super) pause: Option<Arc<Pause>>,
}

/// A scenario under way.
struct Onlooker {
    watches: Watches,
    context: String,
    log: EventLog,
    scenario: Arc<Scenario>,
    deadline: Instant,
    variables: Variables,
    snapshots: BTreeMap<String, Vec<Remembered>>,
    waiting: Waiting,
}

impl Onlookers {
    /// Runs a scenario, or says why it is not for this cluster.
    pub(super) async fn run(self, scenario: Arc<Scenario>, reporter: Reporter) {
        let began = Instant::now();
        let (outcome, namespace) = match self.preflight.reason_to_skip(&scenario) {
            Ok(None) => {
                report_started(&self.log, &scenario);
                self.attempts(&scenario).await
            }
            Ok(Some(skip)) => {
                report_skipped(&self.log, &scenario, skip);
                reporter.ended(Status::Skipped);
                return;
            }
            Err(fault) => (Outcome::Errored(fault), None),
        };
        let status = outcome.status();
        let duration = milliseconds(began.elapsed());
        report_finished(&self.log, &scenario, duration, outcome, Vec::new());
        reporter.ended(status);
        self.clean_up(&scenario, namespace).await;
    }

    /// Also after an interruption: the cluster stays.
    async fn clean_up(&self, scenario: &Scenario, namespace: Option<OwnNamespace>) {
        let (Some(namespace), Some(estate)) = (namespace, &self.estate) else {
            return;
        };
        let began = Instant::now();
        let mut undone = Undone::default();
        match estate.remove(&namespace).await {
            Ok(()) => undone.removed.push(format!("Namespace {}", namespace.name())),
            Err(what) => undone.left.push(what),
        }
        report_undone(&self.log, scenario, began, undone);
    }

    /// The namespace that a scenario writes in.
    async fn namespace(&self, scenario: &Scenario) -> Result<Option<OwnNamespace>, Outcome> {
        match &self.estate {
            Some(estate) if scenario.writes_in_its_own_namespace() => tokio::select! {
                made = estate.make(&scenario.id) => Ok(Some(made?)),
                () = self.cancel.cancelled() => Err(Outcome::Interrupted),
            },
            _ => Ok(None),
        }
    }

    /// Attempts it as often as its author allows, each time in another namespace; that of the last attempt is given.
    async fn attempts(&self, scenario: &Arc<Scenario>) -> (Outcome, Option<OwnNamespace>) {
        let mut number = 1;
        loop {
            let began = Instant::now();
            let (outcome, namespace) = match self.namespace(scenario).await {
                Ok(namespace) => {
                    let deadline = began + scenario.timeout;
                    let outcome = self.attempt(scenario, namespace.as_ref(), deadline).await;
                    (outcome, namespace)
                }
                Err(outcome) => (outcome, None),
            };
            if outcome == Outcome::Passed && number > 1 {
                return (Outcome::Flaky { attempts: number }, namespace);
            }
            if number > scenario.retries || self.cancel.is_cancelled() || !is_worth_another(&outcome) {
                return (outcome, namespace);
            }
            self.log.emit(Event::AttemptFinished {
                scenario: scenario.id.clone(),
                attempt: number,
                duration: milliseconds(began.elapsed()),
                outcome,
            });
            number += 1;
            self.clean_up(scenario, namespace).await;
        }
    }

    async fn attempt(
        &self,
        scenario: &Arc<Scenario>,
        namespace: Option<&OwnNamespace>,
        deadline: Instant,
    ) -> Outcome {
        let name = namespace.map(OwnNamespace::name);
        let mut onlooker = Onlooker {
            watches: self.watches.clone(),
            context: self.context.clone(),
            log: self.log.clone(),
            scenario: scenario.clone(),
            deadline,
            variables: Variables {
                namespace: name.unwrap_or_default().to_owned(),
                ..Variables::default()
            },
            snapshots: BTreeMap::new(),
            waiting: Waiting::new(self.log.clone(), &scenario.id, 0),
        };
        attempt::run(&mut onlooker, &self.cancel, self.pause.as_deref()).await
    }
}

impl Onlooker {
    async fn step(&mut self, placed: &ScenarioStep) -> Result<(), VerbError> {
        let unfilled = |error| VerbError::unmet(format!("the step cannot be filled in: {error}"));
        let step = placed.resolve(&self.variables).map_err(unfilled)?.into_owned();
        let readable: Map<String, Value> = placed.cel_variables(&self.variables).map_err(unfilled)?;
        let look = Look {
            watches: &self.watches,
            waiting: &self.waiting,
            deadline: self.deadline,
            readable: &readable,
        };
        let left = match self.scenario.only_looks() {
            true => look.perform(&step).await?,
            false => {
                let (snapshots, log) = (&mut self.snapshots, &self.log);
                Hand { look, snapshots, log }.perform(&step).await?
            }
        };
        if let (Some(output), Some(left)) = (step.output(), left) {
            self.variables.outputs.insert(output.name.value.clone(), left);
        }
        Ok(())
    }
}

impl UnderWay for Onlooker {
    fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    fn log(&self) -> &EventLog {
        &self.log
    }

    fn deadline(&mut self) -> &mut Instant {
        &mut self.deadline
    }

    /// What is there is looked at; nothing is made for it.
    fn given<'scenario>(&self, _: &'scenario Scenario) -> &'scenario [ScenarioStep] {
        &[]
    }

    fn begin_step(&mut self, index: usize, _: &ScenarioStep) -> Waiting {
        self.waiting = Waiting::new(self.log.clone(), &self.scenario.id, index);
        self.waiting.clone()
    }

    fn perform(&mut self, step: &ScenarioStep) -> impl Future<Output = Result<(), VerbError>> + Send {
        self.step(step)
    }

    /// Nobody looks after the cluster: one that is gone is seen by the waits.
    fn failed(&self) -> BoxFuture<'static, Fault> {
        std::future::pending().boxed()
    }

    async fn with_evidence(&self, error: VerbError, placed: &ScenarioStep) -> VerbError {
        let VerbError::Unmet(mut failure) = error else {
            return error;
        };
        if let Ok(step) = placed.resolve(&self.variables) {
            for object in objects_of(&step) {
                let found = evidence(self.watches.kubernetes(), &object, &[]).await;
                failure.attachments.extend(found);
            }
        }
        bounded(VerbError::Unmet(failure))
    }

    fn way(&self) -> String {
        format!("kubectl --context {}", self.context)
    }
}
