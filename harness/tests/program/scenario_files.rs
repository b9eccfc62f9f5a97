//! `check`, `list` and the selection: everything that is said before a cluster starts.

use crate::world::World;
use std::fs;

#[test]
fn the_scenarios_of_the_project_are_valid() {
    let said = World::new().run(&["check"]);
    assert_eq!((said.code, said.error.as_str()), (0, ""), "{said}");
    assert!(said.output.ends_with("scenarios checked, all valid\n"), "{said}");
}

#[test]
fn every_error_of_every_file_is_told_at_once() {
    for (case, errors) in [("broken", 7), ("cycle", 1), ("without-provider", 1)] {
        let world = World::with_scenarios(case);
        let said = world.run(&["check"]);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        assert_eq!(said.error.matches("\n --> ").count(), errors, "{said}");
        world.assert_golden(case, &said);
    }
}

#[test]
fn an_invalid_file_starts_nothing() {
    let world = World::with_scenarios("broken");
    let checked = world.run(&["check"]);
    for arguments in [&["run"][..], &["run", "-n", "vacuous"], &["list"], &["up"]] {
        let said = world.run(arguments);
        assert_eq!((said.code, &said.error), (2, &checked.error), "{said}");
    }
    assert!(!world.path("run.ndjson").exists());
    world.assert_nothing_left();
}

#[test]
fn what_needs_no_file_is_not_stopped_by_a_broken_one() {
    let world = World::with_scenarios("broken");
    for arguments in [["gc"], ["down"]] {
        let said = world.run(&arguments);
        assert_eq!(said.code, 0, "{said}");
    }
}

#[test]
fn a_selection_that_chooses_nothing_has_an_exit_code_of_its_own() {
    let world = World::new();
    fs::create_dir(world.path("empty")).expect("an empty folder");
    let nothing_named: &[&str] = &["-n", "no such scenario"];
    for selection in [
        nothing_named,
        &["-n", "gitops/install", "-n", "no such scenario"],
        &["empty"],
    ] {
        for command in ["check", "list", "run"] {
            let arguments: Vec<_> = [command].into_iter().chain(selection.iter().copied()).collect();
            let said = world.run(&arguments);
            assert_eq!(
                (said.code, said.output.as_str()),
                (4, ""),
                "{arguments:?}: {said}"
            );
        }
    }
    world.assert_golden("nothing-named", &world.run(&["run", "-n", "no such scenario"]));
    world.assert_golden("nothing-at-path", &world.run(&["run", "empty"]));
    assert!(!world.path("run.ndjson").exists());
}

#[test]
fn a_path_that_is_not_there_is_wrong_usage() {
    let world = World::new();
    let said = world.run(&["check", "scenarios/no-such-file.yaml"]);
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("unknown-path", &said);
}

#[test]
fn a_list_has_what_a_scenario_needs_ahead_of_it() {
    let said = World::new().run(&["list", "-n", "drift"]);
    assert_eq!((said.code, said.error.as_str()), (0, ""), "{said}");
    let ids: Vec<_> = said
        .output
        .lines()
        .filter(|line| !line.starts_with(' '))
        .collect();
    let [operator, platform, asked @ ..] = &ids[..] else {
        panic!("{said}");
    };
    assert_eq!((*operator, *platform), ("gitops/install", "gitops/instance"));
    assert!(
        !asked.is_empty() && asked.iter().all(|id| id.contains("drift")),
        "{said}"
    );
    assert_eq!(said.output.matches("\n    proves ").count(), ids.len(), "{said}");
}
