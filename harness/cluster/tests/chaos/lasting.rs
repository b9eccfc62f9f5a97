//! Faults that never pass: waits end at their deadlines, and say what they saw and why they see nothing now.

use crate::{
    storm::{Storm, first, is, unavailable},
    trial::{Cluster, Laboratory, Outcome},
};
use http::StatusCode;
use libtest_mimic::Trial;
use plumbline_cluster::{View, WaitError};
use plumbline_servers::{ApiFault, ApiRequests, ApiVerb, WatchEnd};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long the waits may take, and how much longer they may at most.
const WITHIN: Duration = Duration::from_secs(2);
const OVERTIME: Duration = Duration::from_secs(1);
/// How long the last look of a `hold` may take.
const LOOK_WITHIN: Duration = Duration::from_secs(10);

pub fn trials(laboratory: &Laboratory) -> Vec<Trial> {
    let status = ApiFault::refuse;
    let busy = ApiFault::Refuse {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "come back much later".into(),
        retry_after: Some(Duration::from_secs(3600)),
    };
    let blinding = [
        ("reset", ApiFault::Reset, "onnection reset"),
        ("lost_answers", ApiFault::LoseAnswer, "onnection reset"),
        ("429", busy, "429 TooManyRequests: come back much later"),
        (
            "500",
            status(StatusCode::INTERNAL_SERVER_ERROR),
            "500 InternalError",
        ),
        ("503", unavailable(), "503 ServiceUnavailable"),
        ("hanging", ApiFault::Delay(Duration::MAX), "answer"),
    ];
    let blind = blinding.into_iter().map(|(name, fault, told)| {
        let title = format!("a_wait_under_lasting_{name}_ends_with_what_was_seen_and_why_no_more");
        laboratory.shared(&title, move |cluster| blind(cluster, name, fault, told))
    });
    let watch_only = [
        ("hanging_watches", ApiFault::Delay(Duration::MAX)),
        ("refused_watches", status(StatusCode::FORBIDDEN)),
        ("gone_watches", status(StatusCode::GONE)),
        (
            "cut_watches",
            ApiFault::EndWatch {
                after: 0,
                end: WatchEnd::Cut,
            },
        ),
        (
            "closed_watches",
            ApiFault::EndWatch {
                after: 0,
                end: WatchEnd::Closed,
            },
        ),
    ];
    let seeing = watch_only.into_iter().map(|(name, fault)| {
        let title = format!("waits_under_lasting_{name}_see_the_truth_in_time");
        laboratory.shared(&title, move |cluster| seeing(cluster, name, fault))
    });
    let others = [
        laboratory.shared("a_hold_under_a_lasting_fault_ends_with_its_reason", holding),
        laboratory.shared("a_store_under_a_lasting_refusal_is_an_error", refused),
        laboratory.shared("an_error_that_is_over_is_not_told", over),
    ];
    blind.chain(seeing).chain(others).collect()
}

async fn blind(cluster: Arc<Cluster>, name: &str, fault: ApiFault, told: &str) -> Outcome {
    let storm = Arc::new(Storm::over(&cluster, &format!("blind-{name}")).await?);
    storm.set("a", "old").await?;
    let (waiting, (tell, begun)) = (storm.clone(), first());
    let early = tokio::spawn(async move {
        let target = waiting.reference("a");
        let deadline = Instant::now() + WITHIN;
        let ended = waiting
            .watches
            .wait(&target, is("new"), deadline, |_| tell())
            .await;
        (ended, deadline.elapsed())
    });
    begun.await?;
    storm.break_all(fault);
    storm.proxy.end_watches(WatchEnd::Cut);
    let target = storm.reference("a");
    let deadline = Instant::now() + WITHIN;
    let late = storm
        .watches
        .wait(&target, is("new"), deadline, |_| ())
        .await
        .expect_err("blind");
    assert!(deadline.elapsed() < OVERTIME, "{:?}", deadline.elapsed());
    let (early, overtime) = early.await?;
    let early = early.expect_err("blind");
    assert!(overtime < OVERTIME, "{overtime:?}");

    for error in [&early, &late] {
        let text = error.to_string();
        let (_, why) = text.split_once("; last error: ").ok_or(text.clone())?;
        assert!(why.contains(told), "{text}");
        assert!(!error.is_about_the_platform(), "{text}");
    }
    assert!(early.to_string().contains("; last seen: old; "), "{early}");
    assert!(!late.to_string().contains("last seen"), "{late}");
    Ok(())
}

