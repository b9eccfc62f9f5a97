//! Every scenario can fail: each defect of `fixtures/mutants.yaml`, seeded into a copy of the project, turns exactly
//! the scenarios red that it names, each with a message that says why.

use libtest_mimic::{Arguments, Completion, Trial};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "invocation.rs"]
mod invocation;

/// Set by `ci/mutants`; without it no defect is seeded. `1` is those of the embedded cluster, `kind` those of kind.
const SWITCH: &str = "PLUMBLINE_MUTANTS";

/// What the program needs of a project.
const PARTS: [&str; 3] = ["scenarios", "fixtures", "clusters"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mutants = match mutants() {
        Ok(mutants) => mutants,
        Err(error) => {
            let trial = Trial::test("mutants_are_sound", move || Err(error.into()));
            return libtest_mimic::run(&arguments, vec![trial]).exit_code();
        }
    };
    let checked = mutants.clone();
    let mut trials = vec![Trial::test("mutants_are_sound", move || Ok(check(&checked)?))];
    let seeded = seeded();
    trials.extend(mutants.into_iter().map(|mutant| {
        Trial::ignorable_test(mutant.name.clone(), move || match seeded == Some(mutant.on) {
            true => Ok(mutant.prove().map(|()| Completion::Completed)?),
            false => Ok(Completion::ignored_with(format!(
                "takes up to a minute; ci/mutants, or {SWITCH}={}, runs it",
                mutant.on.word()
            ))),
        })
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[expect(clippy::disallowed_methods, reason = "the one switch of these tests")]
fn seeded() -> Option<Cluster> {
    let value = std::env::var_os(SWITCH)?;
    [Cluster::Embedded, Cluster::Kind]
        .into_iter()
        .find(|cluster| value == cluster.word())
}

/// A seeded defect of the platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// Its name.
    name: String,
    /// What is wrong with the platform.
    claim: String,
    /// The cluster that shows it.
    #[serde(default)]
    on: Cluster,
    /// How it is seeded.
    edits: Edits,
    /// Which scenarios run, besides those that they need.
    run: Chosen,
    /// Which of them fail, and a part of what each then says.
    red: BTreeMap<String, String>,
}

/// What the scenarios run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Cluster {
    #[default]
    Embedded,
    /// For scenarios that need real pods.
    Kind,
}

impl Cluster {
    /// What the switch is set to for its mutants.
    const fn word(self) -> &'static str {
        match self {
            Self::Embedded => "1",
            Self::Kind => "kind",
        }
    }
}

/// Scenarios to run.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Chosen {
    /// Every one.
    Every(Every),
    /// By the paths of their files, as ids begin: every combination of a matrix.
    Listed(Vec<String>),
}

/// The word for every scenario.
#[derive(Clone, Debug, Deserialize)]
enum Every {
    #[serde(rename = "all")]
    All,
}

/// Changes of the project, written as in a `commit` step. Paths are below `fixtures/`, those that begin with `clusters/` below the project.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edits {
    #[serde(default)]
    replace: Vec<Replacement>,
    #[serde(default)]
    write: BTreeMap<String, String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// A replacement of a text that the file has exactly once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    file: String,
    from: String,
    to: String,
}

/// Reads `fixtures/mutants.yaml`.
fn mutants() -> Result<Vec<Mutant>, String> {
    let path = invocation::project().join("fixtures/mutants.yaml");
    let text = fs::read_to_string(&path).map_err(|error| said(&path, error))?;
    serde_saphyr::from_str(&text).map_err(|error| said(&path, error))
}

