//! What the scenarios of a run share: the main cluster, what is kept of failed ones, and the evidence that a cluster gives.

use crate::{
    footprint::Footprint,
    steps::{ScenarioState, bounded, named},
};
use futures::FutureExt as _;
use plumbline_cluster::{
    ObjectReference,
    diagnose::{LogFile, evidence},
    kubernetes::KindReference,
};
use plumbline_flux::{Platform, VerbError, names::FLUX_NAMESPACE};
use plumbline_scenario::{ScenarioStep, Step, steps::Subject};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The world of a run.
pub(crate) struct World {
    /// The cluster that scenarios mean when they name none.
    pub(crate) main: Arc<Platform>,
    kept: Mutex<Vec<Kept>>,
}

/// What a scenario made and nobody undoes, so that people can look at it.
pub(crate) struct Kept {
    pub(crate) footprint: Footprint,
    pub(crate) clusters: BTreeMap<String, Arc<Platform>>,
}

impl Kept {
    /// What it is, unless it is nothing.
    pub(crate) fn words(&self) -> Option<String> {
        let Footprint {
            objects,
            systems,
            namespace,
            faults: _,
            repositories: _,
        } = &self.footprint;
        let namespaces = namespace.iter().map(|name| format!("Namespace {name}"));
        let objects = objects.iter().map(|object| object.reference.short());
        let systems = systems
            .iter()
            .map(|system| format!("system {} in {}", system.name, system.environment));
        let clusters = self
            .clusters
            .iter()
            .map(|(name, cluster)| format!("cluster {name} (KUBECONFIG={})", cluster.kubeconfig().display()));
        let all: Vec<String> = namespaces.chain(objects).chain(systems).chain(clusters).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

impl World {
    pub(crate) fn new(platform: Platform) -> Self {
        Self {
            main: Arc::new(platform),
            kept: Mutex::default(),
        }
    }

    /// Whether a program of the main cluster has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.main.failed().now_or_never().is_some()
    }

    /// What the results of scenarios lean on.
    pub(crate) fn simulated_subjects(&self) -> Vec<String> {
        let simulations = self.main.simulations();
        simulations
            .into_iter()
            .map(|simulation| simulation.subject)
            .collect()
    }

    /// Holds on to what a scenario made until the run ends.
    pub(crate) fn keep(&self, kept: Kept) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(kept);
    }

    /// Ends every cluster, the main one last. Nobody else may hold one any more.
    ///
    /// # Errors
    /// The first that does not end.
    pub(crate) async fn stop(self) -> Result<(), VerbError> {
        let kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        let clusters = kept.into_iter().flat_map(|kept| kept.clusters.into_values());
        let mut result = Ok(());
        for platform in clusters.chain([self.main]) {
            if let Some(platform) = Arc::into_inner(platform) {
                result = result.and(platform.stop().await);
            }
        }
        result
    }
}

/// Adds to a failure what the cluster says about the objects of the step.
pub(crate) async fn with_evidence(
    error: VerbError,
    placed: &ScenarioStep,
    state: &ScenarioState,
) -> VerbError {
    let VerbError::Unmet(mut failure) = error else {
        return error;
    };
    // A step that cannot be filled in is about no object.
    let Ok(step) = placed.resolve(&state.variables) else {
        return bounded(VerbError::Unmet(failure));
    };
    let platform = &state.platform;
    for object in objects_of(&step) {
        // A system of plain YAML has no release; that says nothing.
        if matches!(*step, Step::Onboard(_)) && matches!(platform.kubernetes().find(&object).await, Ok(None))
        {
            continue;
        }
        let logs = logs_about(&object, platform);
        failure
            .attachments
            .extend(evidence(platform.kubernetes(), &object, &logs).await);
    }
    bounded(VerbError::Unmet(failure))
}

/// The logs of the controllers that answer for a kind.
fn logs_about(object: &ObjectReference, platform: &Platform) -> Vec<LogFile> {
    let controllers: &[&str] = match object.kind.kind.as_str() {
        "Kustomization" => &["kustomize-controller"],
        "HelmRelease" => &["helm-controller"],
        "GitRepository" | "OCIRepository" | "HelmChart" | "HelmRepository" | "Bucket" => {
            &["source-controller"]
        }
        "Alert" | "Provider" | "Receiver" => &["notification-controller"],
        "FluxInstance" => &["flux-operator"],
        "ClusterPolicy" | "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            &["kyverno-admission-controller"]
        }
        _ => &["kustomize-controller", "helm-controller"],
    };
    let logs = platform.controller_logs();
    logs.into_iter()
        .filter(|(name, _)| controllers.contains(&name.as_str()))
        .map(|(name, path)| LogFile { name, path })
        .collect()
}

/// The objects that a step is about.
pub(crate) fn objects_of(step: &Step) -> Vec<ObjectReference> {
    let flux = |group: &str, kind: &str, name: &str| {
        KindReference {
            group: Some(group.to_owned()),
            version: None,
            kind: kind.to_owned(),
        }
        .namespaced(FLUX_NAMESPACE, name)
    };
    let written = match step {
        Step::Onboard(onboard) => {
            let name = &onboard.name().value;
            return vec![
                flux(
                    "source.toolkit.fluxcd.io",
                    "GitRepository",
                    &format!("k8s-{name}"),
                ),
                flux("kustomize.toolkit.fluxcd.io", "Kustomization", name),
                flux("helm.toolkit.fluxcd.io", "HelmRelease", name),
            ];
        }
        Step::Offboard(offboard) => {
            return vec![flux(
                "kustomize.toolkit.fluxcd.io",
                "Kustomization",
                &offboard.system.value,
            )];
        }
        Step::Instance(_) => return vec![flux("fluxcd.controlplane.io", "FluxInstance", "flux")],
        Step::Reconcile(reconcile) => vec![&reconcile.object],
        Step::Suspend(suspend) => vec![&suspend.object],
        Step::Resume(resume) => vec![&resume.object],
        Step::Delete(delete) => vec![&delete.object],
        Step::Patch(patch) => vec![&patch.object],
        Step::Scale(scale) => vec![&scale.object],
        Step::Annotate(annotate) => vec![&annotate.object],
        Step::Expect(expect) => match &expect.subject {
            Subject::Object(object) => vec![object],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    written.into_iter().map(named).collect()
}
