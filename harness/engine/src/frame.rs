//! What every run has around it, whatever it does: its first event, the signal that ends it early, the keeper of its processes, its last event.

use crate::{EventLog, Interruption, set_up::environment};
use plumbline_keeper::{Keeper, KeeperError, KeeperOptions, RunDirectory};
use plumbline_model::{Event, ExitCode, Fault, RunOptions, SuiteIdentity};
use plumbline_scenario::Plan;
use std::path::PathBuf;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// A run under way.
pub(crate) struct Frame<'log> {
    log: &'log EventLog,
    /// Cancelled by a signal.
    pub(crate) cancel: CancellationToken,
    listening: AbortOnDropHandle<()>,
}

/// What is told of a run before it does anything.
pub(crate) struct Intent<'request> {
    pub(crate) provider: String,
    pub(crate) plan: &'request Plan,
    pub(crate) suite: &'request SuiteIdentity,
    pub(crate) options: &'request RunOptions,
}

impl<'log> Frame<'log> {
    /// The run begins.
    pub(crate) fn open(intent: Intent<'_>, log: &'log EventLog, interruption: Interruption) -> Self {
        let now = jiff::Timestamp::now();
        let scenarios = intent.plan.scenarios.iter();
        log.emit(Event::RunStarted {
            run: now.strftime("%Y%m%dT%H%M%SZ").to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            provider: intent.provider,
            scenarios: scenarios.map(|planned| planned.scenario.id.clone()).collect(),
            suite: intent.suite.clone(),
            options: intent.options.clone(),
        });
        let cancel = CancellationToken::new();
        let listening = tokio::spawn(cancel_on_signal(interruption, cancel.clone(), log.clone()));
        Self {
            log,
            cancel,
            listening: AbortOnDropHandle::new(listening),
        }
    }

    /// The run is over, and everything of it told but its [exit code](finish).
    pub(crate) fn close<T>(self, ended: Result<T, Fault>) -> Option<T> {
        let come_of_it = ended
            .map_err(|fault| self.log.emit(Event::RunErrored { fault }))
            .ok();
        drop(self.listening);
        self.log.settle();
        come_of_it
    }
}

async fn cancel_on_signal(mut interruption: Interruption, cancel: CancellationToken, log: EventLog) {
    // The sender lives as long as the program; if it goes, no signal can come.
    if interruption.wait_for(Option::is_some).await.is_ok() {
        let signal = interruption.borrow().unwrap_or("a signal").to_owned();
        log.emit(Event::Interrupted { signal });
        cancel.cancel();
    }
}

/// Who starts programs in a directory of the run.
pub(crate) async fn start_keeper(run_directory: RunDirectory, executable: PathBuf) -> Result<Keeper, Fault> {
    let options = KeeperOptions {
        executable,
        run_directory,
    };
    Keeper::start(options).await.map_err(|error| environment(&error))
}

/// Ends every process of a keeper and removes its directory; gives what it could not remove.
pub(crate) async fn stop_keeper(keeper: &Keeper) -> Result<Vec<String>, KeeperError> {
    let report = keeper.stop().await?;
    let directory = keeper.run_directory().path().display();
    let directory = (!report.directory_removed).then(|| format!("the directory {directory}"));
    let unfulfilled = report.unfulfilled.into_iter();
    let unfulfilled =
        unfulfilled.map(|name| format!("what `{name}` was to remove; `plumbline gc` tries again"));
    Ok(directory.into_iter().chain(unfulfilled).collect())
}

/// Ends what the keeper of a run keeps, and tells what is left behind.
pub(crate) async fn conclude(keeper: &Keeper, log: &EventLog, ended: Result<(), Fault>) -> Result<(), Fault> {
    match stop_keeper(keeper).await {
        Ok(left) => {
            for what in left {
                log.emit(Event::LeftBehind { what });
            }
        }
        // A keeper that is dead cannot be stopped; the fault says so already.
        Err(_) if ended.is_err() => {}
        Err(error) => return Err(environment(&error)),
    }
    ended
}

/// Ends the log of a run with its exit code.
pub fn finish(log: &EventLog, exit: ExitCode) {
    log.emit(Event::RunFinished {
        duration: log.now(),
        exit,
    });
    log.settle();
}
