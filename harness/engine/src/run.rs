//! A whole run: programs, platform, scenarios, end. Everything that happens goes to the event log.

use crate::{
    EventLog, Interruption, Keep, RunRequest,
    dispatcher::{Signals, dispatch},
    executor::Executor,
    frame::{Frame, Intent, conclude, start_keeper},
    node_image::MissingImages,
    pause::Pause,
    programs::{Fetched, fetch},
    schedule::{Candidate, Limits},
    set_up::{Phases, check_space, environment, fact, ground, mask_secrets, onboard_all, ours, start},
    subject,
    world::World,
};
use plumbline_flux::{Egress, Fixtures, PlatformOptions};
use plumbline_keeper::{Keeper, RunDirectory, confinement_support, gc, memory};
use plumbline_model::{Event, Fault, FaultClass, Progress, Status};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// A platform that stays up after its run, as [`Keep`] asked for. Every result is in the log.
pub struct StandingPlatform {
    keeper: Keeper,
    world: World,
    log: EventLog,
    kubeconfig: PathBuf,
}

/// Runs. The exit code is for the caller to fold from the log, which [`finish`](crate::finish) ends.
///
/// A platform that is to stay up is given back: hold it with [`StandingPlatform::hold`].
pub async fn run(
    request: RunRequest,
    log: &EventLog,
    progress: &Progress,
    interruption: Interruption,
) -> Option<StandingPlatform> {
    let intent = Intent {
        provider: request.provider.to_string(),
        plan: &request.plan,
        suite: &request.suite,
        options: &request.options,
    };
    let frame = Frame::open(intent, log, interruption);
    let ended = run_phases(request, log, progress, &frame.cancel).await;
    frame.close(ended).flatten()
}

impl StandingPlatform {
    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Leaves the platform up until a signal comes, then ends it. The end that was asked for is no interruption.
    pub async fn hold(self, mut interruption: Interruption) {
        let Self {
            keeper, world, log, ..
        } = self;
        let held = tokio::select! {
            // The sender lives as long as the program; if it goes, no signal can come.
            _ = interruption.wait_for(Option::is_some) => Ok(()),
            fault = world.main.failed() => Err(fault),
            () = keeper.died() => Err(killed()),
        };
        let ended = match held {
            Ok(()) => world.stop().await.map_err(ours),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = conclude(&keeper, &log, ended).await {
            log.emit(Event::RunErrored { fault });
        }
        log.settle();
    }
}

async fn run_phases(
    request: RunRequest,
    log: &EventLog,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Option<StandingPlatform>, Fault> {
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
    let keeper = start_keeper(run_directory, request.executable.clone()).await?;
    let result = tokio::select! {
        result = run_kept(&request, &keeper, log, progress, cancel) => result,
        () = keeper.died() => Err(killed()),
    };
    match result {
        Ok(Some(world)) => Ok(Some(StandingPlatform {
            kubeconfig: world.main.kubeconfig().to_owned(),
            keeper,
            world,
            log: log.clone(),
        })),
        ended => conclude(&keeper, log, ended.map(drop)).await.map(|()| None),
    }
}

fn killed() -> Fault {
    Fault {
        class: FaultClass::Environment,
        message: "the keeper of this run's processes was killed; everything it kept is gone".to_owned(),
        attachments: Vec::new(),
    }
}

/// Runs everything that needs the keeper, and gives the world back if it is to stay.
async fn run_kept(
    request: &RunRequest,
    keeper: &Keeper,
    log: &EventLog,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Option<World>, Fault> {
    let isolation = format!("{}; {}", keeper.tier(), confinement_support());
    fact(log, "isolation", isolation);
    let phases = Phases { log, cancel };
    let fetching = fetch(request, keeper, progress);
    let Some(fetched) = phases.run("programs", fetching).await? else {
        return Ok(None);
    };
    let Fetched {
        toolchain,
        programs,
        release,
        further_releases,
    } = fetched;
    for program in programs.facts() {
        let value = format!("{} ({})", program.version, program.source);
        fact(log, &program.name, value);
    }
    if let Some(git) = programs.path("git") {
        subject::locate_suite(keeper, git, &request.project, log).await;
    }
    let ground = ground(request, &toolchain, keeper).await?;
    if let Some(images) = MissingImages::find(request, &ground, toolchain).await?
        && phases.run("node image", images.make(progress)).await?.is_none()
    {
        return Ok(None);
    }
    let search_path = std::env::join_paths(&request.search_path).unwrap_or_default();
    let options = PlatformOptions {
        keeper: keeper.clone(),
        cache: request.cache.clone(),
        programs,
        further_releases,
        fixtures: Fixtures::new(request.project.join("fixtures")).with_release(release),
        ground,
        search_path: search_path.to_string_lossy().into_owned(),
    };
    let Some(platform) = phases.run("platform", start(options, progress)).await? else {
        return Ok(None);
    };
    mask_secrets(log, &platform)?;
    for simulation in platform.simulations() {
        log.emit(Event::Simulated { simulation });
    }
    fact(log, "flux", platform.versions().flux.clone());
    fact(log, "flux-operator", platform.versions().operator.clone());
    if let Some(version) = platform.registry_version() {
        fact(log, "registry", format!("distribution {version}"));
    }
    let world = Arc::new(World::new(platform));
    let statuses = run_scenarios(request, &world, log, cancel).await;
    if !cancel.is_cancelled() && !world.is_dead() {
        subject::observe(&world.main, log).await;
    }
    if request.onboard_all && !cancel.is_cancelled() {
        phases.run("systems", onboard_all(&world.main, log)).await?;
    }
    let memory = memory(keeper.run_directory().run());
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let (own, together) = (megabytes(memory.own_peak), megabytes(memory.together));
    let memory = format!("plumbline at most {own} MB; {together} MB with all its processes at the end");
    fact(log, "memory", memory);
    let Egress { allowed, refused } = world.main.egress_of_run();
    log.emit(Event::Egress { allowed, refused });
    let is_failed = |status: &Option<Status>| matches!(status, Some(Status::Failed | Status::Errored));
    if let Some(folder) = &request.node_logs
        && statuses.iter().any(is_failed)
    {
        let written = match world.main.export_node_logs(folder).await {
            Ok(()) => folder.display().to_string(),
            Err(error) => format!("none: {}", ours(error).message),
        };
        fact(log, "node logs", written);
    }
    // Every scenario has ended and is cleaned up, so nobody else holds the world.
    let Some(world) = Arc::into_inner(world) else {
        return Ok(None);
    };
    let stays = match request.keep {
        Keep::Never => false,
        Keep::OnFailure => statuses.iter().any(is_failed),
        Keep::Always => true,
    };
    if stays && !cancel.is_cancelled() && !world.is_dead() {
        return Ok(Some(world));
    }
    world.stop().await.map_err(ours)?;
    Ok(None)
}

async fn run_scenarios(
    request: &RunRequest,
    world: &Arc<World>,
    log: &EventLog,
    cancel: &CancellationToken,
) -> Vec<Option<Status>> {
    let pause = request
        .pause_on_failure
        .clone()
        .map(|resume| Arc::new(Pause::new(resume)));
    let signals = Signals::new(cancel, pause.as_deref());
    let executor = Executor {
        world: world.clone(),
        log: log.clone(),
        cancel: cancel.clone(),
        pause,
        keep: request.keep,
        environment: Arc::new(request.environment.clone()),
    };
    let limits = Limits::from(&request.options);
    dispatch(
        &request.plan,
        Candidate::that_shares,
        limits,
        signals,
        log,
        |scenario, reporter| executor.clone().run(scenario, reporter),
    )
    .await
}
