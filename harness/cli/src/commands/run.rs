//! `plumbline run`: the main job.

use super::{CommandError, load};
use crate::{
    arguments::{Places, Run, Selection},
    directories::Directories,
    display::{Display, palette},
    outputs, signals,
    signature::Signer,
};
use plumbline_engine::{EventLog, Interruption, RunRequest};
use plumbline_model::{Event, ExitCode, LogEntry, Progress, SuiteIdentity};
use plumbline_report::{Summary, render_summary};
use plumbline_scenario::Plan;
use std::{io::IsTerminal as _, path::PathBuf};

/// What is certain before anything is started.
pub struct Prepared {
    directories: Directories,
    executable: PathBuf,
    suite: SuiteIdentity,
    selection: Vec<String>,
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
            suite: suite.identity(),
            selection: chosen.words(),
            plan,
        })
    }

    /// The run.
    pub fn request(self, offline: bool, parallel: usize, stay_up: bool) -> RunRequest {
        let Self {
            directories,
            executable,
            suite,
            selection,
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
            suite,
            selection,
            parallel,
            stay_up,
        }
    }
}

/// Runs and reports.
pub fn run(places: &Places, run: &Run) -> Result<ExitCode, CommandError> {
    let prepared = Prepared::new(places, &run.selection)?;
    outputs::check_writable(run.outputs.paths().chain([&run.log])).map_err(CommandError::misnamed)?;
    let signer = Signer::of(&run.outputs)?;
    let display = Display::new(places.progress);
    let shown = display.clone();
    let log = EventLog::create(&run.log, move |entry| shown.event(entry)).map_err(|source| {
        outputs::OutputError {
            path: run.log.clone(),
            source,
        }
    })?;
    let request = prepared.request(places.offline, run.parallel.into(), false);
    let forced = drive(request, &log, &display.progress())?;
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
    if let Err(error) = outputs::write_reports(&summary, &run.outputs, signer.as_ref()) {
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

/// Runs to the end, or to the second signal, whose exit code is then given.
pub fn drive(
    request: RunRequest,
    log: &EventLog,
    progress: &Progress,
) -> Result<Option<ExitCode>, CommandError> {
    let runtime = runtime()?;
    let forced = runtime.block_on(async {
        let (interruption, second): (Interruption, _) =
            signals::listen().map_err(CommandError::machine("cannot listen for signals"))?;
        Ok::<_, CommandError>(tokio::select! {
            () = plumbline_engine::run(request, log, progress, interruption) => None,
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
