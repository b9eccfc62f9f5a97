//! What a scenario looks at and writes, as far as the cluster has to have it and to let us.

use crate::{footprint::object_of, steps::kind};
use plumbline_cluster::{existing::Access, kubernetes::KindReference};
use plumbline_scenario::{
    ObjectKind, ObjectSet, Scenario, Step,
    steps::{Apply, Manifests, ReadSubject, Subject},
};
use serde_json::Value;

/// A kind that is looked at or written.
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

/// What the steps of a scenario look at and write.
pub(super) fn of(scenario: &Scenario) -> Vec<Want> {
    let steps = scenario.steps.iter().chain(&scenario.finally);
    let mut wants: Vec<Want> = steps.flat_map(|placed| of_step(&placed.step)).collect();
    if scenario.writes_in_its_own_namespace() {
        wants.push(Want {
            kind: KindReference::new("", "v1", "Namespace"),
            namespace: None,
            access: Access::Own,
            is_required: true,
        });
    }
    wants.sort();
    wants.dedup();
    wants
}

fn of_step(step: &Step) -> Vec<Want> {
    let everywhere = |written: &ObjectKind, access, is_required| Want {
        kind: kind(written),
        namespace: None,
        access,
        is_required,
    };
    // Waits share one watch of a kind, over all namespaces.
    let follow = |written, is_required| everywhere(written, Access::Follow, is_required);
    // The namespace is not there yet, so that only who may do it everywhere may do it there.
    let change = |written, access| vec![everywhere(written, access, true)];
    match step {
        Step::Expect(expect) => match &expect.subject {
            Subject::Object(object) => vec![follow(&object.kind, true)],
            Subject::Objects(chosen) => vec![follow(&chosen.kind, true)],
            Subject::Every(chosen) => vec![follow(&chosen.kind, false)],
            _ => Vec::new(),
        },
        Step::Read(read) => vec![match &read.subject {
            ReadSubject::Field { object, .. } => follow(&object.kind, true),
            ReadSubject::Objects(chosen) => Want {
                kind: kind(&chosen.kind),
                // One that is known only later is asked for with all others.
                namespace: chosen.namespace.clone().filter(|name| !name.contains("${")),
                access: Access::List,
                is_required: true,
            },
        }],
        Step::Snapshot(snapshot) => {
            let kinds = snapshot.objects.iter().map(|set| match set {
                ObjectSet::One(object) => &object.kind,
                ObjectSet::Selected(chosen) => &chosen.kind,
            });
            kinds.map(|written| follow(written, true)).collect()
        }
        Step::Apply(apply) => applied(apply),
        Step::Patch(patch) => change(&patch.object.kind, Access::Patch),
        Step::Annotate(annotate) => change(&annotate.object.kind, Access::Patch),
        Step::Scale(scale) => change(&scale.object.kind, Access::Scale),
        Step::Delete(delete) => {
            let mut wants = change(&delete.object.kind, Access::Delete);
            wants.extend(delete.wait.then(|| follow(&delete.object.kind, true)));
            wants
        }
        _ => Vec::new(),
    }
}

fn applied(apply: &Apply) -> Vec<Want> {
    let objects = match &apply.manifests {
        Manifests::Here(manifest) => std::slice::from_ref(&manifest.value),
        Manifests::File { objects, .. } => objects,
    };
    let kinds = objects
        .iter()
        .filter_map(|object| Some(object_of(&Value::Object(object.clone()))?.kind));
    let want = |kind| Want {
        kind,
        namespace: None,
        access: Access::Apply,
        is_required: true,
    };
    kinds.map(want).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_scenario::{Vocabulary, load};

    fn wants_of(head: &str, steps: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let text =
            format!("claim: a\nrequirements: [GITOPS-05]\nneeds: cluster\ngiven: []\n{head}steps:\n{steps}");
        std::fs::write(&file, text).unwrap();
        let suite = load(&[file], folder.path(), &Vocabulary::default())
            .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
        let wants = of(&suite.scenarios()[0]).into_iter();
        wants
            .map(|want| format!("{} {}", want.access.verbs().join(","), want.kind))
            .collect()
    }

    #[test]
    fn who_looks_wants_to_look_and_no_more() {
        let look = "  - expect: {object: ConfigMap a/b, absent: true}\n";
        assert_eq!(wants_of("", look), ["list,watch ConfigMap"]);
    }

    #[test]
    fn who_writes_wants_namespaces_and_what_the_steps_write() {
        let steps = r#"
  - apply: {manifest: {apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: "${namespace}"}}}
  - scale: {object: "Deployment ${namespace}/a", replicas: 2}
  - patch: {object: "ConfigMap ${namespace}/a", merge: {data: {a: b}}}
  - delete: {object: "ConfigMap ${namespace}/a", wait: true}
  - expect: {objects: {kind: Pod}, count: 2}
"#;
        let mut wants = wants_of("writes: own-namespace\n", steps);
        wants.sort();
        assert_eq!(
            wants,
            [
                "create,delete,get,list,watch v1/Namespace",
                "create,patch apps/v1/Deployment",
                "get,delete ConfigMap",
                "list,watch ConfigMap",
                "list,watch Pod",
                "patch ConfigMap",
                "patch Deployment",
            ]
        );
    }
}
