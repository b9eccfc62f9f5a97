//! Asks the cluster for everything that bears on one object.

use super::text;
use crate::kubernetes::{KindReference, Kubernetes, Object, ObjectReference};
use kube::core::params::ListParams;
use plumbline_keeper::log;
use plumbline_model::Attachment;
use std::{collections::HashSet, path::PathBuf, time::Duration};

/// Owners of owners are followed this far.
const LONGEST_CHAIN: usize = 6;

/// No more events than this are shown for one object.
const EVENTS: u32 = 40;

/// Lines of a log that are looked through, and that are shown.
const LINES_READ: usize = 500;
const LINES_SHOWN: usize = 20;

/// A cluster that does not answer must not hold up the report.
const WITHIN: Duration = Duration::from_secs(5);

/// Long enough for a passing fault, short enough that a lasting one is told before time is up.
const PATIENCE: Duration = Duration::from_secs(2);

/// A log that may say why, for example of a controller.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// Whose log it is, for example `kustomize-controller`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// What bears on the state of an object: its conditions and events, those of its owners, and the lines about it in the
/// logs. Never fails: what cannot be had is said in its place.
pub async fn evidence(
    kubernetes: &Kubernetes,
    reference: &ObjectReference,
    logs: &[LogFile],
) -> Vec<Attachment> {
    let mut attachments = Vec::new();
    let kubernetes = &kubernetes.with_patience(PATIENCE);
    let asked = tokio::time::timeout(WITHIN, chain(kubernetes, reference, &mut attachments)).await;
    if asked.is_err() {
        attachments.push(Attachment {
            title: format!("more about {}", reference.short()),
            text: format!("the cluster did not answer within {} s", WITHIN.as_secs()),
        });
    }
    attachments.extend(logs.iter().map(|file| lines(file, &reference.name)));
    attachments
}

async fn chain(kubernetes: &Kubernetes, first: &ObjectReference, attachments: &mut Vec<Attachment>) {
    let mut seen = HashSet::new();
    let mut next = Some(first.clone());
    while let Some(reference) = next.take() {
        if !seen.insert(reference.clone()) || seen.len() > LONGEST_CHAIN {
            break;
        }
        let object = match kubernetes.find(&reference).await {
            Ok(object) => object,
            Err(error) => {
                let title = format!("conditions of {}", reference.short());
                attachments.push(Attachment {
                    title,
                    text: error.to_string(),
                });
                break;
            }
        };
        let role = if seen.len() == 1 { "" } else { " (owner)" };
        attachments.push(Attachment {
            title: format!("conditions of {}{role}", reference.short()),
            text: object.as_ref().map_or_else(
                || "absent".into(),
                |object| text::bounded(&text::conditions(object)),
            ),
        });
        if let Some(events) = events_about(kubernetes, &reference).await {
            attachments.push(events);
        }
        next = object.as_ref().and_then(owner);
    }
}

/// Who made the object: its controller, or the Flux object that applied it.
fn owner(object: &Object) -> Option<ObjectReference> {
    let applied_by = |group: &str, kind: KindReference| {
        let name = object.label(&format!("{group}/name"))?;
        let namespace = object.label(&format!("{group}/namespace"))?;
        let owner = kind.namespaced(namespace, name);
        // The controllers label themselves when they are managed by Flux.
        (owner != object.reference()).then_some(owner)
    };
    let by_reference = || {
        let owners = object.at("/metadata/ownerReferences")?.as_array()?;
        let is_controller = |owner: &&serde_json::Value| owner["controller"].as_bool() == Some(true);
        let owner = owners.iter().find(is_controller).or_else(|| owners.first())?;
        let kind = KindReference::from_manifest(owner["apiVersion"].as_str()?, owner["kind"].as_str()?);
        Some(ObjectReference {
            kind,
            namespace: object.namespace().map(Into::into),
            name: owner["name"].as_str()?.to_owned(),
        })
    };
    let source = || {
        let kind = object
            .text_at("/spec/sourceRef/kind")
            .or_else(|| object.text_at("/spec/chart/spec/sourceRef/kind"));
        let pointer = |field: &str| {
            object
                .text_at(&format!("/spec/sourceRef/{field}"))
                .or_else(|| object.text_at(&format!("/spec/chart/spec/sourceRef/{field}")))
        };
        let namespace = pointer("namespace").or_else(|| object.namespace())?;
        Some(
            KindReference::new("source.toolkit.fluxcd.io", "v1", kind?)
                .namespaced(namespace, pointer("name")?),
        )
    };
    by_reference()
        // What a Flux object waits for is more telling than who applied it.
        .or_else(source)
        .or_else(|| {
            applied_by(
                "helm.toolkit.fluxcd.io",
                KindReference::new("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
            )
        })
        .or_else(|| {
            applied_by(
                "kustomize.toolkit.fluxcd.io",
                KindReference::new("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
            )
        })
}

async fn events_about(kubernetes: &Kubernetes, reference: &ObjectReference) -> Option<Attachment> {
    let resource = kubernetes
        .resource(&KindReference::new("", "v1", "Event"))
        .await
        .ok()?;
    let fields = format!(
        "involvedObject.kind={},involvedObject.name={}",
        reference.kind.kind, reference.name
    );
    let parameters = ListParams::default().fields(&fields).limit(EVENTS);
    // Events about cluster-wide objects are kept in `default`.
    let namespace = reference.namespace.as_deref().unwrap_or("default");
    let (events, _) = kubernetes
        .list_at(&resource, Some(namespace), parameters)
        .await
        .ok()?;
    (!events.is_empty()).then(|| Attachment {
        title: format!("events about {}", reference.short()),
        text: text::bounded(&text::events(&events)),
    })
}

fn lines(file: &LogFile, name: &str) -> Attachment {
    let text = match log::tail(&file.path, LINES_READ) {
        Ok(tail) => text::bounded(&text::relevant(&tail.lines, name, LINES_SHOWN)),
        Err(error) => error.to_string(),
    };
    Attachment {
        title: format!("log of {}", file.name),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owner_of(object: serde_json::Value) -> Option<String> {
        owner(&object.into()).map(|owner| owner.to_string())
    }

    #[test]
    fn the_controller_comes_first_then_the_source_then_who_applied_it() {
        let labels = json!({"kustomize.toolkit.fluxcd.io/name": "ledger",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
        assert_eq!(
            owner_of(
                json!({"metadata": {"namespace": "a", "labels": labels, "ownerReferences": [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "x"},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "controller": true}]}})
            ),
            Some("apps/v1/ReplicaSet a/web-1".into())
        );
        assert_eq!(
            owner_of(json!({"metadata": {"namespace": "flux-system", "labels": labels},
                "spec": {"sourceRef": {"kind": "GitRepository", "name": "k8s-ledger"}}})),
            Some("source.toolkit.fluxcd.io/v1/GitRepository flux-system/k8s-ledger".into())
        );
        assert_eq!(
            owner_of(json!({"metadata": {"namespace": "a", "name": "web", "labels": labels}})),
            Some("kustomize.toolkit.fluxcd.io/v1/Kustomization flux-system/ledger".into())
        );
        assert_eq!(owner_of(json!({"metadata": {}})), None);
    }
}
