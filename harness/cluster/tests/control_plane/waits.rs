//! Waits against the real API server: never stale, never late, not fooled by what is over again.

use crate::trial::{Cluster, Laboratory, Outcome, soon};
use libtest_mimic::Trial;
use plumbline_cluster::{
    KindSelector, ObjectReference, Verdict, View, WaitError,
    conditions::{gone, ready},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

pub fn trials(laboratory: &Laboratory) -> Vec<Trial> {
    vec![
        laboratory.shared("a_wait_never_sees_a_state_from_before_it", fresh),
        laboratory.shared(
            "a_wait_sees_a_later_change_and_tells_what_it_saw_meanwhile",
            change,
        ),
        laboratory.shared("a_timeout_tells_what_was_seen_last", timeout),
        laboratory.shared("a_condition_that_cannot_hold_ends_the_wait_at_once", never),
        laboratory.shared("a_violation_is_seen_though_it_is_over_at_the_end", violation),
        laboratory.shared("what_stays_stays", stays),
        laboratory.shared("a_kind_that_is_defined_later_is_waited_for", later_kind),
        laboratory.shared("a_set_gains_and_loses_objects_by_their_labels", sets),
        laboratory.shared("a_re_created_object_is_seen_as_such", recreated),
    ]
}

fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "labels": {"value": value}}, "data": {"value": value}})
}

fn reference(name: &str) -> ObjectReference {
    format!("ConfigMap default/{name}").parse().expect("a reference")
}

fn value_of(view: &View) -> &str {
    view.object()
        .and_then(|object| object.text_at("/data/value"))
        .unwrap_or("absent")
}

fn is(wanted: &str) -> impl Fn(&View) -> Verdict {
    move |view| match value_of(view) {
        value if value == wanted => Verdict::Met,
        value => Verdict::NotYet(value.into()),
    }
}

async fn fresh(cluster: Arc<Cluster>) -> Outcome {
    for round in 0..100 {
        let round = round.to_string();
        cluster.kubernetes.apply(&map("fresh", &round)).await?;
        let exact = |view: &View| match value_of(view) {
            value if value == round => Verdict::Met,
            value => Verdict::Never(format!("saw {value} after {round} was written")),
        };
        cluster
            .watches
            .wait(&reference("fresh"), exact, soon(), |_| ())
            .await?;
    }
    Ok(())
}

async fn change(cluster: Arc<Cluster>) -> Outcome {
    cluster.kubernetes.apply(&map("change", "before")).await?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (told, kubernetes) = (seen.clone(), cluster.kubernetes.clone());
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let writer = tokio::spawn(async move {
        has_begun.await.expect("the wait");
        kubernetes.apply(&map("change", "after")).await
    });
    let target = reference("change");
    let wait = cluster.watches.wait(&target, is("after"), soon(), |now| {
        told.lock().expect("no panic").push(now.to_owned());
        if let Some(begun) = begun.lock().expect("no panic").take() {
            let _ = begun.send(());
        }
    });
    let observed = wait.await?;
    writer.await??;
    assert_eq!(value_of(&observed.view), "after");
    assert_eq!(*seen.lock().expect("no panic"), ["before"]);
    Ok(())
}

async fn timeout(cluster: Arc<Cluster>) -> Outcome {
    cluster.kubernetes.apply(&map("timeout", "stuck")).await?;
    let deadline = Instant::now() + Duration::from_millis(300);
    let error = cluster
        .watches
        .wait(&reference("timeout"), is("moved"), deadline, |_| ())
        .await;
    let error = error.expect_err("nobody moves it");
    assert!(
        matches!(error, WaitError::TimedOut(_)) && error.to_string().contains("last seen: stuck"),
        "{error}"
    );
    assert_eq!(error.last().map(value_of), Some("stuck"));
    Ok(())
}

async fn never(cluster: Arc<Cluster>) -> Outcome {
    let condition = |_: &View| Verdict::Never("it is hopeless".into());
    let error = cluster
        .watches
        .wait(&reference("never"), condition, soon(), |_| ())
        .await
        .expect_err("hopeless");
    assert!(error.to_string().contains("it is hopeless"), "{error}");
    Ok(())
}

