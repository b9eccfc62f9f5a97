//! The run as a whole.

use super::{LookRequest, PROVIDER, connect, estate::Estate, onlooker::Onlookers, preflight::Preflight};
use crate::{
    EventLog, Interruption,
    dispatcher::{Signals, dispatch},
    frame::{Frame, Intent, conclude},
    pause::Pause,
    schedule::{Candidate, Limits},
    set_up::{Phases, fact},
};
use plumbline_cluster::{
    Kubernetes,
    existing::{Context, Credential, CredentialPlugin, OwnNamespaces},
    watch::Watches,
};
use plumbline_keeper::{Keeper, gc};
use plumbline_model::{Event, Fault};
use plumbline_scenario::Plan;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// Looks at a cluster with the scenarios of a plan that only look, and runs those that keep to a namespace of their own if that was asked
/// for. The exit code is for the caller to fold from the log, which [`finish`](crate::finish) ends.
pub async fn look(request: LookRequest, log: &EventLog, interruption: Interruption) {
    let intent = Intent {
        provider: PROVIDER.to_owned(),
        plan: &request.plan,
        suite: &request.suite,
        options: &request.options,
    };
    let frame = Frame::open(intent, log, interruption);
    let ended = look_through(request, log, &frame.cancel).await;
    frame.close(ended);
}

/// With a keeper for the whole run where something may have to be removed when nobody of it is left.
async fn look_through(request: LookRequest, log: &EventLog, cancel: &CancellationToken) -> Result<(), Fault> {
    if request.allow_writes.is_none() {
        return look_with(request, None, log, cancel).await;
    }
    // A run whose directory is gone is over, and so what it made here can go.
    let _ = gc::collect(&request.runs);
    let keeper = connect::keeper(&request.runs, request.executable.clone()).await?;
    let result = look_with(request, Some(&keeper), log, cancel).await;
    conclude(&keeper, log, result).await
}

async fn look_with(
    request: LookRequest,
    keeper: Option<&Keeper>,
    log: &EventLog,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    let LookRequest {
        context,
        plan,
        options,
        environment,
        runs,
        executable,
        allow_writes,
        pause_on_failure,
        ..
    } = request;
    fact(log, "context", context.name().to_owned());
    fact(log, "server", context.server().to_owned());
    if allow_writes.is_some() {
        fact(
            log,
            "writes",
            "in namespaces of its own, by --allow-writes".to_owned(),
        );
    }
    let name = context.name().to_owned();
    let phases = Phases { log, cancel };
    let credential = match context.plugin() {
        None => None,
        Some(plugin) => {
            let asking = ask(plugin, keeper, &runs, executable, &environment, log);
            match phases.run("credential", asking).await? {
                None => return Ok(()),
                asked => asked,
            }
        }
    };
    for secret in credential.iter().flat_map(|credential| credential.secrets()) {
        log.mask(secret)
            .map_err(|error| crate::set_up::environment(&error))?;
    }
    let own = keeper.map(|keeper| {
        let directory = keeper.run_directory();
        OwnNamespaces::of(directory.run(), directory.path())
    });
    let looking = preflight(context, credential, &plan, own.clone());
    let Some((kubernetes, preflight)) = phases.run("preflight", looking).await? else {
        return Ok(());
    };
    for (name, value) in preflight.told() {
        fact(log, name, value);
    }
    match &preflight.subject {
        Some(subject) => log.emit(Event::SubjectObserved {
            subject: Box::new(subject.clone()),
        }),
        None => log.emit(Event::Noted {
            scenario: String::new(),
            text: "what is under test is not told: this user may not see all that it is told by".to_owned(),
        }),
    }
    let watches = Watches::new(kubernetes);
    let estate = match (own, keeper, &allow_writes) {
        (Some(own), Some(keeper), Some(removal)) => {
            let estate = Estate::settle(own, watches.clone(), &name, keeper, removal, &environment)?;
            estate.sweep(log).await;
            Some(Arc::new(estate))
        }
        _ => None,
    };
    let pause = pause_on_failure.map(|resume| Arc::new(Pause::new(resume)));
    let signals = Signals::new(cancel, pause.as_deref());
    let onlookers = Onlookers {
        preflight: Arc::new(preflight),
        watches,
        estate: estate.clone(),
        context: name,
        log: log.clone(),
        cancel: cancel.clone(),
        pause,
    };
    let limits = Limits::from(&options);
    dispatch(
        &plan,
        Candidate::that_looks,
        limits,
        signals,
        log,
        |scenario, reporter| onlookers.clone().run(scenario, reporter),
    )
    .await;
    drop(onlookers);
    // Every scenario is over, so nobody else holds it.
    if let Some(estate) = estate.and_then(Arc::into_inner) {
        estate.close(log).await;
    }
    Ok(())
}

/// The credential of a program that the keeper of the run starts, or one that goes with it.
async fn ask(
    plugin: &CredentialPlugin,
    keeper: Option<&Keeper>,
    runs: &Path,
    executable: PathBuf,
    variables: &BTreeMap<String, String>,
    log: &EventLog,
) -> Result<Credential, Fault> {
    match keeper {
        Some(keeper) => connect::ask(plugin, keeper, variables).await,
        None => {
            let tell = |what| log.emit(Event::LeftBehind { what });
            connect::ask_apart(plugin, runs, executable, variables, tell).await
        }
    }
}

async fn preflight(
    context: Context,
    credential: Option<Credential>,
    plan: &Plan,
    own: Option<OwnNamespaces>,
) -> Result<(Kubernetes, Preflight), Fault> {
    let allows_writes = own.is_some();
    let kubernetes = connect::connect(context, credential, own)?;
    let scenarios: Vec<_> = plan
        .scenarios
        .iter()
        .map(|planned| planned.scenario.clone())
        .collect();
    let preflight = Preflight::of(&kubernetes, &scenarios, allows_writes).await?;
    Ok((kubernetes, preflight))
}
