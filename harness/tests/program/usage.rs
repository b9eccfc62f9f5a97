//! Help, and what is not understood.

use crate::world::{Said, World};

fn assert_bare(name: &str, arguments: &[&str], code: i32) {
    let world = World::new();
    let said = Said::by(&mut world.bare_command(arguments));
    assert_eq!(said.code, code, "{said}");
    world.assert_golden(name, &said);
}

#[test]
fn help_tells_every_command_and_exit_code() {
    assert_bare("help", &["--help"], 0);
}

#[test]
fn help_on_run_tells_every_option() {
    assert_bare("help-run", &["help", "run"], 0);
}

#[test]
fn an_unknown_command_is_wrong_usage() {
    assert_bare("unknown-command", &["rum"], 2);
}

#[test]
fn no_command_is_wrong_usage() {
    let said = Said::by(&mut World::new().bare_command(&[]));
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
    assert!(said.error.contains("Usage: plumbline"), "{said}");
}

#[test]
fn outside_a_project_the_error_says_how_to_name_one() {
    for arguments in [["check"], ["run"], ["up"], ["tools"], ["doctor"], ["gc"]] {
        let world = World::new();
        let said = Said::by(&mut world.bare_command(&arguments));
        assert_eq!(said.code, 2, "{said}");
        world.assert_golden("no-project", &said);
    }
}

#[test]
fn writes_are_allowed_on_an_existing_cluster_only() {
    let world = World::new();
    let said = world.run(&["run", "--allow-writes", "--name", "live/applied"]);
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("allow-writes-on-ours", &said);
}

#[test]
fn a_version_that_there_is_none_of_is_told_with_those_that_there_are() {
    let world = World::new();
    for (flag, version, said_so) in [
        (
            "--kubernetes",
            "1.2.3",
            "no set `kubernetes-1.2.3`; of kubernetes it has: 1.34.4, 1.36.3",
        ),
        (
            "--flux",
            "v2.8.0",
            "no set `flux-2.8.0`; of flux it has: 2.9.0, 2.9.2",
        ),
        ("--flux", "latest", "a version is written like 1.34.4"),
    ] {
        let said = world.run(&["run", flag, version]);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        assert!(said.error.contains(said_so), "{said}");
    }
    assert!(!world.path("run.ndjson").exists());
}

#[test]
fn an_existing_cluster_has_the_versions_that_it_has() {
    let world = World::new();
    let said = world.run(&["run", "--on", "existing", "--context", "dev", "--flux", "2.9.0"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
    assert!(
        said.error
            .contains("an existing one has the versions that it has"),
        "{said}"
    );
}

#[test]
fn an_image_of_one_version_is_not_taken_for_another() {
    let mut world = World::with_scenarios("plan");
    world.set_clusters(&[("kind.yaml", "image: kindest/node:v1.34.4\n")]);
    let said = world.run(&["run", "--on", "kind", "--kubernetes", "1.36.3"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
    assert!(
        said.error
            .contains("names the image kindest/node:v1.34.4, whatever --kubernetes says: write {kubernetes}"),
        "{said}"
    );
}

#[test]
fn a_project_that_is_none_is_named() {
    let world = World::new();
    let said = Said::by(&mut world.bare_command(&["check", "--project", "bin"]));
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("not-a-project", &said);
}
