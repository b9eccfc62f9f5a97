//! Faults that pass: waits from before and from meanwhile see what they wait for.

use crate::{
    storm::{Storm, first, is, unavailable},
    trial::{Cluster, Laboratory, Outcome, soon},
};
use http::StatusCode;
use libtest_mimic::Trial;
use plumbline_cluster::{Verdict, View, WaitError};
use plumbline_servers::{ApiFault, ApiRequests, ApiVerb, WatchEnd};
use std::{sync::Arc, time::Duration};

const FOR_EVER: Duration = Duration::MAX;

/// What is wrong for a while: a fault of these requests, and what happens to the watches that stand.
struct Trouble {
    name: &'static str,
    fault: Option<(ApiRequests, ApiFault)>,
    watches: WatchEnd,
}

fn troubles() -> Vec<Trouble> {
    let all = |name, fault| Trouble {
        name,
        fault: Some((ApiRequests::all(), fault)),
        watches: WatchEnd::Cut,
    };
    let watch = |name, fault| Trouble {
        name,
        fault: Some((ApiRequests::of(ApiVerb::Watch), fault)),
        watches: WatchEnd::Cut,
    };
    let ended = |name, watches| Trouble {
        name,
        fault: None,
        watches,
    };
    let each = |after, end| ApiFault::EndWatch { after, end };
    let status = |status| ApiFault::refuse(status);
    let busy = ApiFault::Refuse {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "too many requests".into(),
        retry_after: Some(Duration::from_secs(1)),
    };
    let leader = ApiFault::Refuse {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        message: "etcdserver: leader changed".into(),
        retry_after: None,
    };
    vec![
        all("connections_that_are_reset", ApiFault::Reset),
        all("answers_that_are_lost", ApiFault::LoseAnswer),
        all("429_with_retry_after", busy),
        all("500", status(StatusCode::INTERNAL_SERVER_ERROR)),
        all("500_while_the_store_elects_a_leader", leader),
        all("502", status(StatusCode::BAD_GATEWAY)),
        all("503", unavailable()),
        all("504", status(StatusCode::GATEWAY_TIMEOUT)),
        all("a_server_that_hangs", ApiFault::Delay(FOR_EVER)),
        watch("watches_that_hang", ApiFault::Delay(FOR_EVER)),
        watch("watches_that_are_refused", status(StatusCode::FORBIDDEN)),
        watch("410_as_a_status", status(StatusCode::GONE)),
        watch("410_in_each_watch", each(0, WatchEnd::Expired)),
        watch("watches_that_end_after_each_event", each(1, WatchEnd::Closed)),
        watch("watches_that_are_cut_at_once", each(0, WatchEnd::Cut)),
        ended("a_watch_that_is_cut", WatchEnd::Cut),
        ended("a_watch_that_ends_in_good_order", WatchEnd::Closed),
        ended("a_watch_that_has_expired", WatchEnd::Expired),
    ]
}

pub fn trials(laboratory: &Laboratory) -> Vec<Trial> {
    let survived = troubles().into_iter().map(|trouble| {
        let name = format!("waits_survive_{}", trouble.name);
        laboratory.shared(&name, move |cluster| survived(cluster, trouble))
    });
    let others = [
        laboratory.shared("a_violation_while_the_watch_is_broken_is_seen", violated),
        laboratory.shared("a_wait_for_a_kind_survives_an_outage", kinds),
    ];
    survived.chain(others).collect()
}

async fn survived(cluster: Arc<Cluster>, trouble: Trouble) -> Outcome {
    let storm = Arc::new(Storm::over(&cluster, trouble.name).await?);
    for part in ["during", "after", "steady"] {
        storm.set(part, "old").await?;
    }
    let wait = |part: &'static str| {
        let (storm, (tell, told)) = (storm.clone(), first());
        let wait = tokio::spawn(async move {
            let target = storm.reference(part);
            storm.watches.wait(&target, is("new"), soon(), |_| tell()).await
        });
        (wait, told)
    };
    let (changed_during, begun) = wait("during");
    begun.await?;
    let (changed_after, begun) = wait("after");
    begun.await?;
    let (holding, (tell, begun)) = (storm.clone(), first());
    let held = tokio::spawn(async move {
        let steady = |view: &View| {
            tell();
            is("old")(view)
        };
        let target = holding.reference("steady");
        holding
            .watches
            .hold(&target, steady, Duration::from_millis(500))
            .await
    });
    begun.await?;

    if let Some((requests, fault)) = trouble.fault {
        storm.proxy.break_requests(requests, fault);
    }
    storm.proxy.end_watches(trouble.watches);
    let (late, _) = wait("after");
    storm.until_asked(2).await;
    storm.set("during", "new").await?;
    storm.proxy.clear_faults();
    storm.set("after", "new").await?;
    for wait in [changed_during, changed_after, late] {
        wait.await??;
    }
    held.await??;
    Ok(())
}

/// The watch is resumed where it broke off, so that no state is skipped.
async fn violated(cluster: Arc<Cluster>) -> Outcome {
    let storm = Arc::new(Storm::over(&cluster, "violated").await?);
    storm.set("steady", "good").await?;
    let (holding, (tell, begun)) = (storm.clone(), first());
    let held = tokio::spawn(async move {
        let condition = |view: &View| {
            tell();
            is("good")(view)
        };
        let target = holding.reference("steady");
        holding
            .watches
            .hold(&target, condition, Duration::from_secs(30))
            .await
    });
    begun.await?;
    let watching = ApiRequests::of(ApiVerb::Watch);
    while storm.proxy.counts().of(&watching) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    storm.proxy.break_next(1, watching, ApiFault::Delay(FOR_EVER));
    storm.proxy.end_watches(WatchEnd::Cut);
    storm.until_asked(1).await;
    storm.set("steady", "bad").await?;
    storm.set("steady", "good").await?;
    storm.proxy.clear_faults();
    let outcome = held.await?;
    assert!(
        matches!(&outcome, Err(WaitError::Violated { seen, .. }) if seen == "bad"),
        "{outcome:?}"
    );
    Ok(())
}

async fn kinds(cluster: Arc<Cluster>) -> Outcome {
    let storm = Storm::over(&cluster, "kinds").await?;
    storm.break_all(unavailable());
    let kind = "apps/v1/Deployment".parse()?;
    let (served, ()) = tokio::join!(storm.watches.served(&kind, soon()), async {
        storm.until_asked(2).await;
        storm.proxy.clear_faults();
    });
    served?;
    let absent = |view: &View| match view.objects().len() {
        0 => Verdict::Met,
        count => Verdict::NotYet(format!("{count} objects")),
    };
    let unknown = "plumbline.test/v1/Nobody default/a".parse::<plumbline_cluster::ObjectReference>()?;
    storm.break_all(ApiFault::Reset);
    let (waited, ()) = tokio::join!(storm.watches.wait(unknown, absent, soon(), |_| ()), async {
        storm.until_asked(2).await;
        storm.proxy.clear_faults();
    });
    waited?;
    Ok(())
}
