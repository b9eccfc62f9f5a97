//! A folder in which the program runs with nothing but git, and what it said there.

use crate::invocation::{self, git, plumbline};
use plumbline_images::{Endpoint, Endpoints, ImageFile, ProgramImage, pack, push_layout};
use plumbline_model::Progress;
use plumbline_servers::Registry;
use std::{
    collections::BTreeMap,
    fmt, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A machine with git, an empty cache, and no run.
pub struct World {
    folder: TempDir,
    project: PathBuf,
}

impl World {
    /// With the project that these tests belong to.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).expect("an empty folder");
        symlink(git(), programs.join("git")).expect("an empty folder");
        Self {
            folder,
            project: invocation::project(),
        }
    }

    /// With a project that has the scenarios of `cases/<case>` and no others.
    pub fn with_scenarios(case: &str) -> Self {
        let mut world = Self::new();
        let project = world.path("project");
        let scenarios = project.join("scenarios");
        fs::create_dir_all(&scenarios).expect("an empty folder");
        for part in ["clusters", "fixtures"] {
            symlink(world.project.join(part), project.join(part)).expect("an empty folder");
        }
        let cases = world.project.join("harness/tests/program/cases").join(case);
        for file in fs::read_dir(cases).expect("the case is there") {
            let file = file.expect("the case can be read");
            fs::copy(file.path(), scenarios.join(file.file_name())).expect("the case can be copied");
        }
        world.project = project;
        world
    }

    /// Gives the project of [`World::with_scenarios`] a folder `clusters` of its own: the real lock and these files.
    pub fn set_clusters(&mut self, files: &[(&str, &str)]) {
        let folder = self.project.join("clusters");
        let real = folder.canonicalize().expect("the project has clusters");
        fs::remove_file(&folder).expect("it is a link");
        fs::create_dir(&folder).expect("its name is free");
        symlink(real.join("toolchain.toml"), folder.join("toolchain.toml")).expect("an empty folder");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("my own folder");
        }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().canonicalize().expect("the folder is there");
        folder.join(name)
    }

    /// Stores an image of one file in a registry without a login; it is the same wherever this runs.
    pub fn store_image(&self, runtime: &Runtime, registry: &Registry, name: &str, content: &str) {
        let image = ProgramImage {
            name: name.parse().expect("a name"),
            files: vec![ImageFile::written("etc/name", content)],
            above: None,
            entrypoint: vec!["/none".to_owned()],
            user: "1000".to_owned(),
            environment: BTreeMap::new(),
            labels: BTreeMap::new(),
        };
        let endpoint = Endpoint {
            address: registry.address(),
            tls_ca_pem: None,
            credentials: None,
        };
        runtime
            .block_on(async {
                let packed = pack::pack(&image, &self.path("packed"), &Progress::silent()).await?;
                let endpoints = Endpoints::new().with(image.name.registry(), &endpoint)?;
                push_layout(&packed.layout, &image.name, &endpoints).await
            })
            .expect("the image can be stored");
    }

    /// The event logs of runs, as they were recorded.
    pub fn logs() -> PathBuf {
        invocation::project().join("harness/tests/program/logs")
    }

    /// The event log of the run `name`.
    pub fn recorded(name: &str) -> PathBuf {
        Self::logs().join(name).with_extension("ndjson")
    }

    /// The program with these arguments, and with every place in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare_command(arguments);
        command.arg("--project").arg(&self.project);
        for place in ["cache", "runs"] {
            command.arg(format!("--{place}")).arg(self.path(place));
        }
        command
    }

    /// The program with these arguments only.
    pub fn bare_command(&self, arguments: &[&str]) -> Command {
        let mut command = plumbline(self.folder.path());
        command
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .args(arguments);
        command
    }

    /// Runs [`World::command`] to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::by(&mut self.command(arguments))
    }

    /// Compares what the program said with the golden file `name`.
    pub fn assert_golden(&self, name: &str, said: &Said) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (path, word) in [
            (self.folder.path().to_owned(), "[FOLDER]"),
            (self.path(""), "[FOLDER]/"),
            (invocation::project(), "[PROJECT]"),
        ] {
            settings.add_filter(&escaped(&path), word);
        }
        // What plumbline is, and what it tests, moves on; what it says about them does not.
        settings.add_filter(r"\b\d+\.\d+\.\d+\b", "[VERSION]");
        settings.bind(|| insta::assert_snapshot!(name, said));
    }

    /// Asserts that no run has left its directory here.
    pub fn assert_nothing_left(&self) {
        let left: Vec<_> = fs::read_dir(self.path("runs"))
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("the folder can be read").path())
            .filter(|path| path.is_dir())
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

fn escaped(path: &Path) -> String {
    let mut escaped = String::new();
    for character in path.display().to_string().chars() {
        if !(character.is_alphanumeric() || "/_".contains(character)) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// What the program said, and how it ended.
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error: String,
}

impl Said {
    /// Runs `command` to its end.
    pub fn by(command: &mut Command) -> Self {
        Self::of(command.output().expect("the program can be started"))
    }

    /// A text of its own, to compare it with a golden file.
    pub fn in_words(output: String) -> Self {
        Self {
            code: 0,
            output,
            error: String::new(),
        }
    }

    /// What is in `output`.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes text");
        let said = Self {
            code: output.status.code().expect("the program ends by itself"),
            output: text(output.stdout),
            error: text(output.stderr),
        };
        assert!(!said.error.contains("panicked"), "{}", said.error);
        said
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "exit code {}", self.code)?;
        for (name, text) in [("standard output", &self.output), ("standard error", &self.error)] {
            if !text.is_empty() {
                writeln!(formatter, "--- {name}\n{text}")?;
            }
        }
        Ok(())
    }
}
