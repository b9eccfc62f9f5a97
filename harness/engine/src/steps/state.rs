//! What a scenario carries from step to step.

use super::{before::Before, compare::Remembered};
use crate::{EventLog, waiting::Waiting, world::World};
use plumbline_cluster::{
    ObjectReference,
    kubernetes::{KindReference, KindSelector},
    watch::Target,
};
use plumbline_flux::{Patience, Platform, names::PRIVATE_REGISTRY};
use plumbline_model::Event;
use plumbline_scenario::{Located, ObjectKind, ObjectSelector, ObjectSet, Scenario, Variables};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// One scenario under way.
pub(crate) struct ScenarioState {
    pub(crate) world: Arc<World>,
    /// The cluster that the step under way is about.
    pub(crate) platform: Arc<Platform>,
    pub(crate) log: EventLog,
    pub(crate) scenario: Arc<Scenario>,
    /// When the scenario's time is over.
    pub(crate) deadline: Instant,
    pub(crate) variables: Variables,
    pub(crate) snapshots: BTreeMap<String, Vec<Remembered>>,
    pub(crate) waiting: Waiting,
    /// How many requests the webhook sink had received when the scenario began.
    pub(crate) deliveries_before: usize,
    /// What else was there before the scenario began.
    pub(crate) before: Before,
}

impl ScenarioState {
    pub(crate) fn new(world: Arc<World>, log: EventLog, scenario: Arc<Scenario>, deadline: Instant) -> Self {
        let deliveries_before = world.platform.services().sink.received().len();
        Self {
            waiting: Waiting::new(log.clone(), &scenario.id, 0),
            variables: Variables {
                registry: PRIVATE_REGISTRY.to_owned(),
                ..Variables::default()
            },
            snapshots: BTreeMap::new(),
            platform: world.platform.clone(),
            world,
            log,
            scenario,
            deadline,
            deliveries_before,
            before: Before::default(),
        }
    }

    /// A fresh account of what is waited for.
    pub(crate) fn begin_step(&mut self, step: usize) -> Waiting {
        self.waiting = Waiting::new(self.log.clone(), &self.scenario.id, step);
        self.waiting.clone()
    }

    /// Until `within` from now, and never longer than the scenario may take.
    pub(crate) fn patience<'a>(
        &self,
        within: Duration,
        observe: &'a (dyn Fn(&str, &str) + Send + Sync + 'a),
    ) -> Patience<'a> {
        Patience::new(self.deadline.min(Instant::now() + within), observe)
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

fn named(reference: &plumbline_scenario::ObjectReference) -> ObjectReference {
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
