//! Starting, stopping, and the streams of children while everything lives.

use crate::world::{NOBODY, TIERS, census, keeper, shell, spawn_tree, trial, trial_in_tiers, wait_for};
use libtest_mimic::Trial;
use plumbline_keeper::{
    Command, KeeperError, Line, Output, ProcessIdentity, Signal, Stdin, Tier, detach, log, signal,
};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Grace enough that only a child which ignores TERM is killed.
const LONG: Duration = Duration::from_secs(15);

/// What the descriptors of this process were at its start.
static INHERITED: OnceLock<Vec<String>> = OnceLock::new();

pub fn trials() -> Vec<Trial> {
    INHERITED.get_or_init(|| {
        let entries = std::fs::read_dir("/proc/self/fd").unwrap();
        let targets = entries.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        targets.map(|target| target.display().to_string()).collect()
    });
    let mut trials = vec![
        trial("programs that cannot start are named", || {
            programs_that_cannot_start(TIERS[1])
        }),
        trial("log is private, appended to, and has a tail", || {
            log_is_private(TIERS[1])
        }),
        trial("output that is dropped kills its child", || {
            dropped_output(TIERS[1])
        }),
        trial(
            "followed child is heard line by line, killed when nobody follows",
            || followed(TIERS[1]),
        ),
        trial("captured output is bounded", || {
            captured_output_is_bounded(TIERS[1])
        }),
        trial("detached program outlives its starter's handle", detached),
        trial("dropped keeper ends its children", || dropped_keeper(TIERS[1])),
    ];
    trials.extend(trial_in_tiers("statuses are told", statuses));
    trials.extend(trial_in_tiers(
        "child ignoring TERM is killed at its grace",
        stubborn_child,
    ));
    trials.extend(trial_in_tiers(
        "rest of a group ends with its leader",
        rest_of_group,
    ));
    trials.extend(trial_in_tiers(
        "environment is exact and may be large",
        environment,
    ));
    trials.extend(trial_in_tiers("pipes carry ten megabytes both ways", pipes));
    trials.extend(trial_in_tiers("children are hardened", hardened));
    trials.extend(trial_in_tiers(
        "descriptors of the harness stay with it",
        descriptors,
    ));
    trials.extend(trial_in_tiers(
        "stop ends stages in order and removes the directory",
        stop_in_order,
    ));
    trials.extend(trial_in_tiers("stop leaves no stray", stop_leaves_none));
    trials
}

async fn statuses(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    assert_eq!(keeper.tier(), tier);
    let ended = keeper
        .output(shell("good", "echo out; echo err >&2"))
        .await
        .unwrap();
    assert!(ended.status.success());
    assert_eq!(
        (ended.stdout.text().as_str(), ended.stderr.text().as_str()),
        ("out\n", "err\n")
    );
    let failed = keeper.spawn(shell("bad", "exit 7")).await.unwrap();
    assert_eq!(failed.wait().await.code(), Some(7));
    assert_eq!(
        failed.clone().wait().await.code(),
        Some(7),
        "every handle is told, as often as it asks"
    );
    let sleeping = keeper.spawn(shell("sleeping", "exec sleep 77005")).await.unwrap();
    assert!(ProcessIdentity::of(sleeping.id()).is_some() && sleeping.status().is_none());
    sleeping.signal(Signal::USR1);
    assert_eq!(sleeping.wait().await.signal(), Some(Signal::USR1.as_raw()));
    let stopped = keeper
        .spawn(shell("stopped", "exec sleep 77006").grace(LONG))
        .await
        .unwrap();
    assert_eq!(
        stopped.stop().await.unwrap().signal(),
        Some(Signal::TERM.as_raw())
    );
    keeper.stop().await.unwrap();
}

async fn followed(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let (mut output, mut error) = (Vec::new(), Vec::new());
    let each = |line: Line<'_>| match line {
        Line::Output(line) => output.push(line.to_owned()),
        Line::Error(line) => error.push(line.to_owned()),
    };
    // The middle line is no UTF-8, and the last has no end.
    let script = "echo one; printf '\\377\\n'; printf three; echo wrong >&2; exit 7";
    let status = keeper.follow(shell("talks", script), each).await.unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(output, ["one", "\u{fffd}", "three"]);
    assert_eq!(error, ["wrong"]);

    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let endless = keeper.follow(shell("endless", "echo $$; exec sleep 77008"), |line| {
        if let Line::Output(line) = line {
            told.send(line.parse::<u32>().unwrap()).unwrap();
        }
    });
    let pid = tokio::select! {
        ended = endless => panic!("{ended:?}"),
        pid = heard.recv() => pid.unwrap(),
    };
    // The kill is on its way behind the requests; the next start is behind it.
    keeper.output(shell("next", ":")).await.unwrap();
    wait_for(|| ProcessIdentity::of(pid).is_none());
    keeper.stop().await.unwrap();
}

