//! The names that the scenarios of tests may use.

use plumbline_scenario::Vocabulary;

pub fn vocabulary() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Vocabulary {
        systems: words(&["ledger", "observatory", "storefront"]),
        programs: words(&["cosign", "crane", "git", "helm", "kubectl"]),
        environments: words(&["dev", "experimental", "prod"]),
        repositories: words(&["k8s-gitops", "k8s-platform-charts"]),
        controllers: words(&["flux-operator", "kustomize-controller", "source-controller"]),
    }
}
