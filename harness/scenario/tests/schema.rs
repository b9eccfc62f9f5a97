//! The JSON Schema for editors takes what is right and refuses what has the wrong shape.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

use jsonschema::Validator;
use plumbline_scenario::{scenario_files, schema};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).unwrap()
}

/// What is wrong with a text, each with its place.
fn refusals(validator: &Validator, text: &str) -> Vec<String> {
    let document: Value = serde_saphyr::from_str(text).unwrap();
    validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn every_file_that_loads_is_taken() {
    let validator = validator();
    for folder in ["../../scenarios", "tests/valid", "tests/language"] {
        let files = scenario_files(Path::new(folder)).unwrap();
        // What steps apply is no scenario.
        let is_scenario = |path: &&PathBuf| !path.parent().unwrap().ends_with("manifests");
        for file in files.iter().filter(is_scenario) {
            let text = fs::read_to_string(file).unwrap();
            let none: [String; 0] = [];
            assert_eq!(refusals(&validator, &text), none, "{}", file.display());
        }
    }
}

/// A scenario with other lines in its head, or another step.
fn scenario(head: &str, step: &str) -> String {
    format!("claim: x\nrequirements: [GITOPS-05]\n{head}\nsteps:\n  - {step}\n")
}

const STEP: &str = "expect: {object: v1/Namespace a, absent: true}";

#[test]
fn a_placeholder_stands_for_a_number_a_word_or_a_list() {
    let validator = validator();
    for step in [
        "scale: {object: Deployment a/b, replicas: \"${matrix.replicas}\"}",
        "delete: {object: Deployment a/b, wait: \"${parameters.wait}\", within: \"${variables.time}\"}",
        "http: {url: \"http://a\", method: \"${matrix.method}\", expect: {status: \"${matrix.status}\"}}",
        "exec: {program: crane, arguments: \"${variables.arguments}\"}",
        "patch: {object: ConfigMap a/b, merge: \"${variables.change}\"}",
        "reconcile: Kustomization ${matrix.system}/${matrix.system}",
        "reconcile: {object: Kustomization a/b, cluster: production}",
        "use: {group: groups/edit, with: {a: 1}, cluster: production}",
        STEP,
    ] {
        let none: [String; 0] = [];
        assert_eq!(refusals(&validator, &scenario("", step)), none, "{step}");
    }
}

#[test]
fn what_has_the_wrong_shape_is_refused() {
    let validator = validator();
    let heads = [
        "claims: y",
        "needs: [platfrom]",
        "needs: {}",
        "tags: slow",
        "retries: 6",
        "retries: some",
        "exclusive: [1]",
        "timeout: 5 minutes",
        "skip: {issue: x}",
        "provides: pods",
        "matrix: {system: ledger}",
        "matrix: [ledger]",
        "secrets: {token: made-up}",
        "clusters: {production: prod}",
        "finally: {}",
        "variables: [a]",
    ];
    let steps = [
        "teleport: {system: ledger}",
        "onboard: {}",
        "onboard: {system: ledger, enviroment: dev}",
        "onboard: {system: ledger, within: soon}",
        "reconcile: ledger",
        "scale: {object: Deployment a/b, replicas: two}",
        "delete: {object: Deployment a/b, wait: perhaps}",
        "apply: {}",
        "apply: {manifest: {}, file: a.yaml}",
        "patch: {object: ConfigMap a/b}",
        "build: {image: \"a:1\", chart: \"b:1\"}",
        "build: {chart: \"b:1\"}",
        "http: {url: \"http://a\", method: FETCH}",
        "fault: {moon: down}",
        "fault: {git: away}",
        "fault: {repository: {name: a/b}}",
        "fault: {content: {repository: a/b, digest: \"sha256:0\", becomes: nothing}}",
        "expect: {object: Namespace a}",
        "expect: {absent: true}",
        "expect: {object: Namespace a, absent: true, count: 1}",
        "expect: {object: Namespace a, objects: {kind: Pod}, that: x}",
        "verify: {images: all}",
        "use: {with: {}}",
        "{onboard: {system: a}, offboard: {system: a}}",
    ];
    let texts = heads
        .iter()
        .map(|head| scenario(head, STEP))
        .chain(steps.iter().map(|step| scenario("", step)))
        .chain([
            "steps: []".to_owned(),
            "claim: x\nrequirements: [GITOPS-05]".to_owned(),
            scenario("", STEP).replace("GITOPS-05", "GITOPS-99"),
            "about: x\nparameters: [a]\nsteps: [{reconcile: A b}]".to_owned(),
            "about: x\nparameters: {}\nclaims: x\nsteps: [{reconcile: A b}]".to_owned(),
            "parameters: {}\nsteps: [{reconcile: A b}]".to_owned(),
        ]);
    for text in texts {
        assert!(!refusals(&validator, &text).is_empty(), "this is taken:\n{text}");
    }
}

/// The copy that editors read is the schema of this version: `INSTA_UPDATE=always` writes it.
#[test]
#[expect(clippy::disallowed_methods, reason = "goldens are written anew on request")]
fn the_copy_beside_the_scenarios_is_this_schema() {
    let path = Path::new("../../scenarios/scenario.schema.json");
    let text = format!("{:#}\n", schema());
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(path, &text).unwrap();
    }
    let copy = fs::read_to_string(path).unwrap_or_default();
    assert!(
        copy == text,
        "scenarios/scenario.schema.json is another one: run this test with INSTA_UPDATE=always"
    );
}
