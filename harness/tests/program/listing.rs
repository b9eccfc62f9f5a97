//! Listing images, as far as it goes without the operator's own data.

use crate::world::{Said, World};
use std::fs;

#[test]
fn help_on_list_tells_every_option() {
    let world = World::new();
    let said = Said::by(&mut world.bare_command(&["help", "images", "list"]));
    assert_eq!(said.code, 0, "{said}");
    world.assert_golden("help-images-list", &said);
}

#[test]
fn an_operator_that_is_not_locked_is_told_with_the_one_that_is() {
    let world = World::new();
    let said = world.run(&["images", "list", "--flux", "2.8.3", "--operator", "v0.45.1"]);
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("list-other-operator", &said);
}

#[test]
fn values_that_cannot_be_read_are_said_before_anything_is_fetched() {
    let world = World::new();
    fs::write(world.path("values.yaml"), "image: registry.example/operator\n").expect("the folder is mine");
    let asked = |values: &str| {
        let values = world.path(values).display().to_string();
        world.run(&[
            "images",
            "list",
            "--flux",
            "2.9.2",
            "--operator",
            "0.59.0",
            "--values",
            &values,
        ])
    };
    let broken = asked("values.yaml");
    assert_eq!(broken.code, 2, "{broken}");
    world.assert_golden("list-broken-values", &broken);
    let missing = asked("none.yaml");
    assert_eq!(missing.code, 3, "{missing}");
}
