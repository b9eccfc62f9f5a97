//! A run of the program that something is about to happen to.

use crate::{
    invocation::{self, plumbline, project},
    moment::Moment,
    traces::Traces,
};
use libtest_mimic::Failed;
use plumbline_keeper::{ProcessIdentity, Signal, signal};
use serde_json::Value;
use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The deadline of everything: the machine may be busy, and a killed program that waits for the disk dies only with its answer.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often what no event tells is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A Go that never gets anywhere.
const ENDLESS_GO: &str = r#"#!/bin/sh
case "$1" in
version) echo "go version go1.99.0 linux/amd64" ;;
*) sleep 77100 ;;
esac
"#;

/// The program, running in a folder of its own; ended with it.
pub struct Running {
    child: Child,
    folder: TempDir,
}

impl Running {
    /// Starts the platform with the programs of this machine, for the scenarios that `name` chooses.
    pub fn on_the_platform(name: &str) -> Self {
        Self::start(|command, _| {
            command.args(["--offline", "--name", name]);
        })
    }

    /// The same on kind.
    pub fn on_kind(name: &str) -> Self {
        Self::start(|command, _| {
            command.args(["--offline", "--on", "kind", "--name", name]);
        })
    }

    /// Starts a run that will build programs until it is ended.
    pub fn building() -> Self {
        Self::start(|command, folder| {
            let programs = folder.path().join("bin");
            fs::create_dir(&programs).unwrap();
            symlink(invocation::git(), programs.join("git")).unwrap();
            let go = programs.join("go");
            fs::write(&go, ENDLESS_GO).unwrap();
            fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).unwrap();
            command.arg("--cache").arg(folder.path().join("cache"));
            command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        })
    }

    /// Starts the scenarios of `cases/<case>`, in a project of its own, on the platform of this one.
    pub fn of_scenarios(case: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        Self::start(|command, folder| {
            let mine = folder.path().join("project");
            fs::create_dir(&mine).unwrap();
            for part in ["clusters", "fixtures"] {
                symlink(project().join(part), mine.join(part)).unwrap();
            }
            let cases = Path::new("harness/tests/process_life/cases").join(case);
            let folders = [(cases.as_path(), case), (Path::new("scenarios/gitops"), "gitops")];
            for (from, to) in folders {
                let to = mine.join("scenarios").join(to);
                fs::create_dir_all(&to).unwrap();
                for file in fs::read_dir(project().join(from)).unwrap() {
                    let file = file.unwrap();
                    let name = file.file_name();
                    // Of the project's own, what makes the platform is enough.
                    if from == cases || name == "install.yaml" || name == "instance.yaml" {
                        fs::copy(file.path(), to.join(name)).unwrap();
                    }
                }
            }
            command.arg("--offline");
            command.env("PLUMBLINE_PROJECT", &mine);
            prepare(command);
        })
    }

    /// Starts scenarios of another run's project on the platform that it has started, where they may write by that context.
    pub fn writing_on(other: &Self, kubeconfig: &str, context: &str, name: &str) -> Self {
        Self::start(|command, _| {
            command.args([
                "--offline",
                "--on",
                "existing",
                "--allow-writes",
                "--context",
                context,
            ]);
            command.arg("--kubeconfig").arg(other.path(kubeconfig));
            command.args(["--name", name]);
            command.env("PLUMBLINE_PROJECT", other.path("project"));
        })
    }

    fn start(prepare: impl FnOnce(&mut Command, &TempDir)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = plumbline(folder.path());
        command.args(["run", "--json", "report.json", "--progress", "lines"]);
        command.env("PLUMBLINE_PROJECT", project());
        command.arg("--runs").arg(folder.path().join("runs"));
        let temporary = folder.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        command.env("TMPDIR", temporary);
        command.stdout(File::create(folder.path().join("output")).unwrap());
        command.stderr(File::create(folder.path().join("error")).unwrap());
        prepare(&mut command, &folder);
        Self {
            child: command.spawn().unwrap(),
            folder,
        }
    }

    /// The event log so far.
    pub fn log(&self) -> String {
        self.read("run.ndjson")
    }

    /// What is in a file of this run's folder; nothing, if it is not there yet.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    /// A path in this run's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What kubectl answers of a platform that stays up, by the line that the program printed for it.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Value, Failed> {
        let output = self.read("output");
        let line = output
            .lines()
            .find_map(|line| line.strip_prefix("export KUBECONFIG="));
        let kubeconfig = line.ok_or_else(|| self.failed("no line tells the kubeconfig"))?;
        let mut link = plumbline(self.folder.path());
        link.args(["tools", "--offline", "--link", "programs", "kubectl"]);
        link.arg("--project")
            .arg(project())
            .arg("--runs")
            .arg(self.path("other-runs"));
        link.output()?;
        let mut kubectl = invocation::program(&self.path("programs/kubectl"));
        let answer = kubectl.args(arguments).env("KUBECONFIG", kubeconfig).output()?;
        serde_json::from_slice(&answer.stdout).map_err(|error| {
            self.failed(&format!(
                "kubectl: {error}: {}",
                String::from_utf8_lossy(&answer.stderr)
            ))
        })
    }

    /// What there is of the run now.
    pub fn traces(&self) -> Traces {
        let folders: Vec<PathBuf> = ["runs", "tmp"].map(|name| self.folder.path().join(name)).into();
        Traces::of(self.child.id(), folders)
    }

    /// Waits until the moment has come.
    pub fn wait_for(&mut self, moment: Moment) -> Result<(), Failed> {
        let deadline = Instant::now() + DEADLINE;
        while !moment.has_come(self) {
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Err(self.failed(&format!("{moment:?} never came ({ended:?})")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The standard input of the program, which is to be a pipe.
    pub fn take_input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, number: Signal) {
        let identity = ProcessIdentity::of(self.child.id());
        // One that has just ended by itself needs no signal.
        if let Some(identity) = identity {
            signal(&identity, number).unwrap();
        }
    }

    /// Waits for the end of the program.
    pub fn wait(&mut self) -> Result<ExitStatus, Failed> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(self.failed("it does not end"));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until nothing of `traces` is left.
    pub fn expect_nothing_left(&self, traces: &Traces) -> Result<(), Failed> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = traces.left();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let what = format!("left after {} s:\n{}", DEADLINE.as_secs(), left.join("\n"));
                return Err(self.failed(&what));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Does what every start begins with: the removal of what killed runs have left.
    pub fn start_another(&self) -> Result<(), Failed> {
        let mut command = plumbline(self.folder.path());
        command.arg("gc").env("PLUMBLINE_PROJECT", project());
        command.arg("--runs").arg(self.path("runs"));
        let ended = command.output()?;
        if ended.status.success() {
            return Ok(());
        }
        Err(self.failed(&format!("gc: {}", String::from_utf8_lossy(&ended.stderr))))
    }

    /// The JSON report, which every run that could end by itself has written.
    pub fn report(&self) -> Result<Value, Failed> {
        serde_json::from_str(&self.read("report.json"))
            .map_err(|error| self.failed(&format!("the JSON report: {error}")))
    }

    /// A failure, with what the program said.
    pub fn failed(&self, what: &str) -> Failed {
        let log = self.log();
        let last = log.lines().last().unwrap_or_default();
        let [output, error] = ["output", "error"].map(|file| self.read(file));
        format!("{what}\nlast event: {last}\nstandard error:\n{error}\nstandard output:\n{output}").into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
