//! `plumbline up` and `plumbline down`: a platform that stays up between commands.
//!
//! `up` starts this program again, detached, and follows what it tells through a pipe until the platform is there.
//! The detached program holds a lock for as long as it lives: that is how `down` and a second `up` know.

use super::{
    CommandError, Prepared,
    run::{Watchers, drive, runtime},
};
use crate::{
    arguments::{Clusters, On, Places, ProgressStyle, Run, Selection, Up},
    directories::Directories,
    display::Display,
    outputs,
};
use clap::ValueEnum as _;
use plumbline_engine::{EventLog, Keep, RunRequest, StandingPlatform};
use plumbline_keeper::{ProcessIdentity, Signal, detach, signal};
use plumbline_model::{Event, ExitCode, LogEntry, Progress};
use plumbline_report::{Palette, Summary, render_summary};
use plumbline_scenario::Stage;
use serde::{Deserialize, Serialize};
use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::unix::pipe,
};

/// How long `down` waits for the end.
const END_WITHIN: Duration = Duration::from_secs(30);

/// What `up` leaves for `down`.
#[derive(Debug, Serialize, Deserialize)]
struct Standing {
    process: ProcessIdentity,
    kubeconfig: PathBuf,
}

/// The files of a platform that stays up, beside the directories of runs.
struct Files {
    lock: PathBuf,
    standing: PathBuf,
    log: PathBuf,
    output: PathBuf,
    pipe: PathBuf,
}

impl Files {
    fn of(directories: &Directories) -> Result<Self, CommandError> {
        let root = &directories.runs;
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(root)
            .map_err(CommandError::machine(format!("cannot make {}", root.display())))?;
        let file = |name: &str| root.join(format!("up.{name}"));
        Ok(Self {
            lock: file("lock"),
            standing: file("json"),
            log: file("ndjson"),
            output: file("log"),
            pipe: file("pipe"),
        })
    }

    fn lock_file(&self) -> Result<File, CommandError> {
        let options = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.lock);
        options.map_err(CommandError::machine(format!(
            "cannot open {}",
            self.lock.display()
        )))
    }

    fn standing(&self) -> Option<Standing> {
        serde_json::from_slice(&std::fs::read(&self.standing).ok()?).ok()
    }

    fn remove(&self) {
        for file in [&self.standing, &self.pipe, &self.log, &self.output] {
            // Whatever is not there needs no removal.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Starts the platform in the background, or says where it is.
pub fn up(places: &Places, up: &Up) -> Result<ExitCode, CommandError> {
    if up.clusters.on == On::Existing {
        let message =
            "`up` starts a platform, and an existing cluster is there: `run --on existing` looks at it";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let directories = Directories::resolve(places)?;
    let files = Files::of(&directories)?;
    if let Some(pipe) = &up.tell {
        return stay(places, &up.clusters, &files, pipe);
    }
    if is_locked(&files.lock_file()?)? {
        let Some(standing) = files.standing() else {
            return Err(CommandError::Usage(
                "another `plumbline up` is on its way; wait for it".into(),
            ));
        };
        outputs::print(&kubeconfig_line(&standing.kubeconfig));
        return Ok(ExitCode::Passed);
    }
    files.remove();
    // Everything that can be said without starting anything is said here, on this terminal.
    prepare(places, &up.clusters)?;
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &files.pipe,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .map_err(|error| CommandError::machine(format!("cannot make {}", files.pipe.display()))(error.into()))?;
    let executable =
        std::env::current_exe().map_err(CommandError::machine("cannot tell this program's own path"))?;
    let text = |path: &Path| path.as_os_str().to_owned();
    let mut arguments = vec!["up".into(), "--tell".into(), text(&files.pipe)];
    let on = up.clusters.on.to_possible_value();
    arguments.extend(on.iter().flat_map(|on| ["--on".into(), on.get_name().into()]));
    for (flag, version) in [
        ("--kubernetes", &up.clusters.kubernetes.version),
        ("--flux", &up.clusters.flux),
    ] {
        arguments.extend(version.iter().flat_map(|version| [flag.into(), version.into()]));
    }
    for (flag, path) in [
        ("--project", &directories.project),
        ("--cache", &directories.cache),
        ("--runs", &directories.runs),
    ] {
        arguments.extend([flag.into(), text(path)]);
    }
    if places.offline {
        arguments.push("--offline".into());
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let receiver = pipe::OpenOptions::new()
            .open_receiver(&files.pipe)
            .map_err(CommandError::machine("cannot open the pipe to the platform"))?;
        let process =
            detach::spawn_detached(&executable, arguments, &directories.environment, &files.output)?;
        follow(receiver, places.progress, &files, process).await
    })
}

/// Shows what the detached program tells until the platform is there, or the program has ended.
async fn follow(
    receiver: pipe::Receiver,
    style: ProgressStyle,
    files: &Files,
    process: ProcessIdentity,
) -> Result<ExitCode, CommandError> {
    let display = Display::new(style);
    let mut lines = BufReader::new(receiver).lines();
    let mut entries: Vec<LogEntry> = Vec::new();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line.ok().flatten(),
            _ = tokio::signal::ctrl_c() => {
                signal(&process, Signal::TERM)?;
                None
            }
        };
        let Some(entry) = line.and_then(|line| serde_json::from_str::<LogEntry>(&line).ok()) else {
            break;
        };
        display.event(&entry);
        if let Event::Fact { name, value } = &entry.event
            && name == "kubeconfig"
        {
            display.finish();
            let standing = Standing {
                process,
                kubeconfig: PathBuf::from(value),
            };
            let json =
                serde_json::to_string(&standing).map_err(|error| CommandError::Usage(error.to_string()))?;
            outputs::write_whole(&files.standing, &json)?;
            outputs::print(&kubeconfig_line(&standing.kubeconfig));
            return Ok(ExitCode::Passed);
        }
        entries.push(entry);
    }
    display.finish();
    let summary = Summary::fold(&entries);
    outputs::print(&render_summary(&summary, Palette::Plain));
    let said = std::fs::read_to_string(&files.output).unwrap_or_default();
    if !said.trim().is_empty() {
        outputs::complain(said.trim());
    }
    // A platform that did not come up is never a success, whatever its log looks like.
    Ok(summary.exit_code().and(ExitCode::Environment))
}

