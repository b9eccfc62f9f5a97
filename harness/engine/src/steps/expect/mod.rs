//! What must become true, and perhaps stay true. One file per kind of subject; here those without a wait.

mod events;
mod logs;
mod objects;
mod webhooks;

use super::{Look, ScenarioState, state};
use crate::judge;
use plumbline_cluster::conditions::Verdict;
use plumbline_flux::{Egress, VerbError};
use plumbline_scenario::steps::{Expect, Subject};
use serde_json::{Map, Value, json};

pub(super) async fn expect(expect: &Expect, state: &mut ScenarioState) -> Result<(), VerbError> {
    let result = match &expect.subject {
        Subject::Event(reference) => events::about(expect, &state.object(reference), state).await,
        Subject::Webhook(webhook) => webhooks::received(expect, &webhook.path, state).await,
        Subject::Log(controller) => logs::written(expect, &controller.value, state).await,
        Subject::Egress => egress(expect, state),
        _ => return look(expect, &state.look()).await,
    };
    with_reason(expect, result)
}

/// What can be expected of a cluster by looking at it.
pub(super) async fn look(expect: &Expect, look: &Look<'_>) -> Result<(), VerbError> {
    let result = match &expect.subject {
        Subject::Object(reference) => objects::one(expect, state::named(reference), look).await,
        Subject::Objects(chosen) => objects::several(expect, chosen, look).await,
        Subject::Every(chosen) => objects::every(expect, chosen, look).await,
        Subject::Outputs => outputs(expect, look),
        other => Err(VerbError::unmet(format!("{other} cannot be looked at here"))),
    };
    with_reason(expect, result)
}

/// Says why it matters, where the author does.
fn with_reason(expect: &Expect, result: Result<(), VerbError>) -> Result<(), VerbError> {
    match (result, &expect.because) {
        (Err(VerbError::Unmet(mut failure)), Some(because)) => {
            failure.message = format!("{} (it matters because {because})", failure.message);
            Err(VerbError::Unmet(failure))
        }
        (result, _) => result,
    }
}

/// What every expression can read besides its subject.
fn variables(state: &ScenarioState) -> Map<String, Value> {
    state.readable.clone()
}

/// The log of the proxy is complete at any moment, so there is nothing to wait for.
fn egress(expect: &Expect, state: &ScenarioState) -> Result<(), VerbError> {
    let Egress { allowed, refused } = state.platform.egress();
    let mut variables = variables(state);
    variables.insert("allowed".to_owned(), json!(allowed));
    variables.insert("refused".to_owned(), json!(refused));
    at_once(expect, &variables, "the egress of the cluster is not as expected")
}

/// Outputs never change.
fn outputs(expect: &Expect, look: &Look<'_>) -> Result<(), VerbError> {
    at_once(
        expect,
        look.readable,
        "what earlier steps left is not as expected",
    )
}

fn at_once(expect: &Expect, variables: &Map<String, Value>, message: &str) -> Result<(), VerbError> {
    match judge::set(&expect.condition, variables, 0) {
        Verdict::Met => Ok(()),
        Verdict::NotYet(seen) | Verdict::Never(seen) => Err(VerbError::mismatch(
            message,
            judge::words(&expect.condition),
            seen,
        )),
    }
}
