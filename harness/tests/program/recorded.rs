//! `plumbline report`: the reports of a recorded run, and its exit code, again.

use crate::world::World;
use serde_json::Value;
use std::fs;

fn render(world: &World, name: &str) -> crate::world::Said {
    let log = World::recorded(name);
    let log = log.to_str().expect("the project's path is text");
    world.run(&["report", log, "--json", "report.json", "--junit", "report.xml"])
}

#[test]
fn a_recorded_run_reads_as_it_did() {
    for (name, code) in [
        ("passed", 0),
        ("failed", 1),
        ("errored-phase", 3),
        ("errored-scenario", 3),
        ("interrupted", 130),
        ("left-behind", 5),
        ("torn", 3),
    ] {
        let world = World::new();
        let said = render(&world, name);
        assert_eq!((said.code, said.error.as_str()), (code, ""), "{said}");
        world.assert_golden(&format!("report-{name}"), &said);
    }
}

#[test]
fn the_files_say_what_failed_and_why() {
    let world = World::new();
    render(&world, "failed");
    let read = |name| fs::read_to_string(world.path(name)).expect("the report is written");
    let mut json: Value = serde_json::from_str(&read("report.json")).expect("JSON");
    let requirements = json["requirements"].as_object_mut().expect("requirements by id");
    assert!(
        requirements.len() > 50,
        "every known requirement is in the report"
    );
    requirements.retain(|_, requirement| requirement["status"] != "not-run");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_json_snapshot!("failed-json", json);
        insta::assert_snapshot!("failed-junit", read("report.xml"));
    });
}

#[test]
fn what_is_no_log_of_a_run_gives_no_report() {
    let passed = fs::read_to_string(World::recorded("passed")).expect("the log is there");
    let without_start = passed.split_once('\n').expect("the log has lines").1;
    for (name, log) in [
        ("no-json", "PASS gitops/install\n".to_owned()),
        (
            "no-event",
            format!("{passed}{{\"at\": 12, \"event\": {{\"type\": \"surprise\"}}}}\n"),
        ),
        ("no-run", without_start.to_owned()),
        ("empty", String::new()),
    ] {
        let world = World::new();
        fs::write(world.path("run.ndjson"), log).expect("my own folder");
        let said = world.run(&["report", "--json", "report.json"]);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        world.assert_golden(&format!("log-{name}"), &said);
        assert!(!world.path("report.json").exists(), "{name}");
    }
    let world = World::new();
    let said = world.run(&["report"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
    world.assert_golden("log-missing", &said);
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_whatever_the_run_was() {
    let world = World::new();
    let log = World::recorded("passed");
    let log = log.to_str().expect("the project's path is text");
    let said = world.run(&["report", log, "--json", "no/such/report.json"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
}
