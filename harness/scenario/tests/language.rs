//! What the head of a scenario, its matrix, its variables and the groups that it uses come to.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

use plumbline_model::Secret;
use plumbline_scenario::{
    Capability, Exclusive, Facts, ResolveError, Scenario, SecretSource, Step, Suite, Variables, Vocabulary,
    load, scenario_files,
    steps::{Condition, Manifests},
};
use serde_json::{Value, json};
use std::path::Path;

fn vocabulary() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Vocabulary {
        systems: words(&["ledger", "storefront"]),
        programs: words(&["crane"]),
        environments: words(&["dev", "prod"]),
        repositories: words(&["k8s-gitops", "k8s-platform-charts"]),
        controllers: words(&["kustomize-controller", "source-controller"]),
    }
}

fn suite() -> Suite {
    let root = Path::new("tests/language");
    let files = scenario_files(root).unwrap();
    load(&files, root, &vocabulary()).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()))
}

fn scenario<'suite>(suite: &'suite Suite, id: &str) -> &'suite Scenario {
    let found = suite.scenarios().iter().find(|scenario| scenario.id == id);
    found.unwrap_or_else(|| panic!("no {id}"))
}

const LEDGER_IN_DEV: &str = "life[environment=dev,system=ledger]";

#[test]
fn each_combination_is_a_scenario_of_its_own() {
    let suite = suite();
    let lives: Vec<(&str, &str)> = suite
        .scenarios()
        .iter()
        .filter(|scenario| scenario.id.starts_with("life"))
        .map(|scenario| (scenario.id.as_str(), scenario.claim.as_str()))
        .collect();
    insta::assert_debug_snapshot!("combinations", lives);
    let scenario = scenario(&suite, "life[environment=prod,system=storefront]");
    assert_eq!(
        Value::from(scenario.matrix.clone()),
        json!({"environment": "prod", "system": "storefront"})
    );
    assert_eq!(scenario.variables["name"], "storefront-prod");
    assert_eq!(scenario.variables["replicas"], 3);
}

#[test]
fn the_head_is_read() {
    let suite = suite();
    let scenario = scenario(&suite, LEDGER_IN_DEV);
    let tags: Vec<&str> = scenario.tags.iter().map(|tag| tag.as_str()).collect();
    assert_eq!(tags, ["slow", "onboarding"]);
    assert_eq!(scenario.capabilities[0].value, Capability::Pods);
    assert_eq!(scenario.exclusive, Exclusive::Alone);
    assert_eq!(scenario.retries, 2);
    assert_eq!(scenario.secrets["token"], SecretSource::Generated);
    assert_eq!(
        scenario.secrets["login"],
        SecretSource::Environment("REGISTRY_LOGIN".to_owned())
    );
    assert_eq!(scenario.clusters["production"].environment.value, "prod");
    assert!(scenario.uses_namespace());
}

/// Every step as it runs, with where it was written and where its groups were used.
#[test]
fn groups_are_replaced_by_their_steps() {
    let suite = suite();
    let scenario = scenario(&suite, LEDGER_IN_DEV);
    let steps: Vec<String> = scenario
        .all_steps()
        .map(|step| {
            let cluster = step.cluster.iter().map(|cluster| format!(" on {cluster}"));
            let used = step.used_at.iter().map(|place| format!("\n    used at {place}"));
            let notes: String = cluster.chain(used).collect();
            format!("{} {}: {}{notes}", step.position(), step.verb(), step.summary())
        })
        .collect();
    insta::assert_snapshot!("steps", steps.join("\n"));
}

fn variables() -> Variables {
    let outputs = json!({"merged": {"revision": "abc"}, "answer": {"status": 200}});
    Variables {
        registry: "registry.test".to_owned(),
        namespace: "life-1".to_owned(),
        outputs: outputs.as_object().cloned().unwrap(),
        secrets: [("token", "hunter22"), ("login", "sesame55")]
            .map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())))
            .into(),
    }
}

#[test]
fn what_is_known_at_run_time_is_filled_in_then() {
    let suite = suite();
    let scenario = scenario(&suite, LEDGER_IN_DEV);
    let resolved = |index: usize| scenario.steps[index].resolve(&variables()).unwrap().into_owned();
    let Step::Build(build) = resolved(4) else { panic!() };
    assert_eq!(build.name.value, "registry.test/example/app:1");
    let Step::Apply(apply) = resolved(6) else { panic!() };
    let Manifests::File { path, objects } = &apply.manifests else {
        panic!()
    };
    assert_eq!(path.value, "manifests/objects.yaml");
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["metadata"]["namespace"], "life-1");
    assert_eq!(objects[0]["data"]["revision"], "abc");
    let Step::Apply(apply) = resolved(7) else { panic!() };
    let Manifests::Here(manifest) = &apply.manifests else {
        panic!()
    };
    assert_eq!(
        manifest.value["stringData"],
        json!({"token": "hunter22", "login": "sesame55"})
    );
    let Step::Scale(scale) = resolved(8) else { panic!() };
    assert_eq!(scale.replicas, 3);
    let without = scenario.steps[7].resolve(&Variables::default()).unwrap_err();
    assert_eq!(without, ResolveError::NoSecret("token".to_owned()));
}

#[test]
fn cel_reads_the_constants_of_its_place() {
    let suite = suite();
    let scenario = scenario(&suite, LEDGER_IN_DEV);
    let read = |verb_at: &dyn Fn(&Step) -> bool| {
        let step = scenario.steps.iter().find(|step| verb_at(&step.step)).unwrap();
        Value::from(step.cel_variables(&variables()).unwrap())
    };
    let in_group = read(&|step| matches!(step, Step::Patch(_)));
    assert_eq!(
        in_group["parameters"],
        json!({"system": "ledger-dev", "mode": "hacked", "revision": "abc"})
    );
    assert_eq!(in_group["outputs"]["merged"]["revision"], "abc");
    assert_eq!(in_group["matrix"], Value::Null);
    let in_scenario = read(&|step| matches!(step, Step::Upgrade(_)));
    assert_eq!(
        in_scenario["variables"],
        json!({"name": "ledger-dev", "replicas": 3, "image": "registry.test/example/app:1"})
    );
    let last = scenario.steps.iter().rev().find(
        |step| matches!(&step.step, Step::Expect(expect) if matches!(expect.condition, Condition::That(_))),
    );
    assert!(last.is_some_and(|step| step.cel_variables(&Variables::default()).is_ok()));
}

#[test]
fn when_is_a_question_to_the_cluster() {
    let suite = suite();
    let scenario = scenario(&suite, LEDGER_IN_DEV);
    let mut facts = Facts::default();
    facts.flux.version = "2.9.2".to_owned();
    assert_eq!(scenario.applies_to(&facts), Ok(true));
    facts.flux.version = "3.0.0".to_owned();
    assert_eq!(scenario.applies_to(&facts), Ok(false));
}

/// The digest says which scenarios these are, not where they lie.
#[test]
fn the_suite_has_an_identity() {
    let suite = suite();
    let identity = suite.identity();
    assert_eq!(identity.scenarios, 6);
    assert!(identity.digest.starts_with("sha256:") && identity.digest.len() == 71);
    assert_eq!(identity, self::suite().identity());
}
