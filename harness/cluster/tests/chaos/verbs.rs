//! Requests that change something, and plain reads: what may pass is tried again, what will not is told at once.

use crate::{
    storm::{Failure, Storm, unavailable},
    trial::{Cluster, Laboratory, Outcome},
};
use futures::future::BoxFuture;
use http::StatusCode;
use libtest_mimic::Trial;
use plumbline_cluster::{
    KindSelector, KubernetesError,
    kubernetes::{Fate, Propagation},
};
use plumbline_servers::{ApiFault, ApiRequests};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

type Done = Result<(), KubernetesError>;
type Verb = fn(&Storm) -> BoxFuture<'_, Done>;

/// All that may be done twice; each needs one request.
const VERBS: [(&str, Verb); 8] = [
    ("get", |storm| {
        Box::pin(async { storm.kubernetes.get(&storm.reference("a")).await.map(drop) })
    }),
    ("list", |storm| {
        Box::pin(async {
            let maps = KindSelector::all(storm.reference("a").kind);
            storm.kubernetes.list(&maps.within("default")).await.map(drop)
        })
    }),
    ("apply", |storm| {
        Box::pin(async { storm.kubernetes.apply(&storm.manifest("a", "x")).await.map(drop) })
    }),
    ("dry_run", |storm| {
        Box::pin(async {
            storm
                .kubernetes
                .apply_dry_run(&storm.manifest("a", "x"))
                .await
                .map(drop)
        })
    }),
    ("merge_patch", |storm| {
        Box::pin(async {
            let patch = json!({"data": {"more": "y"}});
            storm
                .kubernetes
                .merge_patch(&storm.reference("a"), &patch)
                .await
                .map(drop)
        })
    }),
    ("json_patch", |storm| {
        Box::pin(async {
            let operations = json!([{"op": "add", "path": "/data/more", "value": "z"}]);
            storm
                .kubernetes
                .json_patch(&storm.reference("a"), &operations)
                .await
                .map(drop)
        })
    }),
    ("annotate", |storm| {
        Box::pin(async {
            let annotations = [("note".to_owned(), Some("1".to_owned()))].into();
            storm
                .kubernetes
                .annotate(&storm.reference("a"), &annotations)
                .await
                .map(drop)
        })
    }),
    ("delete", |storm| {
        Box::pin(async {
            let was_there = storm
                .kubernetes
                .delete(&storm.reference("a"), Propagation::Background)
                .await?;
            assert!(was_there, "it was there when we began");
            Ok(())
        })
    }),
];

pub fn trials(laboratory: &Laboratory) -> Vec<Trial> {
    let passing = VERBS.into_iter().map(|(name, verb)| {
        laboratory.shared(
            &format!("{name}_is_tried_again_until_it_passes"),
            move |cluster| passing(cluster, name, verb),
        )
    });
    let refused = VERBS.into_iter().map(|(name, verb)| {
        laboratory.shared(
            &format!("{name}_that_is_refused_is_told_at_once"),
            move |cluster| refused(cluster, name, verb),
        )
    });
    let others = [
        laboratory.shared("the_server_is_given_the_time_it_asks_for", retry_after),
        laboratory.shared("patience_ends_in_time_and_with_the_reason", patience),
        laboratory.shared("what_must_not_be_done_twice_is_not", once),
        laboratory.shared("a_conflict_is_no_obstacle_to_an_apply_only", conflicts),
        laboratory.shared("the_kinds_of_the_cluster_are_asked_for_again", kinds),
    ];
    passing.chain(refused).chain(others).collect()
}

fn transient() -> [ApiFault; 7] {
    let leader = ApiFault::Refuse {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        message: "etcdserver: leader changed".into(),
        retry_after: None,
    };
    [
        ApiFault::Reset,
        ApiFault::LoseAnswer,
        ApiFault::refuse(StatusCode::TOO_MANY_REQUESTS),
        leader,
        ApiFault::refuse(StatusCode::BAD_GATEWAY),
        unavailable(),
        ApiFault::refuse(StatusCode::GATEWAY_TIMEOUT),
    ]
}

/// A storm over one object that is there, and whose kind is known.
async fn prepared(cluster: &Arc<Cluster>, name: &str) -> Result<Storm, Failure> {
    let storm = Storm::over(cluster, name).await?;
    storm.set("a", "old").await?;
    storm.kubernetes.get(&storm.reference("a")).await?;
    Ok(storm)
}

async fn passing(cluster: Arc<Cluster>, name: &str, verb: Verb) -> Outcome {
    let storm = prepared(&cluster, &format!("passing-{name}")).await?;
    for fault in transient() {
        storm.set("a", "old").await?;
        storm.proxy.break_next(2, ApiRequests::all(), fault.clone());
        let (done, requests) = storm.requests_of(verb(&storm)).await;
        done.map_err(|error| format!("{fault:?}: {error}"))?;
        assert_eq!(requests, 3, "{fault:?}");
    }
    Ok(())
}

