//! Loading, resolving and planning of valid scenarios.

use plumbline_scenario::{
    PlanError, Reason, ScenarioStep, Selection, Stage, Step, Suite, Variables, Vocabulary, load,
    scenario_files, steps::Manifests,
};
use serde_json::json;
use std::{fs, path::Path};

fn vocabulary() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Vocabulary {
        systems: words(&["ledger"]),
        programs: words(&["crane"]),
        environments: words(&["dev"]),
        repositories: words(&["k8s-gitops"]),
        controllers: words(&["flux-operator", "kustomize-controller", "source-controller"]),
    }
}

fn with_kubectl() -> Vocabulary {
    Vocabulary {
        programs: vec!["kubectl".to_owned()],
        ..vocabulary()
    }
}

fn every_verb() -> Suite {
    load(
        &["tests/valid/every-verb.yaml".into()],
        Path::new("tests/valid"),
        &vocabulary(),
    )
    .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()))
}

#[test]
fn every_verb_loads_with_its_place_and_its_summary() {
    let suite = every_verb();
    let scenario = &suite.scenarios()[0];
    assert_eq!(scenario.id, "every-verb");
    let steps: Vec<String> = scenario
        .steps
        .iter()
        .map(|step| format!("{} {}: {}", step.position(), step.verb(), step.summary()))
        .collect();
    insta::assert_snapshot!("every-verb", steps.join("\n"));
}

#[test]
fn an_expectation_that_can_fail_is_passed_over() {
    let files = ["tests/valid/expectations.yaml".into()];
    if let Err(diagnostics) = load(&files, Path::new("tests/valid"), &with_kubectl()) {
        panic!("{}", diagnostics.render());
    }
}

#[test]
fn a_scenario_that_only_looks_keeps_what_it_is_given_apart() {
    let files = ["tests/valid/look.yaml".into()];
    let suite = load(&files, Path::new("tests/valid"), &with_kubectl())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    let scenario = &suite.scenarios()[0];
    assert!(scenario.only_looks());
    let verbs = |steps: &[ScenarioStep]| steps.iter().map(ScenarioStep::verb).collect::<Vec<_>>();
    assert_eq!(verbs(scenario.given()), ["onboard", "read"]);
    assert_eq!(
        verbs(&scenario.steps),
        ["read", "read", "expect", "expect", "expect", "expect"]
    );
    let first = scenario.steps[0].summary();
    assert_eq!(first, "read every GitRepository in flux-system");
    assert!(!every_verb().scenarios()[0].only_looks());
}

#[test]
fn a_scenario_that_writes_in_its_own_namespace_does_more_than_look() {
    let files = ["tests/valid/writes.yaml".into()];
    let suite = load(&files, Path::new("tests/valid"), &with_kubectl())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    let scenario = &suite.scenarios()[0];
    assert!(scenario.writes_in_its_own_namespace() && scenario.uses_namespace());
    assert!(!scenario.only_looks() && !scenario.comes_first());
    assert!(!every_verb().scenarios()[0].writes_in_its_own_namespace());
}

#[test]
fn what_is_filled_in_is_read_again() {
    let suite = every_verb();
    let steps = &suite.scenarios()[0].steps;
    let outputs = json!({"change": {"revision": "abc"}});
    let variables = Variables {
        registry: "registry.test".into(),
        outputs: outputs.as_object().cloned().unwrap(),
        ..Variables::default()
    };
    let step = |verb: &str| {
        steps
            .iter()
            .find(|step| step.verb() == verb)
            .unwrap()
            .resolve(&variables)
            .unwrap()
            .into_owned()
    };
    let Step::Commit(commit) = step("commit") else {
        panic!()
    };
    assert_eq!(commit.message, "calm down on registry.test");
    assert_eq!(commit.write["environments/dev/settings.yaml"], "home: ${HOME}\n");
    let Step::Apply(apply) = step("apply") else {
        panic!()
    };
    let Manifests::Here(manifest) = &apply.manifests else {
        panic!()
    };
    assert_eq!(manifest.value["data"], json!({"revision": "abc"}));
    let Step::Exec(exec) = step("exec") else { panic!() };
    assert_eq!(exec.arguments, ["digest", "registry.test/example/app:1"]);
}

#[test]
fn a_value_that_is_not_there_is_an_error() {
    let suite = every_verb();
    let apply = suite.scenarios()[0]
        .steps
        .iter()
        .find(|step| step.verb() == "apply")
        .unwrap();
    let error = apply.resolve(&Variables::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`${outputs.change.revision}` has no value: the step that names this output has not left it"
    );
}

/// A folder of scenarios with the given heads.
fn suite(files: &[(&str, &str)]) -> (tempfile::TempDir, Suite) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, head) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("below a folder")).expect("writable");
        let text = format!(
            "claim: what {name} says\nrequirements: [GITOPS-05]\n{head}\nsteps:\n  - expect: {{object: v1/Namespace a, absent: true}}\n"
        );
        fs::write(path, text).expect("writable");
    }
    let paths = scenario_files(folder.path()).expect("writable");
    let suite = load(&paths, folder.path(), &vocabulary())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    (folder, suite)
}

