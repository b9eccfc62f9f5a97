//! A whole run: programs, platform, scenarios, end. Everything that happens goes to the event log.

use crate::{
    EventLog,
    dispatcher::Dispatcher,
    executor::milliseconds,
    programs::{Fetched, fetch},
    subject,
    world::World,
};
use plumbline_flux::{Egress, Fixtures, Patience, Platform, PlatformOptions, VerbError, chain, simulations};
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory, confinement_support, gc, memory};
use plumbline_model::{Event, ExitCode, Fault, FaultClass, Outcome, Progress, RunOptions, SuiteIdentity};
use plumbline_scenario::Plan;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// The kind of cluster that this engine drives.
const PROVIDER: &str = "embedded";

/// What a run writes below its directory, with some to spare: images, etcd, logs.
const NEEDED_SPACE: u64 = 800_000_000;

/// Where `up` brings systems on board, and how long it gives them.
const ENVIRONMENT: &str = "dev";
const ONBOARD_WITHIN: Duration = Duration::from_secs(60);

/// What to run, and where things are.
pub struct RunRequest {
    /// Holds `fixtures/` and `clusters/`.
    pub project: PathBuf,
    /// Programs and images that outlive the run.
    pub cache: PathBuf,
    /// One directory per live run.
    pub runs: PathBuf,
    /// `PATH`.
    pub search_path: Vec<PathBuf>,
    /// The environment of builds.
    pub environment: BTreeMap<String, String>,
    /// Fetch nothing.
    pub offline: bool,
    /// This program: it is started again as the keeper.
    pub executable: PathBuf,
    /// The scenarios.
    pub plan: Plan,
    /// What they were chosen from.
    pub suite: SuiteIdentity,
    /// How many scenarios run side by side.
    pub parallel: usize,
    /// The paths and names of the selection as they were given.
    pub selection: Vec<String>,
    /// Leave the platform up until a signal comes, once every scenario has passed.
    pub stay_up: bool,
}

/// Tells of the first signal, by its name.
pub type Interruption = watch::Receiver<Option<&'static str>>;

/// Runs. The exit code is for the caller to fold from the log; a run that got this far always ends with
/// [`Event::RunFinished`].
pub async fn run(request: RunRequest, log: &EventLog, progress: &Progress, interruption: Interruption) {
    log.emit(Event::RunStarted {
        run: jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        provider: PROVIDER.to_owned(),
        scenarios: request
            .plan
            .scenarios
            .iter()
            .map(|planned| planned.scenario.id.clone())
            .collect(),
        suite: request.suite.clone(),
        options: RunOptions {
            parallel: request.parallel,
            selection: request.selection.clone(),
            ..RunOptions::default()
        },
    });
    let cancel = CancellationToken::new();
    let listening = tokio::spawn(cancel_on_signal(
        interruption,
        cancel.clone(),
        log.clone(),
        request.stay_up,
    ));
    if let Err(fault) = run_phases(request, log, progress, &cancel).await {
        log.emit(Event::RunErrored { fault });
    }
    listening.abort();
}

async fn cancel_on_signal(
    mut interruption: Interruption,
    cancel: CancellationToken,
    log: EventLog,
    stay_up: bool,
) {
    // The sender lives as long as the program; if it goes, no signal can come.
    if interruption.wait_for(Option::is_some).await.is_ok() {
        let signal = interruption.borrow().unwrap_or("a signal").to_owned();
        // The end of a platform that was left up on purpose is not an interruption.
        if !stay_up {
            log.emit(Event::Interrupted { signal });
        }
        cancel.cancel();
    }
}

async fn run_phases(
    request: RunRequest,
    log: &EventLog,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    // What earlier runs left when they were killed is none of this run's results.
    if let Ok(collected) = gc::collect(&request.runs) {
        for found in collected {
            if let Some(problem) = found.problem {
                log.emit(Event::LeftBehind {
                    what: format!("{}: {problem}", found.path.display()),
                });
            }
        }
    }
    let run_directory = RunDirectory::create(&request.runs).map_err(|error| environment(&error))?;
    check_space(&run_directory)?;
    let keeper = Keeper::start(KeeperOptions {
        executable: request.executable.clone(),
        run_directory,
    })
    .await
    .map_err(|error| environment(&error))?;
    let result = tokio::select! {
        result = run_kept(&request, &keeper, log, progress, cancel) => result,
        () = keeper.died() => Err(Fault {
            class: FaultClass::Environment,
            message: "the keeper of this run's processes was killed; everything it kept is gone".to_owned(),
            attachments: Vec::new(),
        }),
    };
    match keeper.stop().await {
        Ok(report) if !report.directory_removed => {
            let what = format!("the directory {}", keeper.run_directory().path().display());
            log.emit(Event::LeftBehind { what });
        }
        Ok(_) => {}
        // A keeper that is dead cannot be stopped; the fault above says so already.
        Err(_) if result.is_err() => {}
        Err(error) => return Err(environment(&error)),
    }
    result
}

