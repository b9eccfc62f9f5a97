//! What the scenarios of a run share: the platform, and the evidence that it gives when one fails.

use crate::steps::{ScenarioState, bounded};
use plumbline_cluster::{
    ObjectReference,
    diagnose::{LogFile, evidence},
    kubernetes::KindReference,
};
use plumbline_flux::{Platform, VerbError, names::FLUX_NAMESPACE, simulations};
use plumbline_model::Fault;
use plumbline_scenario::{Step, steps::Subject};
use std::sync::Arc;

/// The world of a run.
pub(crate) struct World {
    pub(crate) platform: Arc<Platform>,
}

impl World {
    pub(crate) fn new(platform: Platform) -> Self {
        Self {
            platform: Arc::new(platform),
        }
    }

    /// Ends when a program of the cluster has died.
    pub(crate) async fn failed(&self) -> Fault {
        self.platform.failed().await
    }

    /// What the results of scenarios lean on.
    pub(crate) fn simulated_subjects(&self) -> Vec<String> {
        simulations()
            .into_iter()
            .map(|simulation| simulation.subject)
            .collect()
    }

    /// Adds to a failure what the cluster says about the objects of the step.
    pub(crate) async fn with_evidence(
        &self,
        error: VerbError,
        step: &Step,
        state: &ScenarioState,
    ) -> VerbError {
        let VerbError::Unmet(mut failure) = error else {
            return error;
        };
        for object in objects_of(step, state) {
            // A system of plain YAML has no release; that says nothing.
            if matches!(step, Step::Onboard(_))
                && matches!(self.platform.kubernetes().find(&object).await, Ok(None))
            {
                continue;
            }
            let logs = self.logs_about(&object);
            failure
                .attachments
                .extend(evidence(self.platform.kubernetes(), &object, &logs).await);
        }
        bounded(VerbError::Unmet(failure))
    }

    /// The logs of the controllers that answer for a kind.
    fn logs_about(&self, object: &ObjectReference) -> Vec<LogFile> {
        let controllers: &[&str] = match object.kind.kind.as_str() {
            "Kustomization" => &["kustomize-controller"],
            "HelmRelease" => &["helm-controller"],
            "GitRepository" | "OCIRepository" | "HelmChart" | "HelmRepository" | "Bucket" => {
                &["source-controller"]
            }
            "Alert" | "Provider" | "Receiver" => &["notification-controller"],
            "FluxInstance" => &["flux-operator"],
            _ => &["kustomize-controller", "helm-controller"],
        };
        let logs = self.platform.controller_logs();
        logs.into_iter()
            .filter(|(name, _)| controllers.contains(&name.as_str()))
            .map(|(name, path)| LogFile { name, path })
            .collect()
    }
}

/// The objects that a step is about.
fn objects_of(step: &Step, state: &ScenarioState) -> Vec<ObjectReference> {
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
    written.into_iter().map(|object| state.object(object)).collect()
}
