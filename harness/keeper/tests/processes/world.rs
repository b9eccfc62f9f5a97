//! What the tests share: a keeper in a directory of its own, a census of its processes, a harness to be killed.

use libtest_mimic::{Failed, Trial};
use plumbline_keeper::{Command, Keeper, KeeperOptions, ProcessIdentity, RunDirectory, Tier, gc};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The hidden subcommand by which this executable is a harness that waits to be killed: `<root> <tier>`.
pub const SUB_HARNESS: &str = "__sub-harness";

/// The deadline of every wait; far beyond what any of them needs.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A shell that leaves a child in a session of its own, and a grandchild in another whose parent is gone.
const TREE: &str = "setsid sleep 77001 & setsid sh -c 'setsid sleep 77002 & exit 0' & exec sleep 77003";

/// How many processes the tree and the stubborn shell are.
pub const TREE_SIZE: usize = 5;

/// The file that bequeathed commands append a line to.
pub const BEQUEATHED: &str = "bequeathed";

/// Bequeaths three commands that append a line to a file in `folder`, and revokes the last.
pub fn bequeath(keeper: &Keeper, folder: &Path) {
    for (line, is_revoked) in [("first", false), ("second", false), ("third", true)] {
        let script = format!("echo {line} >> {}", folder.join(BEQUEATHED).display());
        let will = keeper.bequeath(&shell(line, &script)).unwrap();
        if is_revoked {
            will.revoke();
        }
    }
}

/// The census of a run that is over.
pub const NOBODY: [u32; 0] = [];

pub const TIERS: [Tier; 2] = [Tier::PidNamespace, Tier::ChildSubreaper];

/// A trial whose body runs on a runtime of its own, within the deadline of all.
pub fn trial<F>(name: &str, body: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = ()>,
{
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let limit = 3 * DEADLINE;
        let ended = runtime.block_on(async { tokio::time::timeout(limit, body()).await });
        ended.map_err(|_| Failed::from(format!("not done after {} s", limit.as_secs())))
    })
}

/// The same trial in each tier; where the machine does not allow one, it says so and passes.
pub fn trial_in_tiers<F>(
    name: &'static str,
    body: impl FnOnce(Tier) -> F + Copy + Send + 'static,
) -> Vec<Trial>
where
    F: Future<Output = ()> + 'static,
{
    let in_tier = |tier: Tier| {
        trial(&format!("{name}, {tier}"), move || async move {
            if is_allowed(tier).await {
                body(tier).await;
            } else {
                eprintln!("{name}: skipped, this machine allows no {tier}");
            }
        })
    };
    TIERS.into_iter().map(in_tier).collect()
}

async fn is_allowed(tier: Tier) -> bool {
    let root = tempfile::tempdir().unwrap();
    match Keeper::start_in_tier(options(root.path()), tier).await {
        Ok(keeper) => keeper.stop().await.is_ok(),
        Err(_) => false,
    }
}

pub fn options(root: &Path) -> KeeperOptions {
    let run_directory = RunDirectory::create(root.join("runs")).unwrap();
    KeeperOptions {
        executable: PathBuf::from("/proc/self/exe"),
        run_directory,
    }
}

/// A keeper in a root of its own; the root goes with the returned guard.
pub async fn keeper(tier: Tier) -> (Keeper, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    (
        Keeper::start_in_tier(options(root.path()), tier).await.unwrap(),
        root,
    )
}

pub fn shell(name: &str, script: &str) -> Command {
    Command::new(name, "/bin/sh")
        .arguments(["-c", script])
        .environment([("PATH", "/usr/bin:/bin")])
}

/// Starts five processes that are hard to end.
pub async fn spawn_tree(keeper: &Keeper) {
    keeper.spawn(shell("tree", TREE)).await.unwrap();
    // A shell that ignores TERM, and a sleep that inherits that; `:` keeps the shell from becoming the sleep.
    keeper
        .spawn(shell("stubborn", "trap '' TERM; sleep 77004; :").stop_order(1))
        .await
        .unwrap();
    // The count alone would also be right while some are still about to become others.
    wait_for(|| {
        let found = census(keeper.run_directory().run());
        let sleeping = |number: u32| found.iter().any(|&pid| is_sleep(pid, number));
        found.len() == TREE_SIZE && (77001..=77004).all(sleeping)
    });
}

fn is_sleep(pid: u32, number: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == format!("sleep\0{number}\0").as_bytes())
}

/// Every process that carries the marker of the run.
pub fn census(run: &str) -> Vec<u32> {
    let marker = format!("PLUMBLINE_RUN={run}");
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
    let marked = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|variable| variable == marker.as_bytes())
    };
    pids.filter(marked).collect()
}

/// Waits for what no event tells: that a process which is nobody's child here has gone.
pub fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "the condition does not become true");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The processes of the keeper, outer and inner, from the ledger.
pub fn keepers(run: &Path) -> Vec<ProcessIdentity> {
    let ledger: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("ledger.json")).unwrap()).unwrap();
    serde_json::from_value(ledger["keepers"].clone()).unwrap()
}

/// A harness in another process, with a tree of children.
pub struct SubHarness {
    pub process: Child,
    pub path: PathBuf,
    pub root: tempfile::TempDir,
}

impl SubHarness {
    #[expect(
        clippy::disallowed_methods,
        reason = "the harness to be killed must not be the keeper's child"
    )]
    pub fn start(tier: Tier) -> Self {
        let root = tempfile::tempdir().unwrap();
        let tier = format!("{tier:?}");
        let mut process = std::process::Command::new(std::env::current_exe().unwrap())
            .args([SUB_HARNESS.as_ref(), root.path().as_os_str(), tier.as_ref()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            process,
            path: PathBuf::from(line.trim_end()),
            root,
        }
    }

    pub fn run(&self) -> String {
        self.path.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Kills it, and returns when the last of its threads has let go of everything.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Collects what the run has left behind, like the next start of plumbline.
    pub fn collect(&self) -> Vec<gc::Collected> {
        gc::collect(self.root.path().join("runs")).unwrap()
    }
}

impl Drop for SubHarness {
    fn drop(&mut self) {
        // It is dead already, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn run_sub_harness(arguments: &[String]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tier = TIERS
            .into_iter()
            .find(|tier| format!("{tier:?}") == arguments[1])
            .unwrap();
        let keeper = Keeper::start_in_tier(options(Path::new(&arguments[0])), tier)
            .await
            .unwrap();
        bequeath(&keeper, Path::new(&arguments[0]));
        spawn_tree(&keeper).await;
        println!("{}", keeper.run_directory().path().display());
        std::future::pending::<()>().await;
    });
    ExitCode::SUCCESS
}
