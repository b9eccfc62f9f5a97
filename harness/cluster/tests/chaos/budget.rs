//! What waiting costs: requests, counted.

use crate::{
    storm::{Storm, is},
    trial::{Cluster, Laboratory, Outcome},
};
use futures::future::join_all;
use libtest_mimic::Trial;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

const WAITS: u64 = 10;
/// However long they last: what the API server has is asked for twice, the watch is begun by a list and a request; each wait lists its
/// own objects once and has the watch doubted at most twice, before its deadline and, if it holds, at its end. Looks that are asked for
/// at one time are one, but on a busy machine no two of them may be.
const MOST: u64 = 4 + WAITS * 3;
const WITHIN: Duration = Duration::from_secs(2);

pub fn trials(laboratory: &Laboratory) -> Vec<Trial> {
    vec![
        laboratory.shared("ten_waits_in_vain_need_few_requests", in_vain),
        laboratory.shared("ten_waits_that_are_met_need_few_requests", met),
        laboratory.shared("ten_holds_need_few_requests", held),
    ]
}

async fn in_vain(cluster: Arc<Cluster>) -> Outcome {
    let storm = Storm::over(&cluster, "in-vain").await?;
    let waits = (0..WAITS).map(|part| {
        let target = storm.reference(&part.to_string());
        let deadline = Instant::now() + WITHIN;
        storm.watches.wait(target, is("new"), deadline, |_| ())
    });
    let ends = join_all(waits).await;
    assert!(ends.iter().all(Result::is_err));
    within_budget(&storm);
    Ok(())
}

async fn met(cluster: Arc<Cluster>) -> Outcome {
    let storm = Storm::over(&cluster, "met").await?;
    let waits = (0..WAITS).map(|part| {
        let target = storm.reference(&part.to_string());
        storm
            .watches
            .wait(target, is("new"), crate::trial::soon(), |_| ())
    });
    let changes = async {
        tokio::time::sleep(WITHIN / 4).await;
        for part in 0..WAITS {
            storm.set(&part.to_string(), "old").await?;
            storm.set(&part.to_string(), "new").await?;
        }
        Outcome::Ok(())
    };
    let (ends, changed) = tokio::join!(join_all(waits), changes);
    changed?;
    assert!(ends.iter().all(Result::is_ok));
    within_budget(&storm);
    Ok(())
}

async fn held(cluster: Arc<Cluster>) -> Outcome {
    let storm = Storm::over(&cluster, "held").await?;
    let holds = (0..WAITS).map(|part| {
        let target = storm.reference(&part.to_string());
        storm.watches.hold(target, is("absent"), WITHIN)
    });
    for held in join_all(holds).await {
        held?;
    }
    within_budget(&storm);
    Ok(())
}

fn within_budget(storm: &Storm) {
    let counts = storm.proxy.counts();
    assert!(counts.total() <= MOST, "{}: {counts}", counts.total());
}