async fn stubborn_child(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let command = shell("stubborn", "trap '' TERM; echo ready; sleep 77007; :").output(Output::Piped);
    let child = keeper.spawn(command).await.unwrap();
    let mut ready = [0; 6];
    child.take_stdout().unwrap().read_exact(&mut ready).await.unwrap();
    assert_eq!(
        child
            .stop_within(Duration::from_millis(50))
            .await
            .unwrap()
            .signal(),
        Some(Signal::KILL.as_raw())
    );
    keeper.stop().await.unwrap();
}

async fn rest_of_group(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let run = keeper.run_directory().run().to_owned();
    let ended = keeper
        .output(shell("leader", "sleep 77008 & exit 3"))
        .await
        .unwrap();
    assert_eq!(ended.status.code(), Some(3));
    wait_for(|| census(&run).is_empty());
    keeper.stop().await.unwrap();
}

async fn environment(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let variables: Vec<(String, String)> = (0..2000)
        .map(|n| (format!("NAME_{n:04}"), "v".repeat(100)))
        .collect();
    let command = Command::new("env", "/usr/bin/env").environment(variables.clone());
    let shown = keeper.output(command).await.unwrap().stdout.text();
    let marker = format!("PLUMBLINE_RUN={}", keeper.run_directory().run());
    let mut expected: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    expected.push(marker);
    let mut lines: Vec<&str> = shown.lines().collect();
    lines.sort_unstable();
    assert!(
        lines == expected,
        "{} variables came, {} were given",
        lines.len(),
        expected.len()
    );
    keeper.stop().await.unwrap();
}

async fn pipes(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let bytes: Vec<u8> = (0..10_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    let cat = || Command::new("cat", "/bin/cat").output(Output::Piped);
    let piped = keeper.spawn(cat().stdin(Stdin::Piped)).await.unwrap();
    let given = keeper
        .spawn(cat().stdin(Stdin::Bytes(bytes.clone())))
        .await
        .unwrap();
    let mut stdin = piped.take_stdin().unwrap();
    assert!(piped.take_stdin().is_none());
    let write = async {
        stdin.write_all(&bytes).await.unwrap();
        drop(stdin);
    };
    let read = async |child: &plumbline_keeper::Child| {
        let mut read = Vec::new();
        child.take_stdout().unwrap().read_to_end(&mut read).await.unwrap();
        read
    };
    let ((), from_piped, from_given) = tokio::join!(write, read(&piped), read(&given));
    assert!(from_piped == bytes && from_given == bytes);
    assert!(piped.wait().await.success() && given.wait().await.success());
    keeper.stop().await.unwrap();
}

async fn hardened(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let script = "ulimit -c; grep NoNewPrivs /proc/self/status; pwd";
    let shown = keeper
        .output(shell("hardened", script))
        .await
        .unwrap()
        .stdout
        .text();
    let directory = keeper.run_directory().path().display().to_string();
    assert_eq!(shown, format!("0\nNoNewPrivs:\t1\n{directory}\n"));
    keeper.stop().await.unwrap();
}

/// Descriptors that this process was itself started with go through to the children, as through every program; its own do
/// not.
async fn descriptors(tier: Tier) {
    let (keeper, root) = keeper(tier).await;
    let _open = std::fs::File::create(root.path().join("open")).unwrap();
    let script = "readlink /proc/self/fd/*";
    let shown = keeper
        .output(shell("descriptors", script))
        .await
        .unwrap()
        .stdout
        .text();
    for private in [root.path().to_str().unwrap(), "socket:", "anon_inode:", "memfd:"] {
        let inherited = INHERITED
            .get()
            .unwrap()
            .iter()
            .any(|target| target.contains(private));
        assert!(inherited || !shown.contains(private), "{private} is in {shown}");
    }
    keeper.stop().await.unwrap();
}

async fn stop_in_order(tier: Tier) {
    let (keeper, root) = keeper(tier).await;
    let order = root.path().join("order");
    let order_text = order.display();
    // The last stage was started first; each says when its turn came. The handles keep the pipes open: a shell that
    // reports its terminated sleep to a closed one would die of that.
    let mut children = Vec::new();
    for stage in [2_u8, 0, 1] {
        let script = format!(
            "trap 'echo {stage} >> {order_text}; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
        );
        let command = shell(&format!("stage {stage}"), &script)
            .stop_order(stage)
            .grace(LONG)
            .output(Output::Piped);
        let child = keeper.spawn(command).await.unwrap();
        let mut ready = [0; 6];
        child.take_stdout().unwrap().read_exact(&mut ready).await.unwrap();
        children.push(child);
    }
    let report = keeper.stop().await.unwrap();
    assert_eq!(std::fs::read_to_string(&order).unwrap(), "0\n1\n2\n");
    assert!(report.killed.is_empty() && report.directory_removed, "{report:?}");
    assert!(!keeper.run_directory().path().exists());
    assert!(matches!(
        keeper.spawn(shell("late", ":")).await,
        Err(KeeperError::Gone | KeeperError::File { .. })
    ));
}

async fn stop_leaves_none(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let run = keeper.run_directory().run().to_owned();
    spawn_tree(&keeper).await;
    let report = keeper.stop().await.unwrap();
    assert_eq!(report.killed, ["stubborn"]);
    assert_eq!(census(&run), NOBODY);
    assert!(!keeper.run_directory().path().exists());
}

async fn dropped_keeper(tier: Tier) {
    let (keeper, root) = keeper(tier).await;
    let run = keeper.run_directory().run().to_owned();
    spawn_tree(&keeper).await;
    drop(keeper);
    wait_for(|| census(&run).is_empty());
    assert!(!root.path().join("runs").join(run).exists());
}

async fn programs_that_cannot_start(tier: Tier) {
    let (keeper, root) = keeper(tier).await;
    let missing = keeper
        .spawn(Command::new("server", "/no/such/program"))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, KeeperError::ProgramMissing { .. })
            && missing.to_string().contains("/no/such/program")
    );
    let garbage = root.path().join("garbage");
    std::fs::write(&garbage, [0, 1, 2]).unwrap();
    std::fs::set_permissions(&garbage, std::fs::Permissions::from_mode(0o700)).unwrap();
    let refused = keeper
        .spawn(Command::new("garbage", &garbage))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.starts_with("cannot start garbage: cannot execute /"),
        "{refused}"
    );
    let nowhere = keeper
        .spawn(shell("nowhere", ":").directory("/no/such/place"))
        .await
        .unwrap_err()
        .to_string();
    assert!(nowhere.contains("working directory /no/such/place"), "{nowhere}");
    keeper.stop().await.unwrap();
}

