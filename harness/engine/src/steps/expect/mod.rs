//! What must become true, and perhaps stay true. One file per kind of subject; here those without a wait.

mod events;
mod logs;
mod objects;
mod webhooks;

use super::ScenarioState;
use crate::judge;
use plumbline_cluster::conditions::Verdict;
use plumbline_flux::{Egress, VerbError};
use plumbline_scenario::steps::{Expect, Subject};
use serde_json::{Map, Value, json};

pub(super) async fn expect(expect: &Expect, state: &mut ScenarioState) -> Result<(), VerbError> {
    let result = match &expect.subject {
        Subject::Object(reference) => objects::one(expect, state.object(reference), state).await,
        Subject::Objects(chosen) => objects::several(expect, chosen, state).await,
        Subject::Event(reference) => events::about(expect, &state.object(reference), state).await,
        Subject::Webhook(webhook) => webhooks::received(expect, &webhook.path, state).await,
        Subject::Log(controller) => logs::written(expect, &controller.value, state).await,
        Subject::Egress => egress(expect, state),
        Subject::Outputs => outputs(expect, state),
    };
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
fn outputs(expect: &Expect, state: &ScenarioState) -> Result<(), VerbError> {
    at_once(
        expect,
        &variables(state),
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