/// Only watches are broken: the API server can still be asked, and is.
async fn seeing(cluster: Arc<Cluster>, name: &str, fault: ApiFault) -> Outcome {
    let storm = Arc::new(Storm::over(&cluster, &format!("seeing-{name}")).await?);
    storm.set("changing", "old").await?;
    storm.set("stuck", "old").await?;
    storm.proxy.break_requests(ApiRequests::of(ApiVerb::Watch), fault);
    let (waiting, (tell, begun)) = (storm.clone(), first());
    let changing = tokio::spawn(async move {
        let target = waiting.reference("changing");
        let deadline = Instant::now() + WITHIN * 2;
        waiting
            .watches
            .wait(&target, is("new"), deadline, |_| tell())
            .await
    });
    begun.await?;
    storm.set("changing", "new").await?;
    let target = storm.reference("stuck");
    let stuck = storm
        .watches
        .wait(&target, is("new"), Instant::now() + WITHIN, |_| ())
        .await
        .expect_err("stuck");
    changing.await??;
    assert!(stuck.is_about_the_platform(), "{stuck}");
    assert!(stuck.to_string().ends_with("; last seen: old"), "{stuck}");
    Ok(())
}

async fn holding(cluster: Arc<Cluster>) -> Outcome {
    let storm = Arc::new(Storm::over(&cluster, "holding").await?);
    storm.set("steady", "good").await?;
    let (waiting, (tell, begun)) = (storm.clone(), first());
    let held = tokio::spawn(async move {
        let condition = |view: &View| {
            tell();
            is("good")(view)
        };
        let target = waiting.reference("steady");
        waiting
            .watches
            .hold(&target, condition, Duration::from_millis(300))
            .await
    });
    begun.await?;
    storm.break_all(unavailable());
    storm.proxy.end_watches(WatchEnd::Cut);
    let target = storm.reference("steady");
    let began = Instant::now();
    let late = storm
        .watches
        .hold(&target, is("good"), Duration::from_secs(1))
        .await;
    assert!(
        began.elapsed() < LOOK_WITHIN + OVERTIME,
        "nothing is held before it is seen"
    );
    for error in [held.await?.expect_err("blind"), late.expect_err("blind")] {
        let text = error.to_string();
        assert!(text.contains("; last error: "), "{text}");
        assert!(text.contains("503 ServiceUnavailable"), "{text}");
        assert!(!error.is_about_the_platform(), "{text}");
    }
    Ok(())
}

async fn refused(cluster: Arc<Cluster>) -> Outcome {
    let storm = Storm::over(&cluster, "refused").await?;
    storm.break_all(ApiFault::refuse(StatusCode::FORBIDDEN));
    let asked = storm.watches.store(&"ConfigMap".parse()?).await;
    let error = asked.expect_err("refused");
    assert!(error.to_string().contains("403 Forbidden"), "{error}");
    let waited = storm
        .watches
        .wait(
            &storm.reference("a"),
            is("new"),
            Instant::now() + WITHIN * 10,
            |_| (),
        )
        .await;
    assert!(
        matches!(waited, Err(WaitError::Kubernetes(_))),
        "a refusal ends a wait at once: {waited:?}"
    );
    Ok(())
}

async fn over(cluster: Arc<Cluster>) -> Outcome {
    let storm = Arc::new(Storm::over(&cluster, "over").await?);
    storm.set("a", "old").await?;
    storm.break_all(ApiFault::Reset);
    let waiting = storm.clone();
    let wait = tokio::spawn(async move {
        let target = waiting.reference("a");
        waiting
            .watches
            .wait(&target, is("new"), Instant::now() + WITHIN, |_| ())
            .await
    });
    storm.until_asked(3).await;
    storm.proxy.clear_faults();
    let error = wait.await?.expect_err("nobody changes it");
    assert!(error.to_string().ends_with("; last seen: old"), "{error}");
    assert!(error.is_about_the_platform());
    Ok(())
}
