//! `plumbline report` of several logs: the shards of one run are one report.

use crate::world::{Said, World};
use serde_json::Value;
use std::fs;

fn world() -> World {
    let world = World::new();
    for (log, name) in [
        ("shard-1-of-2", "first.ndjson"),
        ("shard-2-of-2", "second.ndjson"),
        ("passed", "passed.ndjson"),
    ] {
        fs::copy(World::recorded(log), world.path(name)).expect("the log can be copied");
    }
    world
}

fn report(world: &World, logs: &[&str]) -> Said {
    world.run(&[&["report", "--json", "report.json"], logs].concat())
}

#[test]
fn shards_in_any_order_are_one_run() {
    let world = world();
    let said = report(&world, &["first.ndjson", "second.ndjson"]);
    assert_eq!((said.code, said.error.as_str()), (1, ""), "{said}");
    world.assert_golden("report-merged", &said);
    let read = || fs::read_to_string(world.path("report.json")).expect("the report is written");
    let json = read();
    assert_eq!(
        report(&world, &["second.ndjson", "first.ndjson"]).output,
        said.output
    );
    assert_eq!(read(), json);
}

#[test]
fn a_shard_that_is_missing_is_told_and_never_green() {
    let world = world();
    let said = report(&world, &["first.ndjson"]);
    assert!(
        said.output
            .contains("shard 1/2: merge the logs of all 2 for the whole"),
        "{said}"
    );
    let one = fs::read_to_string(world.path("first.ndjson")).expect("my own file");
    fs::write(world.path("first-of-three.ndjson"), one.replace("1/2", "1/3")).expect("my own folder");
    fs::write(world.path("third-of-three.ndjson"), one.replace("1/2", "3/3")).expect("my own folder");
    let said = report(&world, &["first-of-three.ndjson", "third-of-three.ndjson"]);
    assert_eq!(said.code, 3, "{said}");
    let json = fs::read_to_string(world.path("report.json")).expect("the report is written");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["run"]["exitCode"], 3);
    assert!(said.output.contains("2/3"), "the missing one is named: {said}");
}

#[test]
fn logs_that_do_not_belong_together_are_refused() {
    let world = world();
    let one = fs::read_to_string(world.path("second.ndjson")).expect("my own file");
    let other = one.replacen(r#""digest": "sha256:"#, r#""digest": "sha256:0"#, 1);
    assert_ne!(one, other, "the log tells its suite");
    fs::write(world.path("other-suite.ndjson"), other).expect("my own folder");
    fs::remove_file(world.path("report.json")).ok();
    for (name, logs) in [
        ("twice", ["first.ndjson", "first.ndjson"]),
        ("no-shard", ["first.ndjson", "passed.ndjson"]),
        ("other-suite", ["first.ndjson", "other-suite.ndjson"]),
    ] {
        let said = report(&world, &logs);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        world.assert_golden(&format!("merge-{name}"), &said);
        assert!(!world.path("report.json").exists(), "{name}");
    }
}
