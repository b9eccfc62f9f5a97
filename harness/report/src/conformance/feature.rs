//! What a cluster can do beyond the core, and how that is seen. Nobody declares a feature.
//!
//! | feature | seen by |
//! |---|---|
//! | buckets, chart-repositories, git-sources, oci-sources | source-controller runs and the kind is served |
//! | commit-status | notification-controller runs, and alerts and providers are served |
//! | decryption, substitution | kustomize-controller runs, and Kustomizations are served at v1 |
//! | external-artifacts | the kind is served, and a controller runs with its feature gate |
//! | helm | helm-controller runs and releases are served |
//! | image-automation | both image controllers run, and their three kinds are served |
//! | multitenancy | `cluster.multitenant` is set, or the controllers refuse references to other namespaces |
//! | network-policies | `cluster.networkPolicy` is set |
//! | operator | a Deployment of the Flux Operator runs, with a known digest |
//! | pods | the cluster is not the embedded one |
//! | receivers | notification-controller runs and receivers are served |
//! | resource-sets | the kind is served and the operator runs |
//! | sharding | `sharding` is set |
//! | workload-identity | a patch of the FluxInstance names an identity |

use super::shape::Subject;

/// A feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feature {
    Buckets,
    ChartRepositories,
    CommitStatus,
    Decryption,
    ExternalArtifacts,
    GitSources,
    Helm,
    ImageAutomation,
    Multitenancy,
    NetworkPolicies,
    OciSources,
    Operator,
    Pods,
    Receivers,
    ResourceSets,
    Sharding,
    Substitution,
    WorkloadIdentity,
}

/// Every feature.
pub(super) const FEATURES: [Feature; 18] = [
    Feature::Buckets,
    Feature::ChartRepositories,
    Feature::CommitStatus,
    Feature::Decryption,
    Feature::ExternalArtifacts,
    Feature::GitSources,
    Feature::Helm,
    Feature::ImageAutomation,
    Feature::Multitenancy,
    Feature::NetworkPolicies,
    Feature::OciSources,
    Feature::Operator,
    Feature::Pods,
    Feature::Receivers,
    Feature::ResourceSets,
    Feature::Sharding,
    Feature::Substitution,
    Feature::WorkloadIdentity,
];

impl Feature {
    /// The word of the report.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Buckets => "buckets",
            Self::ChartRepositories => "chart-repositories",
            Self::CommitStatus => "commit-status",
            Self::Decryption => "decryption",
            Self::ExternalArtifacts => "external-artifacts",
            Self::GitSources => "git-sources",
            Self::Helm => "helm",
            Self::ImageAutomation => "image-automation",
            Self::Multitenancy => "multitenancy",
            Self::NetworkPolicies => "network-policies",
            Self::OciSources => "oci-sources",
            Self::Operator => "operator",
            Self::Pods => "pods",
            Self::Receivers => "receivers",
            Self::ResourceSets => "resource-sets",
            Self::Sharding => "sharding",
            Self::Substitution => "substitution",
            Self::WorkloadIdentity => "workload-identity",
        }
    }

    /// Whether the facts about a subject show it.
    pub(super) fn is_seen(self, subject: &Subject) -> bool {
        let source = |plural| runs(subject, "source-controller") && serves(subject, plural, "source");
        let notification =
            |plural| runs(subject, "notification-controller") && serves(subject, plural, "notification");
        match self {
            Self::Buckets => source("buckets"),
            Self::ChartRepositories => source("helmrepositories") && source("helmcharts"),
            Self::GitSources => source("gitrepositories"),
            Self::OciSources => source("ocirepositories"),
            Self::CommitStatus => notification("alerts") && notification("providers"),
            Self::Receivers => notification("receivers"),
            Self::Decryption | Self::Substitution => {
                runs(subject, "kustomize-controller")
                    && subject
                        .definitions
                        .get("kustomizations.kustomize.toolkit.fluxcd.io")
                        .is_some_and(|versions| versions.iter().any(|version| version == "v1"))
            }
            Self::ExternalArtifacts => {
                serves(subject, "externalartifacts", "source")
                    && any_argument(subject, |argument| {
                        argument.starts_with("--feature-gates=") && argument.contains("ExternalArtifact=true")
                    })
            }
            Self::Helm => runs(subject, "helm-controller") && serves(subject, "helmreleases", "helm"),
            Self::ImageAutomation => {
                runs(subject, "image-reflector-controller")
                    && runs(subject, "image-automation-controller")
                    && ["imagerepositories", "imagepolicies", "imageupdateautomations"]
                        .iter()
                        .all(|plural| serves(subject, plural, "image"))
            }
            Self::Multitenancy => {
                setting(subject, "cluster.multitenant") == Some("true")
                    || any_argument(subject, |argument| argument == "--no-cross-namespace-refs=true")
            }
            Self::NetworkPolicies => setting(subject, "cluster.networkPolicy") == Some("true"),
            Self::Operator => has_operator(subject),
            Self::Pods => subject.provider != "embedded",
            Self::ResourceSets => {
                has_operator(subject)
                    && subject
                        .definitions
                        .contains_key("resourcesets.fluxcd.controlplane.io")
            }
            Self::Sharding => setting(subject, "sharding.shards").is_some(),
            Self::WorkloadIdentity => setting(subject, "kustomize.patches.identity") == Some("true"),
        }
    }
}

fn runs(subject: &Subject, component: &str) -> bool {
    subject.components.contains_key(component)
}

fn serves(subject: &Subject, plural: &str, group: &str) -> bool {
    subject
        .definitions
        .get(&format!("{plural}.{group}.toolkit.fluxcd.io"))
        .is_some_and(|versions| !versions.is_empty())
}

fn has_operator(subject: &Subject) -> bool {
    subject
        .operator
        .as_ref()
        .is_some_and(|operator| !operator.digest.is_empty())
}

fn setting<'a>(subject: &'a Subject, path: &str) -> Option<&'a str> {
    subject.flux.as_ref()?.settings.get(path).map(String::as_str)
}

fn any_argument(subject: &Subject, is_it: impl Fn(&str) -> bool) -> bool {
    subject
        .components
        .values()
        .flat_map(|component| &component.arguments)
        .any(|argument| is_it(argument))
}