async fn refused(cluster: Arc<Cluster>, name: &str, verb: Verb) -> Outcome {
    let storm = prepared(&cluster, &format!("refused-{name}")).await?;
    for status in [400_u16, 401, 403, 404, 410, 422] {
        if (name, status) == ("delete", 404) {
            // That is no failure: what is not there needs no deletion.
            continue;
        }
        let fault = ApiFault::Refuse {
            status: StatusCode::from_u16(status)?,
            message: format!("no, because of {status}"),
            retry_after: None,
        };
        storm.proxy.break_next(2, ApiRequests::all(), fault);
        let (done, requests) = storm.requests_of(verb(&storm)).await;
        storm.proxy.clear_faults();
        let error = done.expect_err("refused");
        assert_eq!((error.code(), requests), (Some(status), 1), "{error}");
        assert!(
            error.to_string().contains(&format!("no, because of {status}")),
            "{error}"
        );
    }
    Ok(())
}

async fn retry_after(cluster: Arc<Cluster>) -> Outcome {
    let storm = prepared(&cluster, "retry-after").await?;
    let busy = |seconds| ApiFault::Refuse {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "slow down".into(),
        retry_after: Some(Duration::from_secs(seconds)),
    };
    storm.proxy.break_next(1, ApiRequests::all(), busy(1));
    let asked = Instant::now();
    let (got, requests) = storm
        .requests_of(storm.kubernetes.get(&storm.reference("a")))
        .await;
    got?;
    assert_eq!(requests, 2);
    assert!(asked.elapsed() >= Duration::from_secs(1));
    // There is no patience for an hour, so there is nothing to wait for.
    storm.proxy.break_next(1, ApiRequests::all(), busy(3600));
    let error = storm
        .kubernetes
        .get(&storm.reference("a"))
        .await
        .expect_err("busy");
    assert!(error.is_transient(), "{error}");
    assert!(
        error.to_string().contains("429 TooManyRequests: slow down"),
        "{error}"
    );
    Ok(())
}

async fn patience(cluster: Arc<Cluster>) -> Outcome {
    let storm = prepared(&cluster, "patience").await?;
    let patience = Duration::from_secs(1);
    let kubernetes = storm.kubernetes.with_patience(patience);
    for (fault, told) in [
        (unavailable(), "503 ServiceUnavailable"),
        (ApiFault::Reset, "onnection reset"),
        (ApiFault::Delay(Duration::MAX), "no answer within"),
    ] {
        storm.break_all(fault);
        let asked = Instant::now();
        let error = kubernetes
            .apply(&storm.manifest("a", "x"))
            .await
            .expect_err("broken");
        storm.proxy.clear_faults();
        assert!(
            asked.elapsed() < patience + Duration::from_secs(1),
            "{:?}",
            asked.elapsed()
        );
        assert!(
            error.is_transient() && error.to_string().contains(told),
            "{error}"
        );
    }
    let (got, requests) = storm
        .requests_of(
            kubernetes
                .with_patience(Duration::ZERO)
                .get(&storm.reference("a")),
        )
        .await;
    got?;
    assert_eq!(requests, 1);
    Ok(())
}

async fn once(cluster: Arc<Cluster>) -> Outcome {
    let storm = prepared(&cluster, "once").await?;
    storm
        .proxy
        .break_next(1, ApiRequests::all(), ApiFault::LoseAnswer);
    let (created, requests) = storm
        .requests_of(storm.kubernetes.create(&storm.manifest("new", "x")))
        .await;
    assert_eq!(requests, 1);
    let is_unknown = |error: &KubernetesError| {
        matches!(
            error,
            KubernetesError::Transient {
                fate: Fate::Unknown,
                ..
            }
        )
    };
    assert!(created.is_err_and(|error| is_unknown(&error)));
    assert!(
        storm.calm.find(&storm.reference("new")).await?.is_some(),
        "it was created"
    );
    let operations = json!([{"op": "remove", "path": "/data/value"}]);
    storm.proxy.break_next(2, ApiRequests::all(), unavailable());
    let (patched, requests) = storm
        .requests_of(storm.kubernetes.json_patch(&storm.reference("new"), &operations))
        .await;
    patched?;
    assert_eq!(requests, 3, "what was not done may be tried again");
    Ok(())
}

async fn conflicts(cluster: Arc<Cluster>) -> Outcome {
    let storm = prepared(&cluster, "conflicts").await?;
    let conflict = ApiFault::refuse(StatusCode::CONFLICT);
    storm.proxy.break_next(1, ApiRequests::all(), conflict.clone());
    let (applied, requests) = storm
        .requests_of(storm.kubernetes.apply(&storm.manifest("a", "x")))
        .await;
    applied?;
    assert_eq!(requests, 2);
    storm.proxy.break_next(1, ApiRequests::all(), conflict);
    let patch = json!({"data": {"value": "y"}});
    let (patched, requests) = storm
        .requests_of(storm.kubernetes.merge_patch(&storm.reference("a"), &patch))
        .await;
    assert!(patched.is_err_and(|error| error.is_conflict()));
    assert_eq!(requests, 1);
    Ok(())
}

async fn kinds(cluster: Arc<Cluster>) -> Outcome {
    let storm = Storm::over(&cluster, "kinds-again").await?;
    storm.proxy.break_next(3, ApiRequests::all(), unavailable());
    storm.kubernetes.resource(&"ConfigMap".parse()?).await?;
    storm.proxy.break_next(1, ApiRequests::all(), ApiFault::Reset);
    storm.kubernetes.resources().await?;
    Ok(())
}
