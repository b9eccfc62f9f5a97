//! What would run: the selection by tags, shards, seeds and earlier runs, as `run --plan` tells it.

use crate::world::{Said, World};
use std::{collections::BTreeSet, fs};

/// The ids of a plan, in its order.
fn ids(said: &Said) -> Vec<String> {
    assert_eq!((said.code, said.error.as_str()), (0, ""), "{said}");
    let lines = said.output.lines();
    let numbered = lines.take_while(|line| line.starts_with(' ')).filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next()?.parse::<usize>().ok()?;
        words.next_back()
    });
    numbered.map(str::to_owned).collect()
}

fn plan(world: &World, arguments: &[&str]) -> Vec<String> {
    ids(&world.run(&[&["run", "--plan"], arguments].concat()))
}

/// The log of a run in which each scenario took a second longer than the one before it.
fn earlier_run(scenarios: &[(&str, &str)]) -> String {
    let ids: Vec<_> = scenarios.iter().map(|(id, _)| format!("\"{id}\"")).collect();
    let mut log = format!(
        r#"{{"at": 0, "event": {{"type": "run-started", "run": "1", "version": "0.1.0", "started": "2026-11-21T10:04:22Z", "provider": "embedded", "scenarios": [{}]}}}}
{{"at": 10, "event": {{"type": "phase-started", "phase": "platform"}}}}
{{"at": 20, "event": {{"type": "phase-finished", "phase": "platform", "duration": 4000, "outcome": {{"status": "passed"}}}}}}
"#,
        ids.join(", ")
    );
    for (number, (id, outcome)) in scenarios.iter().enumerate() {
        let duration = 1000 * (number + 1);
        let common =
            format!(r#""scenario": "{id}", "claim": "c", "file": "f.yaml", "requirements": ["GITOPS-01"]"#);
        log += &format!(
            r#"{{"at": 30, "event": {{"type": "scenario-started", {common}}}}}
{{"at": 40, "event": {{"type": "scenario-finished", {common}, "duration": {duration}, "outcome": {outcome}}}}}
"#
        );
    }
    log + r#"{"at": 50, "event": {"type": "run-finished", "duration": 50, "exit": "failed"}}
"#
}

const PASSED: &str = r#"{"status": "passed"}"#;
const FAILED: &str = r#"{"status": "failed", "message": "not so"}"#;
const NOT_BEGUN: &str = r#"{"status": "skipped", "reason": "platform failed", "cause": "prerequisite"}"#;
const LEFT_OUT: &str = r#"{"status": "skipped", "reason": "not yet", "cause": "author"}"#;

fn with_earlier_run(scenarios: &[(&str, &str)]) -> World {
    let world = World::with_scenarios("plan");
    fs::write(world.path("run.ndjson"), earlier_run(scenarios)).expect("my own folder");
    world
}

#[test]
fn a_plan_tells_order_needs_images_and_that_no_time_is_known() {
    let world = World::with_scenarios("plan");
    world.assert_golden("plan", &world.run(&["run", "--plan", "--parallel", "16"]));
    assert!(!world.path("run.ndjson").exists());
    assert!(!world.path("runs").exists());
}

#[test]
fn a_plan_tells_how_long_it_takes_as_earlier_runs_did() {
    let all = ["operator", "platform", "drift", "mirror", "sign", "alone"];
    let world = with_earlier_run(&all.map(|id| (id, PASSED)));
    world.assert_golden(
        "plan-with-earlier-run",
        &world.run(&[
            "run",
            "--plan",
            "--parallel",
            "2",
            "-n",
            "drift",
            "-n",
            "sign",
            "-n",
            "alone",
        ]),
    );
    let world = with_earlier_run(&["operator", "platform", "drift"].map(|id| (id, PASSED)));
    world.assert_golden(
        "plan-with-partial-run",
        &world.run(&["run", "--plan", "--parallel", "16", "-n", "drift", "-n", "alone"]),
    );
    let said = world.run(&["run", "--plan", "-n", "sign"]);
    assert!(
        said.output
            .ends_with("no time can be estimated: none of it ran in run.ndjson\n"),
        "{said}"
    );
}

#[test]
fn a_log_that_is_none_is_not_taken_for_an_earlier_run() {
    let world = World::with_scenarios("plan");
    fs::write(world.path("run.ndjson"), "PASS operator\n").expect("my own folder");
    let said = world.run(&["run", "--plan"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
    assert!(
        said.error
            .starts_with("error: run.ndjson: line 1 of the event log is not an event"),
        "{said}"
    );
}

#[test]
fn a_seed_orders_the_same_again_and_a_new_one_is_told() {
    let world = World::new();
    let documented = plan(&world, &[]);
    let shuffled = plan(&world, &["--shuffle=7"]);
    assert_ne!(shuffled, documented);
    assert_eq!(shuffled, plan(&world, &["--shuffle=7"]));
    let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(set(&shuffled), set(&documented));

    let said = world.run(&["run", "--plan", "--shuffle"]);
    let (_, told) = said.output.split_once("shuffled by ").expect("the seed is told");
    let flag = told.split(';').next().unwrap_or_default();
    assert_eq!(ids(&said), plan(&world, &[flag]), "{said}");

    let said = world.run(&["run", "--plan", "--shuffle=seven"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.error.contains("a seed is a whole number"), "{said}");
}

#[test]
fn shards_together_are_the_whole_and_no_scenario_is_in_two() {
    let world = World::new();
    let whole = plan(&world, &[]);
    let providers = ["gitops/install", "gitops/instance", "supply/admission-install"];
    let mut seen = BTreeSet::new();
    for shard in ["1/4", "2/4", "3/4", "4/4"] {
        let said = world.run(&["run", "--plan", "--shard", shard]);
        assert!(
            said.output.contains(&format!(" of shard {shard}, at most ")),
            "{said}"
        );
        for id in ids(&said) {
            assert!(
                seen.insert(id.clone()) || providers.contains(&id.as_str()),
                "{id} is in two shards"
            );
        }
    }
    assert_eq!(seen, whole.into_iter().collect());
}

#[test]
fn a_shard_that_is_not_there_is_wrong_usage_and_an_empty_one_selects_nothing() {
    let world = World::with_scenarios("plan");
    let mut told = String::new();
    for (shard, code) in [("0/4", 2), ("5/4", 2), ("1/0", 2), ("2", 2), ("1/40", 4)] {
        let said = world.run(&["run", "--plan", "--shard", shard]);
        assert_eq!((said.code, said.output.as_str()), (code, ""), "{shard}: {said}");
        told += said.error.lines().next().unwrap_or_default();
        told.push('\n');
    }
    world.assert_golden("shards-that-are-not-there", &Said::in_words(told));
}

#[test]
fn tags_choose_and_a_tag_that_nobody_has_is_a_mistake() {
    let world = World::with_scenarios("plan");
    for (tags, expected) in [
        (
            &["slow"][..],
            &["operator", "platform", "drift", "sign", "alone"][..],
        ),
        (&["!slow", "!images"], &["operator", "platform", "later"]),
        (&["images", "!slow"], &["mirror"]),
        (
            &["images", "slow"],
            &["operator", "platform", "drift", "mirror", "sign", "alone"],
        ),
    ] {
        let flags: Vec<_> = tags.iter().flat_map(|tag| ["--tag", tag]).collect();
        assert_eq!(plan(&world, &flags), expected, "{tags:?}");
        let said = world.run(&[&["list"], &flags[..]].concat());
        let listed: Vec<_> = said
            .output
            .lines()
            .filter(|line| !line.starts_with(' '))
            .collect();
        assert_eq!(listed, expected, "{tags:?}");
    }
    for flags in [
        &["--tag", "slwo"][..],
        &["--tag", "!slwo"],
        &["--tag", "slow", "--tag", "!slow"],
    ] {
        for command in ["list", "check", "run"] {
            let said = world.run(&[&[command], flags].concat());
            assert_eq!((said.code, said.output.as_str()), (4, ""), "{flags:?}: {said}");
        }
    }
    world.assert_golden("unknown-tag", &world.run(&["list", "--tag", "slwo"]));
}

#[test]
fn what_did_not_pass_runs_again_with_what_it_needs() {
    let rerun = ["--rerun-failed", "run.ndjson"];
    let world = with_earlier_run(&[
        ("operator", PASSED),
        ("platform", PASSED),
        ("drift", FAILED),
        ("later", LEFT_OUT),
        ("mirror", PASSED),
    ]);
    assert_eq!(plan(&world, &rerun), ["operator", "platform", "drift"]);
    let world = with_earlier_run(&[("platform", FAILED), ("drift", NOT_BEGUN), ("later", LEFT_OUT)]);
    assert_eq!(plan(&world, &rerun), ["operator", "platform", "drift"]);
    let said = world.run(&["run", "--plan", "--rerun-failed", "run.ndjson", "-n", "mirror"]);
    assert_eq!(said.code, 4, "{said}");
}

/// A log that breaks off: what has no result runs again, whether it had begun or not.
#[test]
fn what_a_killed_run_did_not_get_to_runs_again() {
    let log = earlier_run(&[("operator", PASSED), ("mirror", PASSED), ("sign", PASSED)]);
    let (finished, _) = log
        .split_once(r#"{"at": 40, "event": {"type": "scenario-finished", "scenario": "mirror""#)
        .expect("mirror ended");
    for torn in ["", r#"{"at": 40, "ev"#] {
        let world = World::with_scenarios("plan");
        fs::write(world.path("run.ndjson"), format!("{finished}{torn}")).expect("my own folder");
        assert_eq!(
            plan(&world, &["--rerun-failed", "run.ndjson"]),
            ["mirror", "sign"],
            "{torn}"
        );
    }
}

#[test]
fn a_run_in_which_all_passed_leaves_nothing_to_run_again() {
    let world = with_earlier_run(&[("mirror", PASSED), ("later", LEFT_OUT)]);
    let said = world.run(&["run", "--rerun-failed", "run.ndjson"]);
    assert_eq!((said.code, said.output.as_str()), (4, ""), "{said}");
    world.assert_golden("nothing-to-run-again", &said);
}

/// What made a run red makes it worth another run: also what is flaky, where that is red.
#[test]
fn what_was_flaky_runs_again_where_flaky_is_red() {
    let again = |name| {
        let log = World::recorded(name);
        let log = log.to_str().expect("the project's path is text");
        World::with_scenarios("plan").run(&["run", "--plan", "--rerun-failed", log])
    };
    assert!(again("flaky").error.contains("nothing to run again"));
    assert!(
        again("flaky-is-red")
            .error
            .contains("`gitops/drift` is no longer there")
    );
}

#[test]
fn scenarios_that_are_gone_and_logs_that_are_none_are_named() {
    let world = with_earlier_run(&[("mirror", FAILED), ("renamed", FAILED), ("removed", FAILED)]);
    let said = world.run(&["run", "--rerun-failed", "run.ndjson"]);
    assert_eq!((said.code, said.output.as_str()), (4, ""), "{said}");
    world.assert_golden("scenarios-that-are-gone", &said);
    let said = world.run(&["run", "--rerun-failed", "missing.ndjson"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
}
