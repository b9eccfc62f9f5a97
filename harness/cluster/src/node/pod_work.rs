//! The work for a pod that has been accepted: set-up, init containers one by one, then all containers side by side.

use super::{
    backoff::Backoff,
    container::{ContainerTask, PodShared},
    events::PodEvent,
    identity, pod_setup,
};
use futures::{
    future::{Either, select},
    stream::{FuturesUnordered, StreamExt as _},
};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Works until every container has ended for good or the pod was stopped.
pub(crate) async fn work(shared: Arc<PodShared>) {
    let Some(tokens) = set_up(&shared).await else {
        return;
    };
    let renewals: FuturesUnordered<_> = tokens
        .into_iter()
        .map(|(token, life)| {
            identity::keep_fresh(shared.context.client.clone(), shared.facts.clone(), token, life)
        })
        .collect();
    let renewals = renewals.collect::<Vec<()>>();
    let containers = run_containers(shared.clone());
    tokio::pin!(renewals, containers);
    // Without tokens there is nothing to renew, and that is no end.
    if let Either::Left((_, containers)) = select(renewals, containers).await {
        containers.await;
    }
}

async fn run_containers(shared: Arc<PodShared>) {
    let spec = shared.pod().spec.clone().unwrap_or_default();
    for container in spec.init_containers.unwrap_or_default() {
        ContainerTask::new(shared.clone(), container, true)
            .initialize()
            .await;
        if shared.stop.is_cancelled() {
            return;
        }
    }
    let mut tasks = JoinSet::new();
    for container in spec.containers {
        tasks.spawn(ContainerTask::new(shared.clone(), container, false).run());
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            // The other containers of the pod end with the set.
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

async fn set_up(shared: &PodShared) -> Option<pod_setup::Tokens> {
    let mut containers = shared.pod().spec.iter().flat_map(|spec| &spec.containers);
    let processes = containers.any(|container| {
        container
            .image
            .as_deref()
            .is_some_and(|image| shared.context.profile_of(image).is_some())
    });
    let mut backoff = Backoff::requests();
    let mut said = None;
    loop {
        let prepared = tokio::select! {
            prepared = pod_setup::prepare(shared, processes) => prepared,
            () = shared.stop.cancelled() => return None,
        };
        match prepared {
            Ok(tokens) => return Some(tokens),
            Err(message) => {
                if said.as_ref() != Some(&message) {
                    shared.context.events.record(PodEvent::warning(
                        shared.pod(),
                        "FailedMount",
                        message.clone(),
                    ));
                    said = Some(message);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.delay()) => {}
            () = shared.stop.cancelled() => return None,
        }
    }
}
