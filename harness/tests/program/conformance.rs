//! `report --conformance` and `verify-report`: what is written holds, and whatever is changed after that does not.

use crate::world::World;
use plumbline_images::KeyPair;
use plumbline_model::Secret;
use std::{fs, path::Path};

/// A folder with the log of a recorded run and its conformance report.
fn reported(log: &Path, more: &[&str]) -> World {
    let world = World::new();
    fs::copy(log, world.path("run.ndjson")).expect("the log is there");
    let arguments = ["report", "--conformance", "report.json"];
    let said = world.run(&[&arguments, more].concat());
    assert!(world.path("report.json").exists(), "{said}");
    world
}

/// A run in which everything is told that a report needs.
fn complete() -> std::path::PathBuf {
    crate::invocation::project().join("harness/report/tests/conformance/logs/first.ndjson")
}

fn replace(world: &World, from: &str, to: &str) {
    let path = world.path("report.json");
    let text = fs::read_to_string(&path).expect("the report is there");
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).expect("my own folder");
}

#[test]
fn the_report_of_every_recorded_run_holds() {
    let logs = fs::read_dir(World::logs()).expect("the logs are there");
    let logs = logs.map(|log| log.expect("the folder can be read").path());
    for log in logs.chain([complete()]) {
        let world = reported(&log, &[]);
        for by in [
            &["verify-report", "report.json"][..],
            &["verify-report", "report.json", "--log", "run.ndjson"],
        ] {
            let said = world.run(by);
            assert_eq!(
                (said.code, said.error.as_str()),
                (0, ""),
                "{}: {said}",
                log.display()
            );
        }
    }
}

#[test]
fn a_report_that_holds_says_so() {
    let world = reported(&complete(), &[]);
    world.assert_golden("verify-holds", &world.run(&["verify-report", "report.json"]));
}

#[test]
fn a_verdict_that_does_not_follow_is_refused_by_its_path() {
    let world = reported(&complete(), &[]);
    replace(&world, r#""verdict": "partial""#, r#""verdict": "success""#);
    replace(&world, r#""result": "partial""#, r#""result": "success""#);
    let said = world.run(&["verify-report", "report.json"]);
    assert_eq!(said.code, 1, "{said}");
    world.assert_golden("verify-altered", &said);
}

#[test]
fn a_fact_that_was_changed_is_found_by_the_log() {
    let world = reported(&complete(), &[]);
    replace(&world, r#""version": "v1.34.4""#, r#""version": "v1.35.0""#);
    assert_eq!(
        world.run(&["verify-report", "report.json"]).code,
        0,
        "facts follow from nothing"
    );
    let said = world.run(&["verify-report", "report.json", "--log", "run.ndjson"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(
        said.output
            .contains("$.subject.kubernetes.version is \"v1.35.0\"; what follows is \"v1.34.4\""),
        "{said}"
    );
}

#[test]
fn a_signed_report_is_its_signers_and_nobody_elses() {
    let (key, other) = (KeyPair::generate(), KeyPair::generate());
    let world = World::new();
    let private = key.private_pem().expect("a key");
    fs::write(world.path("mine.key"), private.reveal()).expect("my own folder");
    for (name, key) in [("mine.pub", &key), ("other.pub", &other)] {
        fs::write(world.path(name), key.public_pem().expect("a key")).expect("my own folder");
    }
    fs::copy(complete(), world.path("run.ndjson")).expect("the log is there");
    let said = world.run(&["report", "--conformance", "report.json", "--sign-key", "mine.key"]);
    assert_eq!(said.code, 0, "{said}");
    let verify = |key| world.run(&["verify-report", "report.json", "--key", key]);
    let said = verify("mine.pub");
    assert_eq!(said.code, 0, "{said}");
    world.assert_golden("verify-signed", &said);
    let said = verify("other.pub");
    assert_eq!(said.code, 1, "{said}");
    world.assert_golden("verify-signed-by-another", &said);
    // Facts follow from nothing in the report; the signature covers them too.
    replace(&world, r#""version": "v1.34.4""#, r#""version": "v1.35.0""#);
    assert_eq!(verify("mine.pub").code, 1);
    fs::remove_file(world.path("report.json.sig")).expect("the signature was written");
    let said = verify("mine.pub");
    assert_eq!(said.code, 2, "{said}");
    world.assert_golden("verify-without-signature", &said);
}

#[test]
fn a_key_that_cosign_encrypted_needs_its_password() {
    let key = KeyPair::generate();
    let pem = key
        .to_cosign(&Secret::new("correct horse".to_owned()))
        .expect("a key");
    let world = World::new();
    fs::write(world.path("cosign.key"), pem.reveal()).expect("my own folder");
    fs::write(world.path("cosign.pub"), key.public_pem().expect("a key")).expect("my own folder");
    fs::copy(complete(), world.path("run.ndjson")).expect("the log is there");
    let report = |password: Option<&str>| {
        let mut command = world.command(&[
            "report",
            "--conformance",
            "report.json",
            "--sign-key",
            "cosign.key",
        ]);
        command.envs(password.map(|password| ("COSIGN_PASSWORD", password)));
        crate::world::Said::by(&mut command)
    };
    for (name, password) in [
        ("sign-no-password", None),
        ("sign-wrong-password", Some("battery staple")),
    ] {
        let said = report(password);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        assert!(!world.path("report.json").exists(), "{name}");
        world.assert_golden(name, &said);
    }
    assert_eq!(report(Some("correct horse")).code, 0);
    assert_eq!(
        world
            .run(&["verify-report", "report.json", "--key", "cosign.pub"])
            .code,
        0
    );
}

#[test]
fn what_is_no_report_is_not_judged() {
    let world = World::new();
    for (name, text) in [
        ("verify-not-json", "PASS"),
        ("verify-other-json", r#"{"kind": "Pod"}"#),
    ] {
        fs::write(world.path("report.json"), text).expect("my own folder");
        let said = world.run(&["verify-report", "report.json"]);
        assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
        world.assert_golden(name, &said);
    }
    let said = world.run(&["verify-report", "missing.json"]);
    assert_eq!((said.code, said.output.as_str()), (2, ""), "{said}");
}
