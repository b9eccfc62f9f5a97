//! What a scenario carries from step to step.

use super::{Look, before::Before, compare::Remembered, denial::change, objects::mask_values, perform};
use crate::{
    EventLog,
    attempt::UnderWay,
    footprint::{Footprint, object_of},
    waiting::Waiting,
    world::{World, with_evidence},
};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_cluster::{
    Kubernetes, ObjectReference,
    kubernetes::{KindReference, KindSelector},
    watch::Target,
};
use plumbline_flux::{Patience, Platform, VerbError, names::PRIVATE_REGISTRY};
use plumbline_model::{Event, Fault};
use plumbline_scenario::{
    Located, ObjectKind, ObjectSelector, ObjectSet, Scenario, ScenarioStep, TextCondition, Variables,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};
use tokio::time::Instant;

/// One scenario under way.
pub(crate) struct ScenarioState {
    pub(crate) world: Arc<World>,
    /// The cluster that the step under way is about.
    pub(crate) platform: Arc<Platform>,
    /// The further clusters of the scenario.
    pub(crate) clusters: BTreeMap<String, Arc<Platform>>,
    /// What there will be to undo.
    pub(crate) footprint: Footprint,
    pub(crate) log: EventLog,
    pub(crate) scenario: Arc<Scenario>,
    /// When the scenario's time is over.
    pub(crate) deadline: Instant,
    pub(crate) variables: Variables,
    /// What expressions of the step under way read besides its subject.
    pub(crate) readable: Map<String, Value>,
    pub(crate) snapshots: BTreeMap<String, Vec<Remembered>>,
    pub(crate) waiting: Waiting,
    /// How many requests the webhook sink had received when the scenario began.
    pub(crate) deliveries_before: usize,
    /// What else was there before the scenario began.
    pub(crate) before: Before,
}

impl ScenarioState {
    /// Begins the scenario's time.
    pub(crate) fn new(world: Arc<World>, log: EventLog, scenario: Arc<Scenario>) -> Self {
        let deliveries_before = world.main.services().sink.received().len();
        Self {
            waiting: Waiting::new(log.clone(), &scenario.id, 0),
            variables: Variables {
                registry: PRIVATE_REGISTRY.to_owned(),
                ..Variables::default()
            },
            readable: Map::new(),
            snapshots: BTreeMap::new(),
            platform: world.main.clone(),
            clusters: BTreeMap::new(),
            footprint: Footprint::default(),
            world,
            log,
            deadline: Instant::now() + scenario.timeout,
            scenario,
            deliveries_before,
            before: Before::default(),
        }
    }

    /// The further clusters, for their end: no step can be about them any more.
    pub(crate) fn take_clusters(&mut self) -> BTreeMap<String, Arc<Platform>> {
        self.platform = self.world.main.clone();
        mem::take(&mut self.clusters)
    }

    /// Applies a manifest as the author's hand, or sees it refused where `denied` says so; an object that this makes is noted for the clean-up.
    pub(crate) async fn apply(
        &mut self,
        manifest: &Value,
        denied: Option<&Located<TextCondition>>,
    ) -> Result<(), VerbError> {
        mask_values(manifest, &self.log);
        let platform = self.platform.clone();
        let kubernetes = platform.kubernetes();
        let noted = match object_of(manifest) {
            // What is refused is not made, and further clusters go as a whole.
            Some(reference) if denied.is_none() && platform.name().is_none() => {
                let is_new = kubernetes.find(&reference).await?.is_none();
                is_new.then_some(reference)
            }
            _ => None,
        };
        if let Some(reference) = &noted {
            self.footprint.object(reference.clone());
        }
        let make = async |kubernetes: &Kubernetes| kubernetes.apply(manifest).await;
        let applied = change(kubernetes, denied, make).await?;
        if let (Some(reference), Some(applied)) = (&noted, applied) {
            self.footprint.identify(reference, applied.uid());
        }
        Ok(())
    }