fn platform() -> (tempfile::TempDir, Suite) {
    suite(&[
        ("z/operator.yaml", "provides: operator"),
        ("y/platform.yaml", "provides: platform"),
        ("gitops/drift.yaml", ""),
        ("gitops/alone.yaml", "exclusive: true"),
        ("gitops/early.yaml", "needs: operator"),
        ("supply/mirror.yaml", "needs: cluster"),
    ])
}

fn planned(suite: &Suite, paths: &[&str], names: &[&str]) -> Result<Vec<(String, Reason)>, PlanError> {
    let selection = Selection {
        paths: paths.iter().map(Into::into).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Selection::default()
    };
    let plan = suite.plan(&selection)?;
    Ok(plan
        .scenarios
        .into_iter()
        .map(|planned| (planned.scenario.id.clone(), planned.reason))
        .collect())
}

#[test]
fn providers_come_first_and_those_that_run_alone_last() {
    let (_folder, suite) = platform();
    let ids: Vec<String> = planned(&suite, &[], &[])
        .unwrap()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(
        ids,
        [
            "z/operator",
            "y/platform",
            "gitops/drift",
            "gitops/early",
            "supply/mirror",
            "gitops/alone"
        ]
    );
}

#[test]
fn what_is_needed_is_added_and_marked() {
    let (folder, suite) = platform();
    let selected = |id: &str| (id.to_owned(), Reason::Selected);
    let provides = |id: &str, stage| (id.to_owned(), Reason::Provides(stage));
    assert_eq!(
        planned(&suite, &["supply"], &[]).unwrap(),
        [selected("supply/mirror")]
    );
    assert_eq!(
        planned(&suite, &["gitops/early.yaml"], &[]).unwrap(),
        [provides("z/operator", Stage::Operator), selected("gitops/early")]
    );
    let drift = [
        provides("z/operator", Stage::Operator),
        provides("y/platform", Stage::Platform),
        selected("gitops/drift"),
    ];
    assert_eq!(planned(&suite, &[], &["drift"]).unwrap(), drift);
    let path = folder.path().join("gitops/drift.yaml");
    assert_eq!(planned(&suite, &[path.to_str().unwrap()], &[]).unwrap(), drift);
}

#[test]
fn a_selection_of_nothing_is_an_error() {
    let (_folder, suite) = platform();
    assert_eq!(
        planned(&suite, &["gitops", "gitpos"], &[]),
        Err(PlanError::NothingAt("gitpos".into()))
    );
    assert_eq!(
        planned(&suite, &[], &["drift", "drfit"]),
        Err(PlanError::NothingNamed("drfit".into()))
    );
    assert_eq!(
        planned(&suite, &["supply"], &["drift"]).unwrap_err().to_string(),
        "no scenario is selected: the paths choose 1, the names choose 1, and none is chosen by all of them"
    );
    assert_eq!(
        planned(&Suite::default(), &[], &[]),
        Err(PlanError::NothingSelected)
    );
}

#[test]
fn a_scenario_needs_what_the_group_of_its_combination_needs() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let group = |name: &str, needs: &str| {
        let text = format!(
            "about: looks\nparameters: {{name: }}\n{needs}\nsteps:\n  - expect: {{object: \"v1/Namespace ${{parameters.name}}\", absent: true}}\n"
        );
        write(&format!("{name}.yaml"), &text);
    };
    group("near", "");
    group("far", "needs: [platform, pods]");
    write(
        "operator.yaml",
        "claim: b\nrequirements: [GITOPS-01]\nprovides: operator\nsteps:\n  - expect: {object: v1/Namespace a, absent: true}\n",
    );
    write(
        "platform.yaml",
        "claim: c\nrequirements: [GITOPS-01]\nprovides: platform\nsteps:\n  - expect: {object: v1/Namespace a, absent: true}\n",
    );
    write(
        "look.yaml",
        "claim: it is looked at from ${matrix.place}\nrequirements: [GITOPS-05]\nneeds: cluster\nmatrix: {place: [near, far]}\nsteps:\n  - use: {group: \"${matrix.place}\", with: {name: a}}\n",
    );
    let files = scenario_files(folder.path()).unwrap();
    let suite = load(&files, folder.path(), &Vocabulary::default())
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    let needed = |id: &str| {
        let scenario = suite
            .scenarios()
            .iter()
            .find(|scenario| scenario.id == id)
            .unwrap();
        (scenario.needs, scenario.capabilities.len())
    };
    assert_eq!(needed("look[place=near]"), (Stage::Cluster, 0));
    assert_eq!(needed("look[place=far]"), (Stage::Platform, 1));
}
