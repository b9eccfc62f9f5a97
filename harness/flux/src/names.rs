//! The names that stay the same from run to run, so that Git commits do; only ports differ.

/// The private registry: everything that the cluster runs is pulled from here.
pub const PRIVATE_REGISTRY: &str = "registry.plumbline.test";
/// The Git server.
pub const GIT_SERVER: &str = "git.plumbline.test";
/// The webhook sink.
pub const WEBHOOK_SINK: &str = "hooks.plumbline.test";
/// The public registries that *upstream* stands for.
pub const PUBLIC_REGISTRIES: [&str; 3] = ["ghcr.io", "docker.io", "quay.io"];
/// Where the platform's own images come from.
pub const PLATFORM_SOURCE: &str = "ghcr.io";
/// The repository prefix of the sample applications in `fixtures/images`.
pub const SAMPLE_REPOSITORY: &str = "plumbline-fixtures";
/// Where trivy's authors publish its vulnerability database.
pub const PUBLISHED_DATABASE: &str = "ghcr.io/aquasecurity/trivy-db:2";
/// Where the private registry has it, as the platform's scans name it.
pub const DATABASE: &str = "registry.plumbline.test/trivy/trivy-db:2";
/// The namespace of the Flux layer.
pub const FLUX_NAMESPACE: &str = "flux-system";
/// The Secret with the Git login, as the registrations name it.
pub const GIT_SECRET: &str = "git-credentials";
/// The Secret with the login of the private registry.
pub const REGISTRY_SECRET: &str = "registry-credentials";
/// The repository that Flux itself watches.
pub const GITOPS_REPOSITORY: &str = "k8s-gitops";
/// The chart of the operator in that repository.
pub const OPERATOR_CHART: &str = "flux-operator";

/// Kyverno's chart in that repository.
pub const KYVERNO_CHART: &str = "kyverno";
/// The chart of what Kyverno enforces.
pub const POLICIES_CHART: &str = "kyverno-policies";
/// Kyverno's namespace.
pub const KYVERNO_NAMESPACE: &str = "kyverno";
/// What has the public keys that images are verified with: in Flux's namespace a Secret, in Kyverno's a ConfigMap.
pub const TRUSTED_KEYS: &str = "trusted-keys";

/// The branch of an environment, named like it; only production's branch of `k8s-gitops` is `master`.
#[must_use]
pub fn branch_of<'a>(repository: &str, environment: &'a str) -> &'a str {
    if repository == GITOPS_REPOSITORY && environment == "prod" {
        "master"
    } else {
        environment
    }
}

/// The key vault, as `azurekms://` names it.
pub const KEY_VAULT: &str = "plumbline";
/// A key in the vault that may not sign any more.
pub const RETIRED_KEY: &str = "retired";
/// The environment of the main cluster.
pub const MAIN_ENVIRONMENT: &str = "dev";

/// Every environment.
pub const ENVIRONMENTS: [&str; 3] = ["experimental", "dev", "prod"];

/// The FluxInstance of an environment, in [`GITOPS_REPOSITORY`].
#[must_use]
pub fn instance_file(environment: &str) -> String {
    format!("clusters/{environment}/flux-instance.yaml")
}
