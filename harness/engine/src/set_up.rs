//! What is done before the first scenario, and in which phases it is told: space, the platform, what is masked.

use crate::{EventLog, RunRequest, attempt::milliseconds};
use plumbline_cluster::{
    docker::Docker,
    kind::{KindSettings, sweep},
};
use plumbline_flux::{
    EmbeddedSettings, GroundSettings, Patience, Platform, PlatformOptions, VerbError, chain,
    names::{ENVIRONMENTS, MAIN_ENVIRONMENT},
};
use plumbline_keeper::{Keeper, RunDirectory};
use plumbline_model::{Event, Fault, FaultClass, Outcome, Progress, Provider, Secret};
use plumbline_toolchain::Toolchain;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a run writes below its directory, with some to spare: images, etcd, logs.
const NEEDED_SPACE: u64 = 800_000_000;
/// How long bringing the systems on board that are to be looked at may take.
const ONBOARD_WITHIN: Duration = Duration::from_secs(60);

/// A run whose disk fills up on the way fails in ways that blame others; so it is not begun.
pub(crate) fn check_space(run_directory: &RunDirectory) -> Result<(), Fault> {
    let free = run_directory.free_space().map_err(|error| environment(&error))?;
    if free >= NEEDED_SPACE {
        return Ok(());
    }
    let message = format!(
        "{} has {} MB free and a run needs {} MB: make room, or name another place with --runs",
        run_directory
            .path()
            .parent()
            .unwrap_or(run_directory.path())
            .display(),
        free / 1_000_000,
        NEEDED_SPACE / 1_000_000
    );
    Err(Fault {
        class: FaultClass::Environment,
        message,
        attachments: Vec::new(),
    })
}

/// The parts of the set-up, each told by its beginning and its end.
pub(crate) struct Phases<'a> {
    pub(crate) log: &'a EventLog,
    pub(crate) cancel: &'a CancellationToken,
}

impl Phases<'_> {
    /// Runs a part of the set-up; nothing comes of it when a signal comes first.
    pub(crate) async fn run<T>(
        &self,
        phase: &str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<Option<T>, Fault> {
        self.log.emit(Event::PhaseStarted {
            phase: phase.to_owned(),
        });
        let began = Instant::now();
        let result = tokio::select! {
            result = work => result.map(Some),
            () = self.cancel.cancelled() => Ok(None),
        };
        let outcome = match &result {
            Ok(Some(_)) => Outcome::Passed,
            Ok(None) => Outcome::Interrupted,
            Err(fault) => Outcome::Errored(fault.clone()),
        };
        let phase = phase.to_owned();
        self.log.emit(Event::PhaseFinished {
            phase,
            duration: milliseconds(began.elapsed()),
            outcome,
        });
        match result {
            // The phase's own event tells of the fault; nothing after it can run.
            Err(_) => Ok(None),
            ended => ended,
        }
    }
}

/// What the clusters are to be, as the project's files say.
pub(crate) async fn ground(
    request: &RunRequest,
    toolchain: &Toolchain,
    keeper: &Keeper,
) -> Result<GroundSettings, Fault> {
    let clusters = request.project.join("clusters");
    match request.provider {
        Provider::Embedded => {
            let settings = EmbeddedSettings::read(&clusters.join("embedded.yaml")).map_err(ours)?;
            Ok(GroundSettings::Embedded(settings))
        }
        Provider::Kind => {
            let settings = KindSettings::read(&clusters.join("kind.yaml")).map_err(|message| Fault {
                class: FaultClass::Environment,
                message,
                attachments: Vec::new(),
            })?;
            let settings = settings.for_kubernetes(toolchain.kubernetes());
            let docker = Docker::find(keeper, &request.search_path, &request.environment)
                .map_err(|error| environment(&error))?;
            // What earlier runs left when they and their keepers were killed takes room that this one needs.
            sweep(&docker).await.map_err(|error| environment(&error))?;
            Ok(GroundSettings::Kind { settings, docker })
        }
    }
}

pub(crate) async fn start(options: PlatformOptions, progress: &Progress) -> Result<Platform, Fault> {
    Platform::start(options, progress).await.map_err(ours)
}

/// Outside of scenarios no platform is judged: whatever failed is ours or the machine's.
pub(crate) fn ours(error: VerbError) -> Fault {
    match error {
        VerbError::Fault(fault) => fault,
        VerbError::Unmet(failure) => Fault {
            class: FaultClass::Environment,
            message: failure.message,
            attachments: failure.attachments,
        },
    }
}

/// Brings every system of the reference platform on board, so that there is something to look at.
pub(crate) async fn onboard_all(platform: &Platform, log: &EventLog) -> Result<(), Fault> {
    let systems = platform
        .fixtures()
        .systems()
        .map_err(|error| environment(&error))?;
    let observe = |waiting_for: &str, last_seen: &str| {
        tracing::debug!(waiting_for, last_seen, at = log.now(), "on-boarding");
    };
    let patience = Patience::new(Instant::now() + ONBOARD_WITHIN, &observe);
    let onboarded = systems
        .iter()
        .map(|system| platform.onboard(system, system, MAIN_ENVIRONMENT, patience));
    futures::future::try_join_all(onboarded)
        .await
        .map(drop)
        .map_err(ours)
}

pub(crate) fn mask_secrets(log: &EventLog, platform: &Platform) -> Result<(), Fault> {
    let mask = |secret: &Secret<String>| log.mask(secret).map_err(|error| environment(&error));
    mask(&platform.services().credentials.password)?;
    for name in ENVIRONMENTS {
        let key = platform.supply().keys().key(name).private_pem();
        mask(&key.map_err(|error| environment(&error))?)?;
    }
    Ok(())
}

pub(crate) fn fact(log: &EventLog, name: &str, value: String) {
    log.emit(Event::Fact {
        name: name.to_owned(),
        value,
    });
}

pub(crate) fn environment(error: &dyn std::error::Error) -> Fault {
    Fault {
        class: FaultClass::Environment,
        message: chain(error),
        attachments: Vec::new(),
    }
}