/// What holds for the file as a whole, without a run.
fn check(mutants: &[Mutant]) -> Result<(), String> {
    let everywhere = scenarios(&["--tag", "!pods"])?;
    let on_kind = scenarios(&[])?;
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    let mut seen_red = BTreeSet::new();
    for mutant in mutants {
        let name = &mutant.name;
        if !names.insert(name) {
            wrong.push(format!("two mutants are named {name}"));
        }
        if mutant.claim.is_empty() || mutant.red.is_empty() {
            wrong.push(format!("{name} claims nothing, or turns nothing red"));
        }
        let scenarios = match mutant.on {
            Cluster::Embedded => &everywhere,
            Cluster::Kind => &on_kind,
        };
        let listed = match &mutant.run {
            Chosen::Every(Every::All) => scenarios.clone(),
            Chosen::Listed(files) => {
                for file in files
                    .iter()
                    .filter(|file| !scenarios.iter().any(|id| is_of(id, file)))
                {
                    wrong.push(format!("{name} runs {file}, which is no scenario"));
                }
                let is_chosen = |id: &&String| files.iter().any(|file| is_of(id, file));
                scenarios.iter().filter(is_chosen).cloned().collect()
            }
        };
        for (id, reason) in &mutant.red {
            if !listed.contains(id) {
                wrong.push(format!("{name} names {id} red without running it"));
            }
            if reason.is_empty() {
                wrong.push(format!("{name} does not tell what {id} says"));
            }
            seen_red.insert(id.clone());
        }
        let error = mutant.edits.check(&invocation::project()).err();
        wrong.extend(error.map(|error| format!("{name}: {error}")));
    }
    for id in on_kind.difference(&seen_red) {
        wrong.push(format!("no mutant turns {id} red"));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

/// The ids of the project's scenarios, as far as `selection` goes: only the program knows what a matrix makes of a file, and which files are
/// step groups. Those that need real pods are skipped on the embedded cluster, so no defect can turn them red there.
fn scenarios(selection: &[&str]) -> Result<BTreeSet<String>, String> {
    let mut command = invocation::plumbline(&invocation::project());
    let output = command
        .arg("list")
        .args(selection)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let list = String::from_utf8_lossy(&output.stdout);
    let ids = list.lines().filter(|line| !line.starts_with(' '));
    Ok(ids.map(str::to_owned).collect())
}

/// Whether a scenario is of a file: `onboard/b-skus[sku=small]` of `onboard/b-skus`.
fn is_of(id: &str, file: &str) -> bool {
    id.strip_prefix(file)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

impl Edits {
    /// Changes a project.
    fn apply(&self, project: &Path) -> Result<(), String> {
        for (path, content) in self.changed_files(project)? {
            write(&path, &content)?;
        }
        for file in &self.remove {
            let path = below(project, file)?;
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.map_err(|error| said(&path, error))?;
        }
        Ok(())
    }

    /// Whether they can be applied to a project.
    fn check(&self, project: &Path) -> Result<(), String> {
        self.changed_files(project)?;
        for file in &self.remove {
            if !below(project, file)?.exists() {
                return Err(format!("there is no {file} to remove"));
            }
        }
        Ok(())
    }

    fn changed_files(&self, project: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, String> {
        let mut changed = BTreeMap::new();
        for (file, content) in &self.write {
            changed.insert(below(project, file)?, content.clone());
        }
        for edit in &self.replace {
            let path = below(project, &edit.file)?;
            let text = match changed.get(&path) {
                Some(text) => text.clone(),
                None => fs::read_to_string(&path).map_err(|error| said(&path, error))?,
            };
            let found = text.matches(&edit.from).count();
            if found != 1 {
                return Err(format!(
                    "{} has {:?} {found} times, not once",
                    edit.file, edit.from
                ));
            }
            changed.insert(path, text.replace(&edit.from, &edit.to));
        }
        let bytes = changed.into_iter().map(|(path, text)| (path, text.into_bytes()));
        Ok(bytes.collect())
    }
}

impl Mutant {
    /// Runs the scenarios with the defect, and compares what became of them with what should have.
    ///
    /// The reports stay in the build's own folder, where whoever asks why can read them.
    fn prove(&self) -> Result<(), String> {
        let outputs = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("mutants")
            .join(&self.name);
        let _absent = fs::remove_dir_all(&outputs);
        fs::create_dir_all(&outputs).map_err(|error| said(&outputs, error))?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let project = folder.path().join("project");
        for part in PARTS {
            copy(&invocation::project().join(part), &project.join(part))?;
        }
        self.edits.apply(&project)?;

        let runs = folder.path().join("runs");
        let json = outputs.join("report.json");
        let mut command = invocation::plumbline(&project);
        command
            .args(["--progress", "lines"])
            .arg("--project")
            .arg(&project)
            .arg("--runs")
            .arg(&runs)
            .arg("run")
            .args(match self.on {
                Cluster::Embedded => &[][..],
                Cluster::Kind => &["--on", "kind"],
            })
            .arg("--json")
            .arg(&json)
            .arg("--log")
            .arg(outputs.join("run.ndjson"));
        if let Chosen::Listed(files) = &self.run {
            command.args(files.iter().map(|file| format!("scenarios/{file}.yaml")));
        }
        let output = command.output().map_err(|error| error.to_string())?;
        let report = String::from_utf8_lossy(&output.stdout);
        write(&outputs.join("report.txt"), &output.stdout)?;
        let wrong = match fs::read(&json) {
            Err(error) => vec![said(&json, error)],
            Ok(bytes) => {
                let value = serde_json::from_slice(&bytes).map_err(|error| said(&json, error))?;
                self.differences(&value)
            }
        };
        let mut wrong = wrong;
        if output.status.code() != Some(1) {
            wrong.push(format!("it ended with {}, not with exit code 1", output.status));
        }
        if folders(&runs)? != 0 {
            wrong.push("a run directory was left behind".to_owned());
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "{}\n{report}\n{}",
                wrong.join("\n"),
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    /// Where the JSON report is not as the mutant says.
    fn differences(&self, report: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut failed = BTreeSet::new();
        for scenario in list(report, "/scenarios") {
            let id = text(scenario, "/id");
            let outcome = &scenario["outcome"];
            match text(outcome, "/status") {
                "failed" => {
                    failed.insert(id);
                    let told = told(outcome);
                    match self.red.get(id) {
                        None => wrong.push(format!("{id} should not fail: {told}")),
                        Some(reason) if !told.contains(reason.as_str()) => {
                            wrong.push(format!("{id} should say {reason:?}, says: {told}"));
                        }
                        Some(_) => {}
                    }
                }
                "passed" | "skipped" => {}
                other => wrong.push(format!("{id} is {other}: {outcome}")),
            }
        }
        let missing = self.red.keys().filter(|id| !failed.contains(id.as_str()));
        wrong.extend(missing.map(|id| format!("{id} should fail")));
        for bad in ["faults", "leftBehind", "unfinished"] {
            if !list(report, &format!("/{bad}")).is_empty() {
                wrong.push(format!("the report has {bad}: {}", report[bad]));
            }
        }
        wrong
    }
}

/// The message of a failure, with what was expected and what was there.
fn told(outcome: &Value) -> String {
    let parts = ["/message", "/expected", "/actual"];
    parts.map(|part| text(outcome, part)).join("\n")
}

fn text<'value>(value: &'value Value, pointer: &str) -> &'value str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'value>(value: &'value Value, pointer: &str) -> &'value [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// `file` below the folder `fixtures` of a project, or, if it begins so, below `clusters`; and nowhere else.
fn below(project: &Path, file: &str) -> Result<PathBuf, String> {
    let path = Path::new(file);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    match is_plain {
        true if path.starts_with("clusters") => Ok(project.join(path)),
        true => Ok(project.join("fixtures").join(path)),
        false => Err(format!("{file} does not stay below fixtures/ or clusters/")),
    }
}

/// The files below `root`, by their path from there.
fn files(root: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| said(&folder, error))? {
            let path = entry.map_err(|error| said(&folder, error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(file) = path.strip_prefix(root).ok().and_then(Path::to_str) {
                files.push(file.to_owned());
            }
        }
    }
    Ok(files)
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    for file in files(from)? {
        let target = to.join(&file);
        make_parent(&target)?;
        fs::copy(from.join(&file), &target).map_err(|error| said(&target, error))?;
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    make_parent(path)?;
    fs::write(path, content).map_err(|error| said(path, error))
}

fn make_parent(path: &Path) -> Result<(), String> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|error| said(parent, error))
}

/// How many folders are in `folder`, which need not be there.
fn folders(folder: &Path) -> Result<usize, String> {
    if !folder.is_dir() {
        return Ok(0);
    }
    let entries = fs::read_dir(folder).map_err(|error| said(folder, error))?;
    Ok(entries.flatten().filter(|entry| entry.path().is_dir()).count())
}

fn said(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
