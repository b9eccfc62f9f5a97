//! Undoing what a scenario has made, within a time of its own, and naming what holds it back.

use crate::footprint::{Footprint, MadeObject, OnBoard};
use futures::future::join_all;
use jiff::Timestamp;
use plumbline_cluster::{
    Kubernetes, Object, ObjectReference,
    conditions::{REQUESTED_AT, Verdict, gone},
    kubernetes::{Deletion, KindReference},
    watch::Watches,
};
use plumbline_flux::{Patience, Platform, VerbError, chain};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long it may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// How long a controller of Flux may take to let go of an object before it is told again: it looks at no object that has its
/// finalizer already when it starts, so one that was deleted while notification-controller 1.9 was away would stay for ever.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(20);

/// What the groups of Flux end with.
const FLUX_GROUPS: &str = ".fluxcd.io";

/// How much is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What could be in the way of other scenarios. The cluster is thrown away soon, and all the rest with it: systems stay on board, and
    /// the end of a namespace is asked for, not waited for.
    Brief,
    /// What the next attempt would meet: everything but the namespace, for that one gets another.
    Attempt,
    /// Everything, and it is seen to be gone.
    Whole,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Undone {
    pub(crate) removed: Vec<String>,
    /// What is still there, and what holds it back.
    pub(crate) left: Vec<String>,
}

impl Undone {
    fn note(&mut self, what: String, result: Result<(), String>) {
        match result {
            Ok(()) => self.removed.push(what),
            Err(why) => self.left.push(format!("{what}: {why}")),
        }
    }
}

/// Undoes what was made on the main cluster, and ends the further ones.
pub(crate) async fn undo(
    footprint: Footprint,
    platform: &Platform,
    clusters: BTreeMap<String, Arc<Platform>>,
    extent: Extent,
) -> Undone {
    let deadline = Instant::now() + WITHIN;
    let mut undone = Undone::default();
    let parts = undo_parts(footprint, platform, clusters, extent, deadline, &mut undone);
    // Every wait within has this deadline itself; requests that nobody answers are cut off here.
    if tokio::time::timeout_at(deadline + Duration::from_secs(1), parts)
        .await
        .is_err()
    {
        let message = format!(
            "the clean-up itself: it was not over after {} s",
            WITHIN.as_secs()
        );
        undone.left.push(message);
    }
    undone
}

async fn undo_parts(
    footprint: Footprint,
    platform: &Platform,
    clusters: BTreeMap<String, Arc<Platform>>,
    extent: Extent,
    deadline: Instant,
    undone: &mut Undone,
) {
    let Footprint {
        objects,
        systems,
        namespace,
        faults,
        repositories,
    } = footprint;
    // First, for what follows leans on the servers.
    if faults {
        platform.mend();
        undone.removed.push("faults of servers".to_owned());
    }
    for repository in repositories {
        platform.mend_repository(&repository);
        undone
            .removed
            .push(format!("faults of the repository {repository}"));
    }
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        systems.into_iter().partition(|system| system.cluster.is_none());
    for system in &elsewhere {
        let result = platform.withdraw(&system.name, &system.environment).await;
        undone.note(words(system), result.map_err(explain));
    }
    if extent != Extent::Brief {
        let leaving = here.iter().map(|system| off_board(system, platform, deadline));
        for (system, result) in here.iter().zip(join_all(leaving).await) {
            undone.note(words(system), result.map_err(explain));
        }
    }
    let outside = |object: &MadeObject| object.reference.namespace != namespace || namespace.is_none();
    let mut pending = Vec::new();
    // What was made last may lean on what was made before.
    for object in objects.into_iter().rev().filter(outside) {
        let what = object.reference.short();
        match delete(&object, platform.kubernetes()).await {
            Ok(Some(uid)) => pending.push((object.reference, uid)),
            Ok(None) => undone.note(what, Ok(())),
            Err(why) => undone.note(what, Err(why)),
        }
    }
    if let Some(name) = namespace {
        let reference = KindReference::new("", "v1", "Namespace").cluster_wide(&name);
        let what = reference.short();
        let namespace = MadeObject { reference, uid: None };
        match delete(&namespace, platform.kubernetes()).await {
            Ok(Some(uid)) if extent == Extent::Whole => pending.push((namespace.reference, uid)),
            Ok(Some(_)) => undone.removed.push(format!("{what} (asked for)")),
            Ok(None) => undone.removed.push(what),
            Err(why) => undone.note(what, Err(why)),
        }
    }
    let gone = pending
        .iter()
        .map(|(reference, uid)| until_let_go(reference, uid, platform.watches(), deadline));
    for ((reference, _), result) in pending.iter().zip(join_all(gone).await) {
        let what = reference.short();
        match result {
            Ok(LetGo::ByItself) => undone.note(what, Ok(())),
            Ok(LetGo::WhenToldAgain) => undone.note(
                format!(
                    "{what} (its controller had missed the deletion, and was told of it by an annotation)"
                ),
                Ok(()),
            ),
            Err(why) => undone.note(what, Err(why)),
        }
    }
    for (name, cluster) in clusters {
        let result = match Arc::into_inner(cluster) {
            Some(cluster) => cluster.stop().await.map_err(explain),
            None => Err("it is still in use".to_owned()),
        };
        undone.note(format!("cluster {name}"), result);
    }
}

