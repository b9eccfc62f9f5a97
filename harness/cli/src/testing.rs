//! Scenarios as tests: one test per scenario, picked by name as every other test.
//!
//! A repository with a folder `scenarios` of its own needs this crate as a development dependency, a test without harness in its
//! `Cargo.toml`, and in that test:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     plumbline::testing::main(env!("CARGO_MANIFEST_DIR"))
//! }
//! ```

use crate::{
    arguments::{Clusters, On, Places, ProgressStyle, Run, Selection},
    commands::{CommandError, Prepared, Watchers, drive, what_kind_lacks},
    directories::is_project,
    display::Display,
    outputs,
};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use plumbline_engine::{EventLog, StandingPlatform};
use plumbline_model::{Event, LogEntry, Outcome, Skip, SkipCause};
use plumbline_report::{Palette, Summary, render_scenario_end, render_summary};
use plumbline_scenario::Reason;
use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// The stack of a run, in bytes: as large as that of a main thread, on which it is elsewhere. Unoptimized, its futures fill the
/// two MiB that other threads have.
const STACK: usize = 8 << 20;

/// Results as they come; `None` in `ended` until the run is over.
#[derive(Default)]
struct Board {
    /// The scenarios that are tests of this run; what they stand on is run too.
    tests: HashSet<String>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    summary: Summary,
    results: HashMap<String, (Outcome, String)>,
    ended: Option<String>,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, entry: &LogEntry) {
        let mut state = self.state();
        state.summary.push(entry);
        if let Event::ScenarioFinished {
            scenario, outcome, ..
        } = &entry.event
        {
            let text = state
                .summary
                .scenario(scenario)
                .map(|result| render_scenario_end(result, Palette::Plain))
                .unwrap_or_default();
            state.results.insert(scenario.clone(), (outcome.clone(), text));
            self.changed.notify_all();
        }
    }

    fn end(&self, report: String) {
        self.state().ended = Some(report);
        self.changed.notify_all();
    }

    /// Blocks until the scenario has ended, or the run has without it.
    fn result(&self, scenario: &str) -> Result<Completion, Failed> {
        let mut state = self.state();
        loop {
            if let Some((outcome, text)) = state.results.get(scenario) {
                return match outcome {
                    Outcome::Passed => Ok(Completion::Completed),
                    // What it stands on was not there, or the run was stopped: nobody decided that it need not hold.
                    Outcome::Skipped(Skip {
                        cause: SkipCause::Prerequisite | SkipCause::Stopped,
                        ..
                    }) => Err(format!("{text}{}", self.failures_beneath(&state)).into()),
                    Outcome::Skipped(skip) => Ok(Completion::ignored_with(skip.reason.clone())),
                    Outcome::Flaky { .. } => Ok(Completion::Completed),
                    _ => Err(text.clone().into()),
                };
            }
            if let Some(report) = &state.ended {
                return Err(format!("the run ended before this scenario did\n{report}").into());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Board {
    /// How what the tests stand on has failed, as no test tells it.
    fn failures_beneath(&self, state: &State) -> String {
        let beneath = state.results.iter().filter(|(id, _)| !self.tests.contains(*id));
        beneath
            .filter(|(_, (outcome, _))| matches!(outcome, Outcome::Failed(_) | Outcome::Errored(_)))
            .map(|(_, (_, text))| text.as_str())
            .collect()
    }
}

/// Runs the scenarios of `folder`; call it from the `main` of a test without harness.
///
/// If `folder` is in a project of plumbline's, a folder with `clusters/toolchain.toml`, these are the scenarios of the project. Otherwise they
/// are those below `folder/scenarios`, on the reference platform that this crate comes with.
#[must_use]
pub fn main(folder: &str) -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let (project, paths) = project_of(Path::new(folder));
    run_tests(project, paths, Clusters::of_environment())
}

/// Runs those scenarios of the project of `folder` that are below `paths` on kind. Where kind cannot be used they are ignored, with
/// the reason.
#[must_use]
pub fn on_kind(folder: &str, paths: &[&str]) -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let (project, _) = project_of(Path::new(folder));
    let paths = paths.iter().map(|path| project.join(path)).collect();
    let clusters = Clusters {
        on: On::Kind,
        ..Clusters::of_environment()
    };
    run_tests(project, paths, clusters)
}

fn run_tests(project: PathBuf, paths: Vec<PathBuf>, clusters: Clusters) -> ExitCode {
    crate::install_crypto_provider();
    let arguments = Arguments::from_args();
    let places = Places {
        project: Some(project),
        progress: ProgressStyle::Lines,
        ..Places::of_environment()
    };
    let is_on_kind = clusters.on == On::Kind;
    let all = Run {
        clusters,
        selection: Selection {
            paths,
            ..Selection::default()
        },
        ..Run::default()
    };
    let lacking = match is_on_kind && !arguments.list {
        true => what_kind_lacks(&places, &all.clusters.kubernetes),
        false => Ok(None),
    };
    let trials = lacking.and_then(|lacking| match lacking {
        None => trials(&places, &all, &arguments),
        Some(reason) => ignored(&places, &all, &reason),
    });
    match trials {
        Ok((board, trials, prepared)) => {
            let running = (!arguments.list).then_some(prepared).flatten().map(|prepared| {
                let board = board.clone();
                std::thread::Builder::new()
                    .stack_size(STACK)
                    .spawn(move || run(prepared, &board))
            });
            let running = match running.transpose() {
                Ok(running) => running,
                Err(error) => {
                    CommandError::machine("cannot start a thread for the run")(error).complain();
                    return ExitCode::FAILURE;
                }
            };
            let conclusion = libtest_mimic::run(&arguments, trials);
            // The run's own end, with its clean-up, belongs to the test as well.
            let clean = running.is_none_or(|running| running.join().unwrap_or(false));
            if clean {
                conclusion.exit_code()
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            error.complain();
            ExitCode::FAILURE
        }
    }
}

/// Every test, ignored.
fn ignored(places: &Places, all: &Run, reason: &str) -> Result<Trials, CommandError> {
    let plan = Prepared::new(places, all, Vec::new())?.plan;
    let trials = plan.scenarios.iter().map(|planned| {
        let reason = reason.to_owned();
        Trial::ignorable_test(planned.scenario.id.clone(), move || {
            Ok(Completion::ignored_with(reason))
        })
    });
    Ok((Arc::default(), trials.collect(), None))
}

/// The project, and the paths of the scenarios to run in it: none for all.
fn project_of(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let project = folder.ancestors().find(|folder| is_project(folder));
    match project {
        Some(project) => (project.to_owned(), Vec::new()),
        None => (
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."),
            vec![folder.join("scenarios")],
        ),
    }
}

type Trials = (Arc<Board>, Vec<Trial>, Option<Prepared>);

fn trials(places: &Places, all: &Run, arguments: &Arguments) -> Result<Trials, CommandError> {
    let plan = Prepared::new(places, all, Vec::new())?.plan;
    // What others stand on, and nobody asked for, is no test; it fails the tests that stand on it.
    let asked = plan
        .scenarios
        .iter()
        .filter(|planned| planned.reason == Reason::Selected);
    let ids: Vec<String> = asked.map(|planned| planned.scenario.id.clone()).collect();
    let chosen: Vec<String> = ids
        .iter()
        .filter(|id| is_chosen(id, arguments))
        .cloned()
        .collect();
    let board = Arc::new(Board {
        tests: chosen.iter().cloned().collect(),
        ..Board::default()
    });
    let trials = ids.into_iter().map(|id| {
        let board = board.clone();
        Trial::ignorable_test(id.clone(), move || board.result(&id))
    });
    let trials = trials.collect();
    let prepared = match chosen.is_empty() {
        true => None,
        false => Some(Prepared::new(places, all, chosen)?),
    };
    Ok((board, trials, prepared))
}

/// The filter of libtest: a part of the name, or the whole with `--exact`.
fn is_chosen(id: &str, arguments: &Arguments) -> bool {
    let fits = |filter: &String| {
        if arguments.exact {
            id == filter
        } else {
            id.contains(filter.as_str())
        }
    };
    arguments.filter.as_ref().is_none_or(fits) && !arguments.skip.iter().any(fits)
}

/// Runs, and says whether the run as a whole was clean: no fault outside scenarios, nothing left behind.
fn run(prepared: Prepared, board: &Arc<Board>) -> bool {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            board.end(format!("no temporary folder can be had: {error}"));
            return false;
        }
    };
    let display = Display::new(ProgressStyle::Lines);
    let heard = board.clone();
    let log = EventLog::create(&folder.path().join("run.ndjson"), move |entry| heard.hear(entry));
    let result = log.map_err(|error| error.to_string()).and_then(|log| {
        let watchers = Watchers {
            at_hold: |_: &StandingPlatform| (),
            // Tests tell of themselves.
            asked: || (),
        };
        let forced = drive(
            prepared.request(false, None).into(),
            &log,
            &display.progress(),
            watchers,
        );
        forced
            .map(|_| Summary::fold(&log.entries()))
            .map_err(|error| error.to_string())
    });
    let (clean, report) = match result {
        Ok(summary) => {
            let clean = summary.troubles().is_empty();
            (clean, render_summary(&summary, Palette::Plain))
        }
        Err(error) => (false, error),
    };
    if !clean {
        outputs::complain(&report);
    }
    board.end(report);
    clean
}
