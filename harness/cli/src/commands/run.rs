//! `plumbline run`: the main job.

use super::{CommandError, load};
use crate::{
    arguments::{Places, Run, Selection},
    directories::Directories,
    display::{Display, palette},
    outputs, signals,
};
use plumbline_engine::{EventLog, Interruption, Keep, RunRequest, StandingPlatform};
use plumbline_model::{Event, ExitCode, LogEntry, Progress, RunOptions, SuiteIdentity};
use plumbline_report::{Summary, render_summary};
use plumbline_scenario::Plan;
use std::{io::IsTerminal as _, path::PathBuf};

/// What is certain before anything is started.
pub struct Prepared {
    directories: Directories,
    executable: PathBuf,
    /// The scenarios, in order.
    pub plan: Plan,
}

impl Prepared {
    /// Resolves places, loads and plans.
    pub fn new(places: &Places, chosen: &Selection) -> Result<Self, CommandError> {
        let directories = Directories::resolve(places)?;
        let (suite, selection) = load(&directories, chosen)?;
        let plan = suite.plan(&selection)?;
        let executable =
            std::env::current_exe().map_err(CommandError::machine("cannot tell this program's own path"))?;
        Ok(Self {
            directories,
            executable,
            plan,
        })
    }

    /// The run.
    pub fn request(self, offline: bool, parallel: usize, stay_up: bool) -> RunRequest {
        let Self {
            directories,
            executable,
            plan,
        } = self;
        RunRequest {
            project: directories.project,
            cache: directories.cache,
            runs: directories.runs,
            search_path: directories.search_path,
            environment: directories.environment,
            offline,
            executable,
            plan,
            suite: SuiteIdentity::default(),
            options: RunOptions {
                parallel,
                ..RunOptions::default()
            },
            keep: if stay_up { Keep::Always } else { Keep::Never },
            onboard_all: stay_up,
            pause_on_failure: None,
        }
    }
}

/// Runs and reports.
pub fn run(places: &Places, run: &Run) -> Result<ExitCode, CommandError> {
    let prepared = Prepared::new(places, &run.selection)?;
    outputs::check_writable(run.outputs.paths().chain([&run.log])).map_err(CommandError::misnamed)?;
    let display = Display::new(places.progress);
    let shown = display.clone();
    let log = EventLog::create(&run.log, move |entry| shown.event(entry)).map_err(|source| {
        outputs::OutputError {
            path: run.log.clone(),
            source,
        }
    })?;
    let request = prepared.request(places.offline, run.parallel.into(), false);
    let forced = drive(request, &log, &display.progress(), |_| ())?;
    display.finish();
    if let Some(code) = forced {
        tell_interruption(&log, code);
    }
    let mut code = Summary::fold(&log.entries()).exit_code();
    if let Some(source) = log.take_error() {
        outputs::complain(
            &outputs::OutputError {
                path: run.log.clone(),
                source,
            }
            .to_string(),
        );
        code = code.and(ExitCode::Environment);
    }
    plumbline_engine::finish(&log, code);
    let summary = Summary::fold(&log.entries());
    outputs::print(&render_summary(
        &summary,
        palette(std::io::stdout().is_terminal()),
    ));
    if let Err(error) = outputs::write_reports(&summary, &run.outputs) {
        outputs::complain(&error.to_string());
        code = code.and(ExitCode::Environment);
    }
    Ok(code)
}

/// Two signals in a row can end the run before it has noted the first; every report must say so nevertheless.
fn tell_interruption(log: &EventLog, code: ExitCode) {
    let is_told = |entry: &LogEntry| matches!(entry.event, Event::Interrupted { .. });
    if !log.entries().iter().any(is_told) {
        let signal = match code {
            ExitCode::Terminated => "SIGTERM",
            _ => "SIGINT",
        };
        log.emit(Event::Interrupted {
            signal: signal.to_owned(),
        });
    }
}

/// Runs to the end, or to the second signal, whose exit code is then given. A platform that stays up is held until the first signal, once
/// `at_hold` has told of it.
pub fn drive(
    request: RunRequest,
    log: &EventLog,
    progress: &Progress,
    at_hold: impl FnOnce(&StandingPlatform),
) -> Result<Option<ExitCode>, CommandError> {
    let runtime = runtime()?;
    let forced = runtime.block_on(async {
        let (interruption, second): (Interruption, _) =
            signals::listen().map_err(CommandError::machine("cannot listen for signals"))?;
        let whole = async {
            let held = interruption.clone();
            if let Some(standing) = plumbline_engine::run(request, log, progress, interruption).await {
                at_hold(&standing);
                standing.hold(held).await;
            }
        };
        Ok::<_, CommandError>(tokio::select! {
            () = whole => None,
            code = second => Some(code),
        })
    })?;
    // Blocking work that is still under way, such as compressing an image, must not hold up the end.
    runtime.shutdown_background();
    Ok(forced)
}

/// The asynchronous runtime of every command.
pub fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CommandError::machine("cannot start the runtime"))
}
