//! What a scenario looks at, as far as the cluster has to have it and to let us see it.

use crate::steps::kind;
use plumbline_cluster::{existing::Access, kubernetes::KindReference};
use plumbline_scenario::{
    Scenario, Step,
    steps::{ReadSubject, Subject},
};

/// A kind that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Want {
    /// As its author wrote it.
    pub(super) kind: KindReference,
    /// The namespace that is looked at alone; `None` for all.
    pub(super) namespace: Option<String>,
    pub(super) access: Access,
    /// Whether there is nothing to say of a cluster without it.
    pub(super) is_required: bool,
}

/// What the steps of a scenario look at.
pub(super) fn of(scenario: &Scenario) -> Vec<Want> {
    let want = |step: &Step| {
        // Waits share one watch of a kind, over all namespaces.
        let follow = |written, is_required| Want {
            kind: kind(written),
            namespace: None,
            access: Access::Follow,
            is_required,
        };
        match step {
            Step::Expect(expect) => match &expect.subject {
                Subject::Object(object) => Some(follow(&object.kind, true)),
                Subject::Objects(chosen) => Some(follow(&chosen.kind, true)),
                Subject::Every(chosen) => Some(follow(&chosen.kind, false)),
                _ => None,
            },
            Step::Read(read) => Some(match &read.subject {
                ReadSubject::Field { object, .. } => follow(&object.kind, true),
                ReadSubject::Objects(chosen) => Want {
                    kind: kind(&chosen.kind),
                    namespace: chosen.namespace.clone(),
                    access: Access::List,
                    is_required: true,
                },
            }),
            _ => None,
        }
    };
    let mut wants: Vec<Want> = scenario
        .steps
        .iter()
        .filter_map(|placed| want(&placed.step))
        .collect();
    wants.sort();
    wants.dedup();
    wants
}

/// What the report looks at to say what is under test.
pub(super) fn of_report() -> Vec<Want> {
    let list = |group: &str, kind: &str, namespace: Option<&str>| Want {
        kind: KindReference::new(group, "v1", kind),
        namespace: namespace.map(str::to_owned),
        access: Access::List,
        is_required: false,
    };
    let flux = Some(plumbline_flux::names::FLUX_NAMESPACE);
    vec![
        list("apiextensions.k8s.io", "CustomResourceDefinition", None),
        list("apps", "Deployment", flux),
        list("", "Pod", flux),
        list("fluxcd.controlplane.io", "FluxInstance", None),
    ]
}
