//! Every scenario of this repository is valid, by itself and together with the others, before anything is built or started.

use plumbline_scenario::{Selection, Vocabulary, load, scenario_files};
use std::{fs, path::Path};

#[test]
fn every_scenario_of_the_repository_loads_and_makes_a_plan() {
    let repository = Path::new("../..");
    let systems = fs::read_dir(repository.join("fixtures/repos"))
        .unwrap()
        .filter_map(|entry| {
            Some(
                entry
                    .unwrap()
                    .file_name()
                    .to_str()?
                    .strip_prefix("k8s-")?
                    .to_owned(),
            )
        })
        .filter(|system| !["gitops", "platform-charts"].contains(&system.as_str()))
        .collect();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let vocabulary = Vocabulary {
        systems,
        programs: words(&["cosign", "cosign@3.1.3", "crane", "git", "helm", "kubectl"]),
        environments: words(&["dev", "experimental", "prod"]),
        repositories: words(&["k8s-gitops", "k8s-platform-charts"]),
        controllers: words(&[
            "flux-operator",
            "helm-controller",
            "kustomize-controller",
            "source-controller",
        ]),
    };
    let root = repository.join("scenarios");
    let files = scenario_files(&root).unwrap();
    let suite =
        load(&files, &root, &vocabulary).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    assert_eq!(
        suite.plan(&Selection::default()).unwrap().scenarios.len(),
        suite.scenarios().len()
    );
}
