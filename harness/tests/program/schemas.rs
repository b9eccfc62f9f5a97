//! `plumbline schema`: what editors and readers of reports are given.

use crate::world::World;
use serde_json::Value;

#[test]
fn every_format_has_a_schema_that_is_json() {
    let world = World::new();
    for (arguments, title) in [
        (&["schema"][..], "plumbline scenario"),
        (&["schema", "scenario"], "plumbline scenario"),
        (&["schema", "report"], "plumbline report"),
        (&["schema", "conformance"], "plumbline conformance report"),
    ] {
        let said = world.run(arguments);
        assert_eq!((said.code, said.error.as_str()), (0, ""), "{said}");
        let schema: Value = serde_json::from_str(&said.output).expect("a schema is JSON");
        let told = (schema["title"].as_str(), schema["$schema"].as_str());
        assert_eq!(told.0, Some(title), "{arguments:?}");
        assert!(
            told.1.is_some_and(|dialect| dialect.contains("json-schema.org/")),
            "{arguments:?}"
        );
    }
    assert_eq!(world.run(&["schema", "junit"]).code, 2);
}