/// The detached program: brings the platform up and keeps it until a signal comes.
fn stay(places: &Places, clusters: &Clusters, files: &Files, pipe: &Path) -> Result<ExitCode, CommandError> {
    let lock = files.lock_file()?;
    if is_locked(&lock)? {
        return Err(CommandError::Usage("another platform is up".into()));
    }
    let sender = OpenOptions::new()
        .write(true)
        .open(pipe)
        .map_err(CommandError::machine("cannot open the pipe to `plumbline up`"))?;
    let sender = Mutex::new(sender);
    let request = RunRequest {
        keep: Keep::Always,
        onboard_all: true,
        ..prepare(places, clusters)?.request(places.offline, None)
    };
    let log = EventLog::create(&files.log, move |entry| tell(&sender, entry)).map_err(|source| {
        outputs::OutputError {
            path: files.log.clone(),
            source,
        }
    })?;
    let watchers = Watchers {
        at_hold: |standing: &StandingPlatform| {
            log.emit(Event::Fact {
                name: "kubeconfig".to_owned(),
                value: standing.kubeconfig().display().to_string(),
            });
        },
        // Nobody can see an answer.
        asked: || (),
    };
    let forced = drive(request.into(), &log, &Progress::silent(), watchers)?;
    let code = forced.unwrap_or_else(|| Summary::fold(&log.entries()).exit_code());
    plumbline_engine::finish(&log, code);
    files.remove();
    drop(lock);
    Ok(code)
}

fn tell(sender: &Mutex<File>, entry: &LogEntry) {
    let (Ok(mut sender), Ok(line)) = (sender.lock(), serde_json::to_string(entry)) else {
        return;
    };
    // `up` stops listening once the platform is there.
    let _ = sender.write_all(format!("{line}\n").as_bytes());
}

/// Ends the platform that stays up.
pub fn down(places: &Places) -> Result<ExitCode, CommandError> {
    let directories = Directories::resolve(places)?;
    if !directories.runs.is_dir() {
        outputs::print("nothing is up\n");
        return Ok(ExitCode::Passed);
    }
    let files = Files::of(&directories)?;
    let lock = files.lock_file()?;
    if !is_locked(&lock)? {
        files.remove();
        outputs::print("nothing is up\n");
        return Ok(ExitCode::Passed);
    }
    let Some(standing) = files.standing() else {
        return Err(CommandError::Usage(
            "`plumbline up` is still on its way; end it with Ctrl-C there".into(),
        ));
    };
    signal(&standing.process, Signal::TERM)?;
    let ended = runtime()?.block_on(async {
        // The lock is free when the program has ended, its clean-up included.
        tokio::time::timeout(END_WITHIN, tokio::task::spawn_blocking(move || lock.lock())).await
    });
    match ended {
        Ok(Ok(Ok(()))) => {
            outputs::print("down\n");
            Ok(ExitCode::Passed)
        }
        Ok(Ok(Err(source))) => Err(CommandError::machine("cannot wait for the end")(source)),
        Ok(Err(_)) | Err(_) => {
            signal(&standing.process, Signal::KILL)?;
            outputs::complain(&format!(
                "it did not end within {} s and was killed",
                END_WITHIN.as_secs()
            ));
            Ok(ExitCode::LeftBehind)
        }
    }
}

/// Takes the lock if it is free.
fn is_locked(file: &File) -> Result<bool, CommandError> {
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(CommandError::machine("cannot lock")(source)),
    }
}

/// A run of the scenario that brings the platform up, and of those that it needs.
fn prepare(places: &Places, clusters: &Clusters) -> Result<Prepared, CommandError> {
    let directories = Directories::resolve(places)?;
    let (suite, _) = super::load(&directories, &Selection::default())?;
    let provider = suite.scenarios().iter().find(|scenario| {
        scenario
            .provides
            .as_ref()
            .is_some_and(|stage| stage.value == Stage::Platform)
    });
    let provider = provider.ok_or_else(|| CommandError::Usage("no scenario provides the platform".into()))?;
    let run = Run {
        clusters: clusters.clone(),
        ..Run::default()
    };
    Prepared::new(places, &run, vec![provider.id.clone()])
}

pub(super) fn kubeconfig_line(kubeconfig: &Path) -> String {
    format!("export KUBECONFIG={}\n", kubeconfig.display())
}