async fn violation(cluster: Arc<Cluster>) -> Outcome {
    cluster.kubernetes.apply(&map("violation", "good")).await?;
    let kubernetes = cluster.kubernetes.clone();
    let meddler = tokio::spawn(async move {
        kubernetes.apply(&map("violation", "bad")).await?;
        kubernetes.apply(&map("violation", "good")).await
    });
    // The meddler may begin before or after; either way the bad value is in the stream or nowhere.
    let outcome = cluster
        .watches
        .hold(&reference("violation"), is("good"), Duration::from_secs(2))
        .await;
    meddler.await??;
    match outcome {
        Err(WaitError::Violated { seen, .. }) => assert_eq!(seen, "bad"),
        // Both writes were over before the first look.
        Ok(observed) => assert!(observed.view.object().is_some()),
        Err(other) => return Err(other.into()),
    }
    // With the look first, nothing is left to luck.
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let kubernetes = cluster.kubernetes.clone();
    let meddler = tokio::spawn(async move {
        has_begun.await.expect("the hold");
        kubernetes.apply(&map("violation", "bad")).await?;
        kubernetes.apply(&map("violation", "good")).await
    });
    let told = |view: &View| {
        if let Some(begun) = begun.lock().expect("no panic").take() {
            let _ = begun.send(());
        }
        is("good")(view)
    };
    let outcome = cluster
        .watches
        .hold(&reference("violation"), told, Duration::from_secs(30))
        .await;
    meddler.await??;
    assert!(matches!(outcome, Err(WaitError::Violated { .. })), "{outcome:?}");
    Ok(())
}

async fn stays(cluster: Arc<Cluster>) -> Outcome {
    cluster.kubernetes.apply(&map("stays", "good")).await?;
    let observed = cluster
        .watches
        .hold(&reference("stays"), is("good"), Duration::from_millis(200))
        .await?;
    assert!(observed.elapsed >= Duration::from_millis(200));
    Ok(())
}

async fn later_kind(cluster: Arc<Cluster>) -> Outcome {
    let widget: ObjectReference = "plumbline.test/v1/Widget default/late".parse()?;
    // A kind that is not there has no objects: absence holds at once.
    cluster
        .watches
        .wait(&widget, |view| gone(view.object()), soon(), |_| ())
        .await?;
    let kubernetes = cluster.kubernetes.clone();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let watches = cluster.watches.clone();
    let definer = tokio::spawn(async move {
        has_begun.await.expect("the wait");
        kubernetes
            .apply(
                &json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "widgets.plumbline.test"}, "spec": {"group": "plumbline.test",
                "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"}, "versions": [
                    {"name": "v1", "served": true, "storage": true,
                     "schema": {"openAPIV3Schema": {"type": "object"}}}]}}),
            )
            .await?;
        let definition: ObjectReference = "CustomResourceDefinition widgets.plumbline.test"
            .parse()
            .expect("a name");
        let established = |view: &View| ready(view.object().expect("just applied"));
        watches
            .wait(&definition, established, soon(), |_| ())
            .await
            .expect("established");
        let manifest = json!({"apiVersion": "plumbline.test/v1", "kind": "Widget",
            "metadata": {"name": "late", "namespace": "default"}});
        // Established is said some milliseconds before the server serves the kind.
        let kind = "plumbline.test/v1/Widget".parse().expect("a kind");
        watches.served(&kind, soon()).await.expect("served");
        kubernetes.apply(&manifest).await
    });
    let present = |view: &View| {
        if let Some(begun) = begun.lock().expect("no panic").take() {
            let _ = begun.send(());
        }
        if view.object().is_some() {
            Verdict::Met
        } else {
            Verdict::NotYet("absent".into())
        }
    };
    cluster.watches.wait(&widget, present, soon(), |_| ()).await?;
    definer.await??;
    Ok(())
}

async fn sets(cluster: Arc<Cluster>) -> Outcome {
    let set = KindSelector::all("ConfigMap".parse()?)
        .within("default")
        .labelled("value", "chosen");
    let count = |wanted: usize| {
        move |view: &View| match view.objects().len() {
            count if count == wanted => Verdict::Met,
            count => Verdict::NotYet(count.to_string()),
        }
    };
    cluster.kubernetes.apply(&map("set-a", "chosen")).await?;
    cluster.kubernetes.apply(&map("set-b", "chosen")).await?;
    cluster
        .watches
        .wait(set.clone(), count(2), soon(), |_| ())
        .await?;
    let kubernetes = cluster.kubernetes.clone();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let writer = tokio::spawn(async move {
        has_begun.await.expect("the wait");
        kubernetes.apply(&map("set-a", "other")).await
    });
    let wait = cluster.watches.wait(set, count(1), soon(), |_| {
        if let Some(begun) = begun.lock().expect("no panic").take() {
            let _ = begun.send(());
        }
    });
    wait.await?;
    writer.await??;
    Ok(())
}

async fn recreated(cluster: Arc<Cluster>) -> Outcome {
    let first = cluster.kubernetes.apply(&map("recreated", "1")).await?;
    let target = reference("recreated");
    cluster.kubernetes.delete(&target, Default::default()).await?;
    cluster
        .watches
        .wait(&target, |view| gone(view.object()), soon(), |_| ())
        .await?;
    cluster.kubernetes.apply(&map("recreated", "2")).await?;
    let another = |view: &View| match view.object() {
        Some(object) if object.uid() != first.uid() => Verdict::Met,
        _ => Verdict::Never("the old object was seen".into()),
    };
    cluster.watches.wait(&target, another, soon(), |_| ()).await?;
    Ok(())
}