async fn off_board(system: &OnBoard, platform: &Platform, deadline: Instant) -> Result<(), VerbError> {
    let observe = |waiting_for: &str, last_seen: &str| {
        tracing::debug!(system = system.name, waiting_for, last_seen, "cleaning up");
    };
    let patience = Patience::new(deadline, &observe);
    platform
        .offboard(&system.name, &system.environment, patience)
        .await?;
    platform
        .restore_repository(&system.system, &system.name, &system.environment)
        .await
}

/// Deletes the very object that was made; its uid is given as long as something holds it back.
async fn delete(object: &MadeObject, kubernetes: &Kubernetes) -> Result<Option<String>, String> {
    let uid = match &object.uid {
        Some(uid) => uid.clone(),
        // The step was cut off before it heard whether the object was made.
        None => match kubernetes.find(&object.reference).await {
            Ok(Some(found)) => found.uid().to_owned(),
            Ok(None) => return Ok(None),
            Err(error) => return Err(chain(&error)),
        },
    };
    match kubernetes.delete_object(&object.reference, &uid).await {
        Ok(Deletion::Pending) => Ok(Some(uid)),
        Ok(Deletion::Gone | Deletion::Absent) => Ok(None),
        Err(error) => Err(chain(&error)),
    }
}

/// Deletes the very object that was made, and sees it gone; else it is said what holds it back.
pub(crate) async fn remove(object: &MadeObject, watches: &Watches, deadline: Instant) -> Result<(), String> {
    match delete(object, watches.kubernetes()).await? {
        Some(uid) => until_gone(&object.reference, &uid, watches, deadline).await,
        None => Ok(()),
    }
}

/// How the controller of an object let go of it.
enum LetGo {
    ByItself,
    WhenToldAgain,
}

/// Sees an object gone; a controller of Flux that holds it back is told of it once more on the way.
async fn until_let_go(
    reference: &ObjectReference,
    uid: &str,
    watches: &Watches,
    deadline: Instant,
) -> Result<LetGo, String> {
    let first = deadline.min(Instant::now() + TOLD_AGAIN_AFTER);
    let Err(held_back) = until_gone(reference, uid, watches, first).await else {
        return Ok(LetGo::ByItself);
    };
    let group = reference.kind.group.as_deref();
    if group.is_some_and(|group| group.ends_with(FLUX_GROUPS)) {
        let now = Timestamp::now().to_string();
        let request = BTreeMap::from([(REQUESTED_AT.to_owned(), Some(now))]);
        watches
            .kubernetes()
            .annotate(reference, &request)
            .await
            .map_err(|error| format!("{held_back}; {}", chain(&error)))?;
        until_gone(reference, uid, watches, deadline).await?;
        return Ok(LetGo::WhenToldAgain);
    }
    until_gone(reference, uid, watches, deadline).await?;
    Ok(LetGo::ByItself)
}

