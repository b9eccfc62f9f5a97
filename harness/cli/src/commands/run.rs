//! `plumbline run`: the main job.

use super::{CommandError, Prepared, Work, plan::describe, rerun::not_passed, stay::kubeconfig_line};
use crate::{
    arguments::{Places, Run},
    display::Display,
    keys::{Key, Keys},
    outputs::{self, OutputError},
    reports::Reports,
    signals,
};
use plumbline_engine::{EventLog, Interruption, Resume, StandingPlatform};
use plumbline_model::{Event, ExitCode, LogEntry, Progress};
use plumbline_report::Summary;

/// Runs and reports.
pub fn run(places: &Places, run: &Run) -> Result<ExitCode, CommandError> {
    let again = run.rerun_failed.as_deref().map(not_passed).transpose()?;
    let prepared = Prepared::new(places, run, again.unwrap_or_default())?;
    if run.plan {
        outputs::print(&describe(&prepared, &run.log)?);
        return Ok(ExitCode::Passed);
    }
    outputs::check_writable([&run.log]).map_err(CommandError::misnamed)?;
    let reports = Reports::new(&run.outputs, std::slice::from_ref(&run.log))?;
    let display = Display::new(places.progress);
    let shown = display.clone();
    let log = EventLog::create(&run.log, move |entry| shown.event(entry)).map_err(|source| OutputError {
        path: run.log.clone(),
        source,
    })?;
    let resume = run.order.pause_on_failure.then(Resume::new);
    let tell = {
        let (display, log) = (display.clone(), log.clone());
        // What the log has is told, also where the display is behind it.
        move || {
            log.settle();
            display.tell_running(log.now());
        }
    };
    let keys = {
        let (tell, resume) = (tell.clone(), resume.clone());
        Keys::listen(resume.is_some(), move |key| match key {
            Key::Tell => tell(),
            Key::GoOn => resume.iter().for_each(Resume::resume),
            Key::Nobody => resume.iter().for_each(Resume::resume_for_good),
        })
    };
    let mut told = None;
    let watchers = Watchers {
        at_hold: |standing: &StandingPlatform| {
            display.finish();
            let summary = Summary::fold(&log.entries());
            told = Some(code_of(&summary, reports.tell(&summary)));
            outputs::print(&format!(
                "\nthe platform stays up until Ctrl-C\n{}",
                kubeconfig_line(standing.kubeconfig())
            ));
        },
        asked: tell,
    };
    let forced = drive(
        prepared.work(places.offline, resume),
        &log,
        &display.progress(),
        watchers,
    )?;
    drop(keys);
    display.finish();
    if let Some(code) = forced {
        tell_interruption(&log, code);
    }
    let mut code = Summary::fold(&log.entries()).exit_code();
    if let Some(source) = log.take_error() {
        outputs::complain(
            &OutputError {
                path: run.log.clone(),
                source,
            }
            .to_string(),
        );
        code = code.and(ExitCode::Environment);
    }
    plumbline_engine::finish(&log, code);
    let summary = Summary::fold(&log.entries());
    let written = match told {
        // The end of a platform that stayed up has changed nothing that was not told.
        Some(told) if told == code => reports.write(&summary),
        _ => reports.tell(&summary),
    };
    Ok(code.and(code_of(&summary, written)))
}

/// The exit code of a run whose reports may not all have been written.
fn code_of(summary: &Summary, written: Result<(), OutputError>) -> ExitCode {
    match written {
        Ok(()) => summary.exit_code(),
        Err(error) => {
            outputs::complain(&error.to_string());
            summary.exit_code().and(ExitCode::Environment)
        }
    }
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

/// Who is told of a run while it goes on.
pub struct Watchers<H, A> {
    /// Every result is in the log, and the platform stays up until the first signal.
    pub at_hold: H,
    /// Somebody wants to know what is waited for.
    pub asked: A,
}

/// Runs to the end, or to the second signal, whose exit code is then given.
pub fn drive(
    work: Work,
    log: &EventLog,
    progress: &Progress,
    watchers: Watchers<impl FnOnce(&StandingPlatform), impl Fn() + Clone + Send + 'static>,
) -> Result<Option<ExitCode>, CommandError> {
    let Watchers { at_hold, asked } = watchers;
    let runtime = runtime()?;
    let forced = runtime.block_on(async {
        let deaf = || CommandError::machine("cannot listen for signals");
        signals::on_question(asked).map_err(deaf())?;
        let (interruption, second): (Interruption, _) = signals::listen().map_err(deaf())?;
        let whole = async {
            let held = interruption.clone();
            let request = match work {
                Work::Build(request) => *request,
                Work::Look(request) => {
                    plumbline_engine::look(*request, log, interruption).await;
                    return;
                }
            };
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
