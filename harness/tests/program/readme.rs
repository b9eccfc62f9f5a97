//! What the README shows is so.

use crate::{invocation, world::World};
use std::fs;

/// Its scenarios are valid, beside those of the project.
#[test]
fn the_scenarios_of_the_readme_are_valid() {
    let world = World::new();
    let readme = fs::read_to_string(invocation::project().join("README.md")).expect("the README");
    let blocks = readme.split("```yaml\n").skip(1);
    let scenarios: Vec<&str> = blocks
        .filter_map(|block| block.split("```").next())
        .filter(|block| block.starts_with("claim:"))
        .collect();
    assert_eq!(scenarios.len(), 2);
    for (number, scenario) in scenarios.into_iter().enumerate() {
        let file = world.path(&format!("example-{number}.yaml"));
        fs::write(&file, scenario).expect("the folder is mine");
        let said = world.run(&["check", &file.display().to_string()]);
        assert_eq!(said.code, 0, "{said}");
    }
}
