//! Build services: what they are told when they are there, or when the user says so, and where.

use crate::world::{Said, World};
use std::fs;

/// `plumbline report` of a run that failed, in this environment.
fn report(world: &World, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let log = World::recorded("failed");
    let log = log.to_str().expect("the project's path is text");
    let mut command = world.command(&[&["report", log], arguments].concat());
    command.envs(environment.iter().copied());
    let said = Said::by(&mut command);
    assert_eq!(said.code, 1, "{said}");
    said
}

/// What is printed besides the terminal's report.
fn told(said: &Said) -> String {
    let lines = said.output.lines();
    let told = lines.skip_while(|line| !line.starts_with("not passed: ")).skip(1);
    told.map(|line| format!("{line}\n")).collect()
}

#[test]
fn by_hand_no_service_is_told() {
    let world = World::new();
    assert_eq!(told(&report(&world, &[], &[])), "");
    let unset = [("GITHUB_ACTIONS", "false"), ("TF_BUILD", "")];
    assert_eq!(told(&report(&world, &[], &unset)), "");
    let page = [("GITHUB_STEP_SUMMARY", "page.md")];
    report(&world, &[], &page);
    assert!(!world.path("page.md").exists());
}

#[test]
fn github_is_told_where_it_is_and_its_page_is_added_to() {
    let world = World::new();
    fs::write(world.path("page.md"), "of an earlier step\n").expect("my own folder");
    let page = world.path("page.md");
    let root = world.path("");
    let around = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", page.to_str().expect("text")),
        ("GITHUB_WORKSPACE", root.to_str().expect("text")),
    ];
    let said = report(&world, &[], &around);
    world.assert_golden("told-github", &Said::in_words(told(&said)));
    let page = fs::read_to_string(page).expect("the page is written");
    world.assert_golden("page-github", &Said::in_words(page.clone()));
    assert!(page.starts_with("of an earlier step\n"), "{page}");
    // The same by flags.
    let flags = ["--annotations", "github", "--step-summary", "mine.md"];
    assert_eq!(told(&report(&world, &flags, &[])), told(&said));
    let mine = fs::read_to_string(world.path("mine.md")).expect("the page is written");
    assert!(page.ends_with(&mine), "{mine}");
}

/// Services show a note beside the code only if the path is the one from the root of the repository.
#[test]
fn places_are_told_from_the_root_of_the_repository() {
    let world = World::new();
    let root = world.path("");
    let root = root.parent().expect("a folder is in another");
    let folder = world
        .path("")
        .strip_prefix(root)
        .expect("just taken off")
        .display()
        .to_string();
    for (flag, variable) in [
        ("github", "GITHUB_WORKSPACE"),
        ("azure", "BUILD_SOURCESDIRECTORY"),
    ] {
        let around = [(variable, root.to_str().expect("text"))];
        let told = told(&report(&world, &["--annotations", flag], &around));
        let place = format!("{}/scenarios/gitops/drift.yaml", folder.trim_end_matches('/'));
        assert!(told.contains(&place), "{told}");
    }
}

#[test]
fn azure_is_told_where_it_is() {
    let world = World::new();
    let said = report(&world, &[], &[("TF_BUILD", "True")]);
    world.assert_golden("told-azure", &Said::in_words(told(&said)));
    let quiet = report(&world, &["--annotations", "none"], &[("TF_BUILD", "True")]);
    assert_eq!(told(&quiet), "");
}

#[test]
fn a_page_that_could_not_be_written_is_refused_before_anything_starts() {
    let world = World::new();
    for (arguments, around) in [
        (&["run", "--step-summary", "no/page.md"][..], &[][..]),
        (
            &["run"],
            &[("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "no/page.md")],
        ),
    ] {
        let mut command = world.command(arguments);
        command.envs(around.iter().copied());
        let said = Said::by(&mut command);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        assert_eq!(
            said.error,
            "error: cannot write no/page.md: its folder is not there\n"
        );
    }
    assert!(!world.path("run.ndjson").exists());
}
