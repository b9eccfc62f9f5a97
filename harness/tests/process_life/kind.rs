//! Runs on kind that something happens to: of what the container engine holds for them, nothing is left either.

use crate::{
    attended::expect_end,
    invocation::{self, plumbline, project},
    moment::Moment,
    running::Running,
};
use libtest_mimic::{Completion, Failed, Trial};
use plumbline_keeper::{ProcessIdentity, Signal, signal};
use std::{
    fs,
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// The deadline of what the engine does, on a machine that may be busy.
const DEADLINE: Duration = Duration::from_secs(180);
/// How often the engine is asked; nobody tells of what is removed.
const LOOK: Duration = Duration::from_millis(200);

pub fn trials() -> Vec<Trial> {
    vec![
        on_kind("killed while a kind cluster is created", kill_while_created),
        on_kind("killed with its keeper on kind", kill_all),
        on_kind("a node of kind that is removed ends the run", remove_node),
    ]
}

fn on_kind(name: &str, body: fn() -> Result<(), Failed>) -> Trial {
    Trial::ignorable_test(name, move || match &*LACKING {
        Some(lacking) => Ok(Completion::ignored_with(lacking.clone())),
        None => body().map(|()| Completion::Completed),
    })
}

/// Why kind cannot be used here.
static LACKING: LazyLock<Option<String>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut command = plumbline(folder.path());
    command.arg("doctor").arg("--project").arg(project());
    command.arg("--runs").arg(folder.path().join("runs"));
    let answer = command.output().unwrap();
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    let wrong = said.lines().find(|line| line.starts_with("wrong"));
    (!answer.status.success()).then(|| format!("kind cannot be used: {}", wrong.unwrap_or(&said)))
});

/// The keeper's end comes after the harness's, and takes the cluster along.
fn kill_while_created() -> Result<(), Failed> {
    let mut run = Running::on_kind("gitops/install");
    let number = created(&run)?;
    run.signal(Signal::KILL);
    run.wait()?;
    gone(&run, &number)?;
    run.expect_nothing_left(&run.traces())
}

/// When nobody is left to do anything, the next start does.
fn kill_all() -> Result<(), Failed> {
    let mut run = Running::on_kind("gitops/install");
    let number = created(&run)?;
    let ledger = run.path("runs").join(&number).join("ledger.json");
    let ledger: serde_json::Value = serde_json::from_slice(&fs::read(ledger)?)?;
    let keepers: Vec<ProcessIdentity> = serde_json::from_value(ledger["keepers"].clone())?;
    for keeper in &keepers {
        signal(keeper, Signal::KILL)?;
    }
    run.signal(Signal::KILL);
    run.wait()?;
    // One client of the engine may have been about to do its work.
    let deadline = Instant::now() + DEADLINE;
    loop {
        run.start_another()?;
        if held(&number)?.is_empty() {
            return run.expect_nothing_left(&run.traces());
        }
        if Instant::now() >= deadline {
            return Err(run.failed(&format!("still there: {:?}", held(&number)?)));
        }
        std::thread::sleep(LOOK);
    }
}

/// What waits for the cluster hears of its end at once.
fn remove_node() -> Result<(), Failed> {
    let mut run = Running::on_kind("gitops/install");
    let number = created(&run)?;
    run.wait_for(Moment::SET_UP)?;
    docker(&[
        "rm",
        "--force",
        "--volumes",
        &format!("plumbline-{number}-control-plane"),
    ])?;
    expect_end(&mut run, 3)?;
    if !run.log().contains("has ended") {
        return Err(run.failed("nothing says that the node has ended"));
    }
    gone(&run, &number)
}

/// Waits until the engine has made the node, and returns the run's number.
fn created(run: &Running) -> Result<String, Failed> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let runs = fs::read_dir(run.path("runs")).into_iter().flatten().flatten();
        let mut numbers = runs.filter_map(|entry| entry.file_name().into_string().ok());
        if let Some(number) = numbers.find(|name| name.len() == 16)
            && held(&number)?.iter().any(|name| name.ends_with("-control-plane"))
        {
            return Ok(number);
        }
        if Instant::now() >= deadline {
            return Err(run.failed("no node was made"));
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits until the engine holds nothing of the run.
fn gone(run: &Running, number: &str) -> Result<(), Failed> {
    let deadline = Instant::now() + DEADLINE;
    while !held(number)?.is_empty() {
        if Instant::now() >= deadline {
            return Err(run.failed(&format!("still there: {:?}", held(number)?)));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The containers and networks of a run.
fn held(number: &str) -> Result<Vec<String>, Failed> {
    let name = format!("name=plumbline-{number}");
    let containers = docker(&["ps", "--all", "--filter", &name, "--format", "{{.Names}}"])?;
    let networks = docker(&["network", "ls", "--filter", &name, "--format", "{{.Name}}"])?;
    Ok(containers
        .lines()
        .chain(networks.lines())
        .map(str::to_owned)
        .collect())
}

fn docker(arguments: &[&str]) -> Result<String, Failed> {
    let answer = invocation::program(Path::new("docker"))
        .args(arguments)
        .output()?;
    match answer.status.success() {
        true => Ok(String::from_utf8_lossy(&answer.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&answer.stderr).into_owned().into()),
    }
}
