//! The run as a whole.

use super::{LookRequest, PROVIDER, onlooker::Onlookers, preflight::Preflight};
use crate::{
    EventLog, Interruption,
    dispatcher::{Signals, dispatch},
    pause::Pause,
    run::cancel_on_signal,
    schedule::{Candidate, Limits},
    set_up::{Phases, environment, fact},
};
use plumbline_cluster::{
    Kubernetes,
    existing::{Context, Credential, CredentialPlugin},
    watch::Watches,
};
use plumbline_flux::chain;
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_model::{Event, Fault, FaultClass};
use plumbline_scenario::Plan;
use std::{path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Looks at a cluster with the scenarios of a plan that only look. The exit code is for the caller to fold from the log, which
/// [`finish`](crate::finish) ends.
pub async fn look(request: LookRequest, log: &EventLog, interruption: Interruption) {
    let now = jiff::Timestamp::now();
    let scenarios = request.plan.scenarios.iter();
    log.emit(Event::RunStarted {
        run: now.strftime("%Y%m%dT%H%M%SZ").to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        provider: PROVIDER.to_owned(),
        scenarios: scenarios.map(|planned| planned.scenario.id.clone()).collect(),
        suite: request.suite.clone(),
        options: request.options.clone(),
    });
    let cancel = CancellationToken::new();
    let listening = tokio::spawn(cancel_on_signal(interruption, cancel.clone(), log.clone()));
    if let Err(fault) = look_through(request, log, &cancel).await {
        log.emit(Event::RunErrored { fault });
    }
    listening.abort();
    log.settle();
}

async fn look_through(request: LookRequest, log: &EventLog, cancel: &CancellationToken) -> Result<(), Fault> {
    let LookRequest {
        context,
        plan,
        options,
        environment,
        runs,
        executable,
        pause_on_failure,
        ..
    } = request;
    fact(log, "context", context.name().to_owned());
    fact(log, "server", context.server().to_owned());
    let name = context.name().to_owned();
    let phases = Phases { log, cancel };
    let credential = match context.plugin() {
        None => None,
        Some(plugin) => {
            let asking = ask(plugin, runs, executable, &environment, log);
            match phases.run("credential", asking).await? {
                Some(credential) => Some(credential),
                None => return Ok(()),
            }
        }
    };
    for secret in credential.iter().flat_map(|credential| credential.secrets()) {
        log.mask(secret)
            .map_err(|error| crate::set_up::environment(&error))?;
    }
    let looking = connect(context, credential, &plan);
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
    let pause = pause_on_failure.map(|resume| Arc::new(Pause::new(resume)));
    let signals = Signals::new(cancel, pause.as_deref());
    let onlookers = Onlookers {
        preflight: Arc::new(preflight),
        watches: Watches::new(kubernetes),
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
    Ok(())
}

async fn connect(
    context: Context,
    credential: Option<Credential>,
    plan: &Plan,
) -> Result<(Kubernetes, Preflight), Fault> {
    let agent = concat!("plumbline/", env!("CARGO_PKG_VERSION"));
    let kubernetes = context.connect(credential, agent).map_err(|error| Fault {
        class: FaultClass::Environment,
        message: chain(&error),
        attachments: Vec::new(),
    })?;
    let scenarios: Vec<_> = plan
        .scenarios
        .iter()
        .map(|planned| planned.scenario.clone())
        .collect();
    let preflight = Preflight::of(&kubernetes, &scenarios).await?;
    Ok((kubernetes, preflight))
}

/// Has the program that gives the credential run, and nothing left of it.
async fn ask(
    plugin: &CredentialPlugin,
    runs: PathBuf,
    executable: PathBuf,
    variables: &std::collections::BTreeMap<String, String>,
    log: &EventLog,
) -> Result<Credential, Fault> {
    let run_directory = RunDirectory::create(&runs).map_err(|error| environment(&error))?;
    let keeper = Keeper::start(KeeperOptions {
        executable,
        run_directory,
    })
    .await
    .map_err(|error| environment(&error))?;
    let credential = plugin.ask(&keeper, variables).await;
    let stopped = keeper.stop().await.map_err(|error| environment(&error))?;
    if !stopped.directory_removed {
        let what = format!("the directory {}", keeper.run_directory().path().display());
        log.emit(Event::LeftBehind { what });
    }
    credential.map_err(|error| environment(&error))
}
