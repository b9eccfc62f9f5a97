//! What is left when harness and keeper are killed, one by one and together.

use crate::world::{
    BEQUEATHED, NOBODY, SubHarness, TREE_SIZE, bequeath, census, keeper, keepers, shell, spawn_tree, trial,
    trial_in_tiers, wait_for,
};
use libtest_mimic::Trial;
use plumbline_keeper::{KeeperError, PodRange, ProcessIdentity, Signal, Tier, gc, signal};
use std::os::unix::process::ExitStatusExt as _;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("pod ranges of two processes differ", pod_ranges),
        trial("forged ledger ends nobody", forged_ledger),
    ];
    trials.extend(trial_in_tiers(
        "kill -9 of the harness leaves nothing",
        harness_killed,
    ));
    trials.extend(trial_in_tiers(
        "what a harness bequeathed is run when it is killed, the newest first",
        bequeathed,
    ));
    trials.extend(trial_in_tiers(
        "what a harness bequeathed is run after a stop too, unless it was revoked",
        bequeathed_by_a_stop,
    ));
    trials.extend(trial_in_tiers(
        "kill -9 of the outer keeper is noticed and leaves no process",
        |tier| keeper_killed(tier, 0),
    ));
    trials.extend(trial_in_tiers(
        "kill -9 of the inner keeper is noticed and leaves no process",
        |tier| keeper_killed(tier, 1),
    ));
    trials.extend(trial_in_tiers(
        "kill -9 of harness and outer keeper leaves nothing for long",
        |tier| both_killed(tier, 0),
    ));
    trials.extend(trial_in_tiers(
        "kill -9 of harness and inner keeper leaves nothing for long",
        |tier| both_killed(tier, 1),
    ));
    trials.extend(trial_in_tiers(
        "kill -9 of all leaves nothing that gc does not find",
        all_killed,
    ));
    trials.extend(trial_in_tiers(
        "terminal signals do not end the keeper",
        keeper_ignores_signals,
    ));
    trials
}

fn kill(identity: &ProcessIdentity) {
    signal(identity, Signal::KILL).unwrap();
}

async fn harness_killed(tier: Tier) {
    let mut harness = SubHarness::start(tier);
    let (run, keepers) = (harness.run(), keepers(&harness.path));
    assert_eq!(census(&run).len(), TREE_SIZE);
    assert_eq!(harness.collect(), [], "a living harness is left alone");
    harness.kill();
    wait_for(|| !harness.path.exists() && keepers.iter().all(|keeper| !keeper.is_alive()));
    assert_eq!(census(&run), NOBODY);
    assert_eq!(harness.collect(), []);
}

async fn bequeathed(tier: Tier) {
    let mut harness = SubHarness::start(tier);
    let file = harness.root.path().join(BEQUEATHED);
    assert!(!file.exists());
    harness.kill();
    wait_for(|| !harness.path.exists());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "second\nfirst\n");
}

async fn bequeathed_by_a_stop(tier: Tier) {
    let (keeper, root) = keeper(tier).await;
    let file = root.path().join(BEQUEATHED);
    bequeath(&keeper, root.path());
    keeper.bequeath(&shell("fails", "exit 3")).unwrap();
    assert_eq!(keeper.stop().await.unwrap().unfulfilled, ["fails"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "second\nfirst\n");
}

async fn keeper_killed(tier: Tier, which: usize) {
    let (keeper, _root) = keeper(tier).await;
    let run_directory = keeper.run_directory().clone();
    spawn_tree(&keeper).await;
    let child = keeper.spawn(shell("child", "exec sleep 77010")).await.unwrap();
    kill(&keepers(run_directory.path())[which]);
    keeper.died().await;
    assert!(
        child.wait().await.signal().is_some(),
        "ended by the keeper that is left, or with the keeper"
    );
    assert_eq!(census(run_directory.run()), NOBODY);
    assert!(matches!(
        keeper.spawn(shell("late", ":")).await,
        Err(KeeperError::Gone)
    ));
    assert!(matches!(keeper.stop().await, Err(KeeperError::Gone)));
    assert!(run_directory.path().exists(), "the logs are still wanted");
    let path = run_directory.path().to_owned();
    drop((keeper, run_directory));
    assert!(!path.exists());
}

async fn both_killed(tier: Tier, which: usize) {
    let mut harness = SubHarness::start(tier);
    let (run, keepers) = (harness.run(), keepers(&harness.path));
    harness.kill();
    kill(&keepers[which]);
    wait_for(|| census(&run).is_empty() && keepers.iter().all(|keeper| !keeper.is_alive()));
    harness.collect();
    assert!(!harness.path.exists());
}

async fn all_killed(tier: Tier) {
    let mut harness = SubHarness::start(tier);
    let (run, keepers) = (harness.run(), keepers(&harness.path));
    for keeper in &keepers {
        kill(keeper);
    }
    harness.kill();
    wait_for(|| keepers.iter().all(|keeper| !keeper.is_alive()));
    if tier == Tier::PidNamespace {
        wait_for(|| census(&run).is_empty());
    }
    harness.collect();
    assert_eq!(census(&run), NOBODY);
    assert!(!harness.path.exists());
}

async fn keeper_ignores_signals(tier: Tier) {
    let (keeper, _root) = keeper(tier).await;
    for identity in keepers(keeper.run_directory().path()) {
        for number in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
            signal(&identity, number).unwrap();
        }
    }
    assert!(keeper.output(shell("after", ":")).await.unwrap().status.success());
    keeper.stop().await.unwrap();
}

async fn forged_ledger() {
    let (keeper, root) = keeper(Tier::ChildSubreaper).await;
    let victim = keeper.spawn(shell("victim", "exec sleep 77011")).await.unwrap();
    let identity = ProcessIdentity::of(victim.id()).unwrap();
    let reused = ProcessIdentity {
        start_time: identity.start_time - 1,
        ..identity.clone()
    };
    let dead = ProcessIdentity {
        boot_id: "an earlier boot".to_owned(),
        ..identity.clone()
    };
    let forged = root.path().join("other/0123456789abcdef");
    std::fs::create_dir_all(&forged).unwrap();
    std::fs::write(forged.join("lock"), "").unwrap();
    let ledger = serde_json::json!({
        "format": 1, "run": "0123456789abcdef", "owner": dead, "program": "x", "keepers": [reused, dead],
    });
    std::fs::write(forged.join("ledger.json"), ledger.to_string()).unwrap();
    let collected = gc::collect(root.path().join("other")).unwrap();
    assert_eq!(collected.len(), 1);
    assert_eq!(collected[0].ended, []);
    assert!(!forged.exists() && identity.is_alive());
    keeper.stop().await.unwrap();
}

async fn pod_ranges() {
    let held: Vec<_> = (0..4).map(|_| PodRange::lease().unwrap()).collect();
    let mut numbers: Vec<_> = held.iter().map(PodRange::number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), held.len());
}
