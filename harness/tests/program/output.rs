//! The streams themselves: closed ones, and bytes that a terminal would obey.

use crate::world::{Said, World};
use serde_json::Value;
use std::{fs, process::Stdio};

/// What `plumbline … | head -1` looks like once head has gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

const COMMANDS: [(&[&str], i32); 7] = [
    (&["--help"], 0),
    (&["list"], 0),
    (&["check"], 0),
    (&["tools"], 0),
    (&["gc"], 0),
    (&["report", "failed.ndjson"], 1),
    (&["run", "--offline", "--progress", "lines"], 3),
];

fn world() -> World {
    let world = World::new();
    fs::copy(World::recorded("failed"), world.path("failed.ndjson")).expect("the log can be copied");
    world
}

#[test]
fn a_closed_standard_output_is_the_readers_choice() {
    for (arguments, code) in COMMANDS {
        let said = Said::by(world().command(arguments).stdout(closed()));
        assert_eq!(said.code, code, "{arguments:?}: {said}");
        assert!(!said.error.contains("pipe"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_closed_standard_error_changes_no_exit_code() {
    for (arguments, code) in COMMANDS.into_iter().chain([(&["check", "nowhere"][..], 2)]) {
        for both in [false, true] {
            let world = world();
            let mut command = world.command(arguments);
            command.stderr(closed());
            if both {
                command.stdout(closed());
            }
            let said = Said::by(&mut command);
            assert_eq!(said.code, code, "{arguments:?}: {said}");
            world.assert_nothing_left();
        }
    }
}

#[test]
fn output_that_is_no_terminal_has_no_escapes() {
    for (arguments, _) in COMMANDS {
        for (name, value) in [
            ("NO_COLOR", "1"),
            ("NO_COLOR", ""),
            ("TERM", "dumb"),
            ("TERM", "xterm-256color"),
        ] {
            let said = Said::by(world().command(arguments).env(name, value));
            for text in [&said.output, &said.error] {
                assert!(!text.contains('\u{1b}'), "{arguments:?}: {text:?}");
            }
        }
    }
}

/// Names that the reports know by heart, where any other would be no log.
const FIXED: [&str; 6] = ["type", "status", "class", "requirements", "exit", "signal"];

/// Puts `poison` into every text of an event that is not one of plumbline's own words.
fn poisoned(value: Value, poison: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text + poison),
        Value::Array(values) => values.into_iter().map(|value| poisoned(value, poison)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match FIXED.contains(&name.as_str()) {
                true => (name, value),
                false => (name, poisoned(value, poison)),
            })
            .collect(),
        other => other,
    }
}

#[test]
fn text_of_strangers_cannot_steer_a_terminal() {
    for name in [
        "failed",
        "errored-phase",
        "errored-run",
        "interrupted",
        "left-behind",
    ] {
        let world = World::new();
        let log = fs::read_to_string(World::recorded(name)).expect("the log is there");
        let log: String = log
            .lines()
            .map(|line| {
                let event = serde_json::from_str(line).expect("the log is one");
                poisoned(event, "\u{1b}[2J\u{7}\u{202e}").to_string() + "\n"
            })
            .collect();
        fs::write(world.path("hostile.ndjson"), log).expect("my own folder");
        let said = world.run(&[
            "report",
            "hostile.ndjson",
            "--json",
            "report.json",
            "--junit",
            "report.xml",
        ]);
        assert_eq!(said.error, "", "{name}");
        let read = |file| fs::read_to_string(world.path(file)).expect("the report is written");
        for (form, text, obeyed) in [
            ("terminal", &said.output, &['\u{1b}', '\u{7}', '\u{202e}'][..]),
            ("JUnit", &read("report.xml"), &['\u{1b}', '\u{7}', '\u{202e}']),
            // JSON is for programs: direction is theirs to show, and control characters are escaped by its syntax.
            ("JSON", &read("report.json"), &['\u{1b}', '\u{7}']),
        ] {
            for line in text.lines() {
                assert!(!line.contains(obeyed), "{name}, {form}: {line:?}");
            }
        }
        assert!(said.output.contains("\\u{1b}[2J"), "{name}: nothing was hostile");
    }
}