async fn log_is_private(tier: Tier) {
    let (keeper, root) = keeper(tier).await;
    let path = root.path().join("log");
    for word in ["first", "second"] {
        let command =
            shell(word, &format!("echo {word}; echo {word} failed >&2")).output(Output::Log(path.clone()));
        keeper.spawn(command).await.unwrap().wait().await;
    }
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        log::tail(&path, 3).unwrap().lines,
        ["first failed", "second", "second failed"]
    );
    keeper.stop().await.unwrap();
}

async fn dropped_output(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let run = keeper.run_directory().run().to_owned();
    let endless = keeper.output(shell("endless", "exec sleep 77009"));
    assert!(
        tokio::time::timeout(Duration::from_millis(100), endless)
            .await
            .is_err()
    );
    // The kill is on its way behind the requests; the next start is behind it.
    keeper.output(shell("next", ":")).await.unwrap();
    wait_for(|| census(&run).is_empty());
    keeper.stop().await.unwrap();
}

async fn captured_output_is_bounded(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    let script = "echo begin; head -c 5000000 /dev/zero; echo; echo end";
    let ended = keeper.output(shell("chatty", script)).await.unwrap();
    assert_eq!(ended.stdout.total(), 5_000_011);
    assert!(ended.stdout.is_truncated() && ended.stdout.bytes().len() < 1_100_000);
    assert!(ended.stdout.text().starts_with("begin\n") && ended.stdout.text().ends_with("\nend\n"));
    keeper.stop().await.unwrap();
}

async fn detached() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    let script = "echo $MODE; trap 'echo ended; exit 0' TERM; while :; do sleep 0.02; done";
    let environment = [("PATH", "/usr/bin:/bin"), ("MODE", "detached")];
    let daemon = detach::spawn_detached("/bin/sh", ["-c", script], environment, &path).unwrap();
    wait_for(|| log::tail(&path, 1).unwrap().lines == ["detached"]);
    // The trap is set by the time that its sleep runs.
    wait_for(|| {
        std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.pid))
            .is_ok_and(|c| !c.is_empty())
    });
    assert!(signal(&daemon, Signal::TERM).unwrap());
    wait_for(|| !daemon.is_alive());
    assert_eq!(log::tail(&path, 1).unwrap().lines, ["ended"]);
    let missing = detach::spawn_detached("/no/such/daemon", ["x"], environment, &path)
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("/no/such/daemon") && missing.contains("No such file"),
        "{missing}"
    );
}