async fn until_gone(
    reference: &ObjectReference,
    uid: &str,
    watches: &Watches,
    deadline: Instant,
) -> Result<(), String> {
    let is_gone = |object: Option<&Object>| gone(object.filter(|object| object.uid() == uid));
    let waited = watches
        .wait(
            reference,
            |view| match is_gone(view.object()) {
                // A clean-up does not give up early: somebody else may yet let go.
                Verdict::Never(seen) => Verdict::NotYet(seen),
                verdict => verdict,
            },
            deadline,
            |_| (),
        )
        .await;
    match waited {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.last().and_then(|view| view.object()) {
            Some(object) => held_back(object, Timestamp::now()),
            None => chain(&error),
        }),
    }
}

/// What holds back an object that should be gone.
fn held_back(object: &Object, now: Timestamp) -> String {
    let texts = |pointer: &str| -> Vec<&str> {
        let list = object.at(pointer).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut words = Vec::new();
    match object.text_at("/metadata/deletionTimestamp") {
        Some(since) => words.push(match since.parse::<Timestamp>() {
            Ok(since) => format!(
                "being deleted for {} s",
                now.duration_since(since).as_secs().max(0)
            ),
            Err(_) => format!("being deleted since {since}"),
        }),
        None => words.push("nobody has deleted it".to_owned()),
    }
    let finalizers = [texts("/metadata/finalizers"), texts("/spec/finalizers")].concat();
    if !finalizers.is_empty() {
        words.push(format!("finalizers: {}", finalizers.join(", ")));
    }
    // A namespace says in its conditions what is left in it.
    let remaining: Vec<_> = object
        .conditions()
        .filter(|condition| condition.holds() && condition.kind.starts_with("Namespace"))
        .map(|condition| condition.message)
        .collect();
    if !remaining.is_empty() {
        words.push(format!("remaining: {}", remaining.join("; ")));
    }
    words.join(", ")
}

fn words(system: &OnBoard) -> String {
    match &system.cluster {
        None => format!("system {} in {}", system.name, system.environment),
        Some(cluster) => format!(
            "system {} in {} on cluster {cluster}",
            system.name, system.environment
        ),
    }
}

fn explain(error: VerbError) -> String {
    match error {
        VerbError::Fault(fault) => fault.message,
        VerbError::Unmet(failure) => match failure.actual {
            Some(actual) if !failure.message.contains(&actual) => format!("{}: {actual}", failure.message),
            _ => failure.message,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(metadata: Value, status: Value) -> Object {
        Object::from(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["kubernetes"]},
            "status": status,
        }))
    }

    #[test]
    fn what_is_left_says_since_when_and_what_holds_it_back() {
        let namespace = object(
            json!({
                "name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/hold"],
            }),
            json!({"conditions": [
                {"type": "NamespaceFinalizersRemaining", "status": "True",
                 "message": "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"},
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources discovered"},
            ]}),
        );
        let now = "2026-01-01T00:00:58Z".parse().unwrap();
        assert_eq!(
            held_back(&namespace, now),
            "being deleted for 58 s, finalizers: example.com/hold, kubernetes, remaining: Some content in the namespace has \
             finalizers remaining: example.com/hold in 1 resource instances"
        );
    }

    #[test]
    fn what_was_made_anew_says_that_nobody_has_deleted_it() {
        let namespace = object(json!({"name": "x"}), json!({}));
        let now = "2026-01-01T00:00:58Z".parse().unwrap();
        assert_eq!(
            held_back(&namespace, now),
            "nobody has deleted it, finalizers: kubernetes"
        );
    }
}
