//! What must become true, and perhaps stay true: over objects, webhook requests, egress.

use super::{ScenarioState, state::selector};
use crate::judge;
use plumbline_cluster::{
    conditions::Verdict,
    watch::{Target, View},
};
use plumbline_flux::{Egress, VerbError, unmet};
use plumbline_scenario::steps::{Expect, Subject};
use plumbline_servers::{Payload, webhook::Subscription};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::Instant;

pub(super) async fn expect(expect: &Expect, state: &mut ScenarioState) -> Result<(), VerbError> {
    let result = match &expect.subject {
        Subject::Object(reference) => {
            let target = Target::Object(state.object(reference));
            on_objects(expect, target, state).await
        }
        Subject::Objects(chosen) => on_objects(expect, Target::Set(selector(chosen)), state).await,
        Subject::Webhook(webhook) => on_webhook(expect, &webhook.path, state).await,
        Subject::Egress => on_egress(expect, state),
        Subject::Event(_) | Subject::Log(_) | Subject::Outputs => Err(VerbError::unmet("not built yet")),
    };
    match (result, &expect.because) {
        (Err(VerbError::Unmet(mut failure)), Some(because)) => {
            failure.message = format!("{} (it matters because {because})", failure.message);
            Err(VerbError::Unmet(failure))
        }
        (result, _) => result,
    }
}

async fn on_objects(expect: &Expect, target: Target, state: &ScenarioState) -> Result<(), VerbError> {
    let watches = state.world.platform.watches();
    let what = judge::words(&expect.condition);
    let outputs = Value::Object(state.variables.outputs.clone());
    let is_set = matches!(target, Target::Set(_));
    let condition = |view: &View| {
        let mut variables = Map::from_iter([("outputs".to_owned(), outputs.clone())]);
        let objects: Vec<Value> = view.objects().map(|object| object.value().clone()).collect();
        if is_set {
            let count = objects.len();
            variables.insert("objects".into(), objects.into());
            judge::set(&expect.condition, &variables, count)
        } else {
            let object = objects.into_iter().next();
            judge::one(&expect.condition, "object", object, variables)
        }
    };
    let waiting = state.waiting.clone();
    let observe = move |waiting_for: &str, last_seen: &str| waiting.saw(waiting_for, last_seen);
    if expect.within.is_some() || expect.holds.is_none() {
        let patience = state.patience(expect.deadline(), &observe);
        patience.wait(watches, target.clone(), &what, condition).await?;
    }
    if let Some(holds) = &expect.holds {
        state
            .waiting
            .saw(&format!("{what}, for {holds}"), "so far it holds");
        watches
            .hold(target, condition, holds.value.0)
            .await
            .map_err(|error| unmet(&what, error))?;
    }
    Ok(())
}

/// One request that satisfies the condition is enough, unless the condition is about how many there are.
async fn on_webhook(expect: &Expect, path: &str, state: &ScenarioState) -> Result<(), VerbError> {
    let sink = &state.world.platform.services().sink;
    let what = format!("a request to {path}: {}", judge::words(&expect.condition));
    let mut deliveries = sink.subscribe();
    let judged = || {
        let received = sink.received();
        let payloads: Vec<Value> = received
            .iter()
            .skip(state.deliveries_before)
            .filter(|delivery| delivery.path == path)
            .map(|delivery| as_json(&delivery.body))
            .collect();
        let variables = Map::from_iter([(
            "outputs".to_owned(),
            Value::Object(state.variables.outputs.clone()),
        )]);
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

/// The log of the proxy is complete at any moment, so there is nothing to wait for.
fn on_egress(expect: &Expect, state: &ScenarioState) -> Result<(), VerbError> {
    let Egress { allowed, refused } = state.world.platform.egress();
    let variables = Map::from_iter([
        ("allowed".to_owned(), json!(allowed)),
        ("refused".to_owned(), json!(refused)),
        (
            "outputs".to_owned(),
            Value::Object(state.variables.outputs.clone()),
        ),
    ]);
    match judge::set(&expect.condition, &variables, 0) {
        Verdict::Met => Ok(()),
        Verdict::NotYet(seen) | Verdict::Never(seen) => {
            let what = judge::words(&expect.condition);
            Err(VerbError::mismatch(
                "the egress of the cluster is not as expected",
                what,
                seen,
            ))
        }
    }
}
