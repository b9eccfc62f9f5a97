//! `plumbline table`: what several environments found, side by side.

use crate::world::{Said, World};
use std::fs;

/// The environments of which runs are recorded.
const ENVIRONMENTS: [&str; 3] = ["embedded", "kind", "existing"];

fn world() -> World {
    let world = World::new();
    for environment in ENVIRONMENTS {
        let log = World::recorded(&format!("environment-{environment}"));
        fs::copy(log, world.path(&format!("{environment}.ndjson"))).expect("the log can be copied");
    }
    world
}

fn table(world: &World, arguments: &[&str]) -> Said {
    world.run(&[&["table"], arguments].concat())
}

#[test]
fn every_environment_is_a_column() {
    let world = world();
    let said = table(&world, &["embedded.ndjson", "kind.ndjson", "existing.ndjson"]);
    // One of the runs failed; that is in the table, and the exit code is that of making it.
    assert_eq!((said.code, said.error.as_str()), (0, ""), "{said}");
    world.assert_golden("table", &said);
    let written = table(
        &world,
        &[
            "embedded.ndjson",
            "kind.ndjson",
            "existing.ndjson",
            "--output=table.md",
        ],
    );
    assert_eq!((written.code, written.output.as_str()), (0, ""), "{written}");
    let file = fs::read_to_string(world.path("table.md")).expect("the table is written");
    assert_eq!(file, said.output);
}

#[test]
fn a_run_that_was_killed_has_a_column_that_says_so() {
    let world = world();
    let log = fs::read_to_string(world.path("kind.ndjson")).expect("my own file");
    let cut = log
        .rsplit_once("\"type\": \"run-finished\"")
        .expect("the log ends")
        .0;
    fs::write(world.path("kind.ndjson"), cut).expect("my own file");
    let said = table(&world, &["kind.ndjson"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.output.contains("(exit code 3)` (1)"), "{said}");
    assert!(
        said.output
            .contains("\n1. `run: the log breaks off: the run was killed before its end`\n"),
        "{said}"
    );
}

#[test]
fn what_makes_no_table_is_refused_and_nothing_is_written() {
    let world = world();
    fs::copy(World::recorded("shard-1-of-2"), world.path("shard.ndjson")).expect("the log can be copied");
    fs::write(world.path("empty.ndjson"), "").expect("my own folder");
    for (name, logs) in [
        (
            "table-twice",
            &["kind.ndjson", "embedded.ndjson", "kind.ndjson"][..],
        ),
        ("table-shard", &["kind.ndjson", "shard.ndjson"]),
        ("table-no-log", &["kind.ndjson", "empty.ndjson"]),
        ("table-missing", &["kind.ndjson", "none.ndjson"]),
        ("table-nothing", &[]),
    ] {
        let said = table(&world, &[&["--output=table.md"], logs].concat());
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        world.assert_golden(name, &said);
        assert!(!world.path("table.md").exists(), "{name}");
    }
}

#[test]
fn the_table_is_not_written_over_a_log() {
    let world = world();
    let before = fs::read(world.path("kind.ndjson")).expect("my own file");
    let said = table(&world, &["kind.ndjson", "--output", "kind.ndjson"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
    assert_eq!(fs::read(world.path("kind.ndjson")).expect("my own file"), before);
}
