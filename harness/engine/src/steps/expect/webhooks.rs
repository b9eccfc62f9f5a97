//! Requests that the webhook sink received since the scenario began.

use super::variables;
use crate::{judge, steps::ScenarioState};
use plumbline_cluster::conditions::Verdict;
use plumbline_flux::VerbError;
use plumbline_scenario::steps::Expect;
use plumbline_servers::{Payload, webhook::Subscription};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// One request that satisfies the condition is enough, unless the condition is about how many there are.
pub(super) async fn received(expect: &Expect, path: &str, state: &ScenarioState) -> Result<(), VerbError> {
    let sink = &state.platform.services().sink;
    let what = format!("a request to {path}: {}", judge::words(&expect.condition));
    let variables = variables(state);
    let mut deliveries = sink.subscribe();
    let judged = || {
        let received = sink.received();
        let payloads: Vec<Value> = received
            .iter()
            .skip(state.deliveries_before)
            .filter(|delivery| is_to(&delivery.path, path))
            .map(|delivery| as_json(&delivery.body))
            .collect();
        judge::any_of(&expect.condition, "payload", &payloads, &variables)
    };
    let deadline = state.deadline.min(Instant::now() + expect.deadline());
    if expect.within.is_some() || expect.holds.is_none() {
        loop {
            let verdict = judged();
            if verdict.is_met() {
                break;
            }
            state.waiting.saw(&what, verdict.seen());
            if tokio::time::timeout_at(deadline, deliveries.next())
                .await
                .is_err()
            {
                let message = format!("{what}: not so within {} s", expect.deadline().as_secs_f64());
                return Err(VerbError::mismatch(message, what, verdict.seen()));
            }
        }
    }
    if let Some(holds) = &expect.holds {
        hold(holds.value.0, &what, &mut deliveries, judged).await?;
    }
    Ok(())
}

/// Whether a request went to `path`, whatever it asked for behind a `?`, unless the author names that too.
fn is_to(requested: &str, path: &str) -> bool {
    requested == path
        || requested
            .split_once('?')
            .is_some_and(|(before, _)| before == path)
}

async fn hold(
    duration: Duration,
    what: &str,
    deliveries: &mut Subscription,
    judged: impl Fn() -> Verdict,
) -> Result<(), VerbError> {
    let end = Instant::now() + duration;
    loop {
        if let Verdict::NotYet(seen) | Verdict::Never(seen) = judged() {
            let message = format!("{what}: it did not stay so for {} s", duration.as_secs_f64());
            return Err(VerbError::mismatch(message, what, seen));
        }
        if tokio::time::timeout_at(end, deliveries.next()).await.is_err() {
            return Ok(());
        }
    }
}

/// What an author sees as `payload`: the JSON of the body, or its text.
fn as_json(body: &Payload) -> Value {
    match body {
        Payload::Json(value) => value.clone(),
        Payload::Text(text) => Value::from(text.as_str()),
    }
}