    /// From where the step under way looks.
    pub(crate) fn look(&self) -> Look<'_> {
        Look {
            watches: self.platform.watches(),
            waiting: &self.waiting,
            deadline: self.deadline,
            readable: &self.readable,
        }
    }

    /// Until `within` from now, and never longer than the scenario may take.
    pub(crate) fn patience<'a>(
        &self,
        within: Duration,
        observe: &'a (dyn Fn(&str, &str) + Send + Sync + 'a),
    ) -> Patience<'a> {
        self.look().patience(within, observe)
    }

    /// Keeps the output of a step under the name that its author gave it, if any.
    pub(crate) fn leave(&mut self, name: Option<&Located<String>>, output: Value) {
        if let Some(name) = name {
            self.variables.outputs.insert(name.value.clone(), output);
        }
    }

    /// Puts a measurement into the log.
    pub(crate) fn measure(&self, name: &str, duration: u64) {
        let scenario = self.scenario.id.clone();
        self.log.emit(Event::Measured {
            scenario,
            name: name.to_owned(),
            duration,
        });
    }

    /// The object that the author means.
    pub(crate) fn object(&self, reference: &plumbline_scenario::ObjectReference) -> ObjectReference {
        named(reference)
    }
}

impl UnderWay for ScenarioState {
    fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    fn log(&self) -> &EventLog {
        &self.log
    }

    fn deadline(&mut self) -> &mut Instant {
        &mut self.deadline
    }

    fn given<'scenario>(&self, scenario: &'scenario Scenario) -> &'scenario [ScenarioStep] {
        scenario.given()
    }

    /// The account is of the cluster that the step is about.
    fn begin_step(&mut self, index: usize, step: &ScenarioStep) -> Waiting {
        let named = step.cluster.as_ref();
        let further = named.and_then(|cluster| self.clusters.get(&cluster.value));
        self.platform = further.unwrap_or(&self.world.main).clone();
        self.waiting = Waiting::new(self.log.clone(), &self.scenario.id, index);
        self.waiting.clone()
    }

    fn perform(&mut self, step: &ScenarioStep) -> impl Future<Output = Result<(), VerbError>> + Send {
        perform(step, self)
    }

    fn failed(&self) -> BoxFuture<'static, Fault> {
        let clusters: Vec<_> = self
            .clusters
            .values()
            .chain([&self.world.main])
            .cloned()
            .collect();
        let failed = async move {
            let failed = clusters.iter().map(|cluster| Box::pin(cluster.failed()));
            futures::future::select_all(failed).await.0
        };
        failed.boxed()
    }

    async fn with_evidence(&self, error: VerbError, step: &ScenarioStep) -> VerbError {
        // Asked first: pods that could not be pulled may be by the time that the evidence is there.
        let shortage = self.platform.shortage();
        with_evidence(error, step, self).await.on_machine(shortage)
    }

    fn way(&self) -> String {
        format!("KUBECONFIG={}", self.platform.kubeconfig().display())
    }
}

/// The object that the author means.
pub(crate) fn named(reference: &plumbline_scenario::ObjectReference) -> ObjectReference {
    ObjectReference {
        kind: kind(&reference.kind),
        namespace: reference.namespace.clone(),
        name: reference.name.clone(),
    }
}

/// What a wait over these objects is about.
pub(crate) fn target(set: &ObjectSet) -> Target {
    match set {
        ObjectSet::One(reference) => Target::Object(named(reference)),
        ObjectSet::Selected(chosen) => Target::Set(selector(chosen)),
    }
}

/// The kind that the author means.
pub(crate) fn kind(kind: &ObjectKind) -> KindReference {
    match &kind.group_version {
        Some((group, version)) => KindReference::new(group, version, &kind.kind),
        None => KindReference {
            group: None,
            version: None,
            kind: kind.kind.clone(),
        },
    }
}

/// The objects that the author means.
pub(crate) fn selector(selector: &ObjectSelector) -> KindSelector {
    KindSelector {
        kind: kind(&selector.kind),
        namespace: selector.namespace.clone(),
        labels: selector.labels.clone(),
    }
}