/// A run whose disk fills up on the way fails in ways that blame others; so it is not begun.
fn check_space(run_directory: &RunDirectory) -> Result<(), Fault> {
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

async fn run_kept(
    request: &RunRequest,
    keeper: &Keeper,
    log: &EventLog,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    fact(
        log,
        "isolation",
        format!("{}; {}", keeper.tier(), confinement_support()),
    );
    let phases = Phases { log, cancel };
    let Some(fetched) = phases.run("programs", fetch(request, keeper, progress)).await? else {
        return Ok(());
    };
    let Fetched {
        programs,
        further_releases,
    } = fetched;
    for program in programs.facts() {
        fact(
            log,
            &program.name,
            format!("{} ({})", program.version, program.source),
        );
    }
    if let Some(git) = programs.path("git") {
        subject::locate_suite(keeper, git, &request.project, log).await;
    }
    for simulation in simulations() {
        log.emit(Event::Simulated { simulation });
    }
    let search_path = std::env::join_paths(&request.search_path).unwrap_or_default();
    let options = PlatformOptions {
        keeper: keeper.clone(),
        cache: request.cache.clone(),
        programs,
        further_releases,
        fixtures: Fixtures::new(request.project.join("fixtures")),
        search_path: search_path.to_string_lossy().into_owned(),
    };
    let Some(platform) = phases.run("platform", start(options, progress)).await? else {
        return Ok(());
    };
    mask_secrets(log, &platform)?;
    fact(log, "flux", platform.versions().flux.clone());
    fact(log, "flux-operator", platform.versions().operator.clone());
    let world = Arc::new(World::new(platform));
    let dispatcher = Dispatcher::new(world.clone(), log.clone(), cancel.clone(), request.parallel);
    dispatcher.run(&request.plan.scenarios).await;
    if !cancel.is_cancelled() {
        subject::observe(&world.platform, log).await;
    }
    if request.stay_up && !cancel.is_cancelled() {
        phases.run("systems", onboard_all(&world.platform, log)).await?;
        fact(
            log,
            "kubeconfig",
            world.platform.kubeconfig().display().to_string(),
        );
        cancel.cancelled().await;
    }
    let memory = memory(keeper.run_directory().run());
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let (own, together) = (megabytes(memory.own_peak), megabytes(memory.together));
    fact(
        log,
        "memory",
        format!("plumbline at most {own} MB; {together} MB with all its processes at the end"),
    );
    let Egress { allowed, refused } = world.platform.egress_of_run();
    log.emit(Event::Egress { allowed, refused });
    // Every scenario has ended, so nobody else holds the platform.
    if let Some(platform) = Arc::into_inner(world).and_then(|world| Arc::into_inner(world.platform)) {
        platform.stop().await.map_err(ours)?;
    }
    Ok(())
}

async fn start(options: PlatformOptions, progress: &Progress) -> Result<Platform, Fault> {
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
async fn onboard_all(platform: &Platform, log: &EventLog) -> Result<(), Fault> {
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
        .map(|system| platform.onboard(system, system, ENVIRONMENT, patience));
    futures::future::try_join_all(onboarded)
        .await
        .map(drop)
        .map_err(ours)
}

fn mask_secrets(log: &EventLog, platform: &Platform) -> Result<(), Fault> {
    let key = platform
        .supply()
        .key()
        .private_pem()
        .map_err(|error| environment(&error))?;
    for secret in [&platform.services().credentials.password, &key] {
        log.mask(secret).map_err(|error| environment(&error))?;
    }
    Ok(())
}

struct Phases<'a> {
    log: &'a EventLog,
    cancel: &'a CancellationToken,
}

impl Phases<'_> {
    /// Runs a part of the set-up; nothing comes of it when a signal comes first.
    async fn run<T>(
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

fn fact(log: &EventLog, name: &str, value: String) {
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

/// Ends the log of a run with its exit code.
pub fn finish(log: &EventLog, exit: ExitCode) {
    log.emit(Event::RunFinished {
        duration: log.now(),
        exit,
    });
}
