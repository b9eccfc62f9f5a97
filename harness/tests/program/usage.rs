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
fn a_project_that_is_none_is_named() {
    let world = World::new();
    let said = Said::by(&mut world.bare_command(&["check", "--project", "bin"]));
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("not-a-project", &said);
}
