//! The requirements of the platform: every statement that a scenario can prove.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Whether a platform without it conforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A platform without it does not conform.
    Core,
    /// Reported as an extended feature.
    Extended,
}

/// One requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its id.
    pub id: RequirementId,
    /// Core or extended.
    pub level: Level,
    /// Whether only real pods can prove it; on the embedded cluster its result says *simulated*.
    pub needs_pods: bool,
    /// What it says, in one line.
    pub statement: &'static str,
}

/// The id of a known requirement, for example `GITOPS-05`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequirementId(&'static str);

impl RequirementId {
    /// The id as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The requirement itself.
    #[must_use]
    pub fn requirement(self) -> &'static Requirement {
        // An id can only be made from the table, so it is always found; the first row is a value for the type only.
        REQUIREMENTS
            .iter()
            .find(|requirement| requirement.id == self)
            .unwrap_or(&REQUIREMENTS[0])
    }
}

impl fmt::Display for RequirementId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.0)
    }
}

impl fmt::Debug for RequirementId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// No requirement has this id.
#[derive(Debug, thiserror::Error)]
#[error("unknown requirement `{0}`")]
pub struct UnknownRequirement(pub String);

impl FromStr for RequirementId {
    type Err = UnknownRequirement;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        REQUIREMENTS
            .iter()
            .find(|requirement| requirement.id.0 == text)
            .map(|requirement| requirement.id)
            .ok_or_else(|| UnknownRequirement(text.to_owned()))
    }
}

impl Serialize for RequirementId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for RequirementId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Every requirement, in the order of the report.
#[must_use]
pub fn requirements() -> &'static [Requirement] {
    REQUIREMENTS
}

const fn row(id: &'static str, level: Level, needs_pods: bool, statement: &'static str) -> Requirement {
    Requirement {
        id: RequirementId(id),
        level,
        needs_pods,
        statement,
    }
}

use Level::{Core, Extended};

#[rustfmt::skip]
const REQUIREMENTS: &[Requirement] = &[
    row("GITOPS-01", Core, false, "the operator installs by Helm into an empty cluster; a second install changes nothing"),
    row("GITOPS-02", Core, false, "the FluxInstance becomes Ready within 3m, with six controllers at the version's digests, from the private registry only"),
    row("GITOPS-03", Core, false, "an unchanged apply of a Ready instance returns at once"),
    row("GITOPS-04", Core, false, "a commit to the environment's branch is applied at exactly that revision; other branches change nothing"),
    row("GITOPS-05", Core, false, "a manual edit, delete or scale of a managed object is reverted"),
    row("GITOPS-06", Core, false, "removing a manifest from Git deletes its object; foreign objects and prune: disabled stay"),
    row("GITOPS-07", Core, false, "git revert restores the previous state"),
    row("GITOPS-08", Core, false, "a suspended Kustomization or HelmRelease changes nothing; resume catches up"),
    row("GITOPS-09", Core, false, "a second reconcile of an unchanged revision makes no write"),
    row("GITOPS-10", Core, false, "the operator puts back a controller Deployment that was edited or deleted by hand"),
    row("GITOPS-11", Core, false, "a broken commit is reported, the last good state keeps running, the next good commit recovers"),
    row("GITOPS-12", Core, false, "dependsOn holds back the dependent until its dependency is Ready"),
    row("GITOPS-13", Core, false, "uninstalling Flux leaves the workloads; re-installing adopts them without a restart"),
    row("GITOPS-14", Extended, false, "kustomize.patches reach the controllers; secretless Git login with a federated token"),
    row("GITOPS-15", Extended, false, "Git over HTTPS with a token and over SSH with known_hosts; a wrong credential is reported"),
    row("GITOPS-16", Extended, false, "Bucket, OCIRepository and HelmRepository sources"),
    row("GITOPS-17", Extended, false, "SOPS-decrypted secrets"),
    row("GITOPS-18", Extended, false, "variable substitution"),
    row("GITOPS-19", Extended, false, "a receiver webhook triggers a reconcile"),
    row("ONBOARD-A-01", Core, false, "base values, then environment values; the environment's wins"),
    row("ONBOARD-A-02", Core, false, "the target namespace is created and used"),
    row("ONBOARD-A-03", Core, false, "a chart change without a version bump is rolled out"),
    row("ONBOARD-A-04", Core, false, "a failed upgrade is cleaned up and reported; the next good revision recovers"),
    row("ONBOARD-B-01", Core, false, "values only; a RoleBinding for the group, scoped to the namespace"),
    row("ONBOARD-B-02", Core, false, "NetworkPolicy, LimitRange, quota and ServiceAccount with the SKU's exact numbers"),
    row("ONBOARD-B-03", Core, false, "a pod above the quota is refused"),
    row("ONBOARD-B-04", Core, false, "one chart change reaches every B system"),
    row("ONBOARD-B-05", Core, false, "an unknown SKU fails the release and names the allowed ones"),
    row("ONBOARD-B-06", Core, false, "a new image.tag in Git is rolled out"),
    row("ONBOARD-C-01", Core, false, "CRDs before their objects; ClusterRoles; cross-namespace objects"),
    row("ONBOARD-C-02", Core, false, "a C system that touches an object managed by a B chart is refused or detected"),
    row("ONBOARD-C-03", Core, false, "a registration without approval fails validation"),
    row("ONBOARD-01", Core, false, "one registration file on-boards; removing it off-boards everything it made"),
    row("ONBOARD-02", Core, false, "a server-side dry-run refuses unknown kinds and bad fields; an empty folder passes"),
    row("PROMOTE-01", Core, false, "a change on experimental is invisible to dev and prod until merged"),
    row("PROMOTE-02", Core, false, "promotion in order; reverting one environment leaves the others"),
    row("PROMOTE-03", Core, false, "prod signs with its own key; the other key is refused there"),
    row("SUPPLY-01", Core, false, "mirrored names are right; an index and its children keep their digests; a second mirror copies nothing"),
    row("SUPPLY-02", Core, false, "scan in audit reports, in enforce fails on HIGH and CRITICAL"),
    row("SUPPLY-03", Core, false, "sign by digest and verify with the public key, interchangeable with the cosign CLI"),
    row("SUPPLY-04", Core, false, "unsigned, wrong key, tampered, transplanted or moved: each refused"),
    row("SUPPLY-05", Core, false, "admission refuses an unsigned image and says why"),
    row("SUPPLY-06", Core, false, "a pull request copies and signs nothing"),
    row("SUPPLY-07", Core, false, "nothing is pulled from outside the private registry"),
    row("SUPPLY-08", Core, false, "the image list of a version equals what the FluxInstance runs"),
    row("SUPPLY-09", Extended, false, "OCIRepository and HelmChart verify by cosign"),
    row("SUPPLY-10", Extended, false, "key rotation"),
    row("SUPPLY-11", Extended, false, "a tool whose SHA-256 differs is not run"),
    row("SUPPLY-12", Extended, false, "remote signer"),
    row("TENANT-01", Core, false, "with multitenancy on, cross-namespace source references are refused"),
    row("TENANT-02", Core, false, "a system's ServiceAccount cannot reach beyond its namespace"),
    row("TENANT-03", Core, false, "quota and RBAC of one system do not reach another"),
    row("TENANT-04", Extended, true, "NetworkPolicy is enforced"),
    row("NOTIFY-01", Core, false, "Alert to Provider: the payload arrives for success and failure, by severity"),
    row("NOTIFY-02", Extended, false, "commit status"),
    row("AUTOMATE-01", Extended, false, "a new tag is selected by policy, committed to Git and rolled out"),
    row("AUTOMATE-02", Extended, false, "suspended automation commits nothing"),
    row("UPGRADE-01", Core, false, "from N-1 to N with systems running: nothing restarted, nothing lost"),
    row("UPGRADE-02", Core, false, "deprecated API versions are listed before the upgrade"),
    row("UPGRADE-03", Core, false, "CRD stored versions are migrated"),
    row("UPGRADE-04", Core, false, "a candidate that fails leaves the running version in charge"),
    row("UPGRADE-05", Core, false, "a verdict: safe, safe-with-changes or blocked"),
    row("UPGRADE-06", Extended, false, "downgrade behaviour is reported"),
    row("UPGRADE-07", Extended, false, "operator upgrade"),
    row("RESILIENCE-01", Extended, false, "Git server, registry or notification sink down and back: nothing lost"),
    row("RESILIENCE-02", Extended, false, "a killed controller, a lost storage, an API server restart"),
    row("RESILIENCE-03", Extended, false, "100 systems on-boarded at once"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_parse_to_themselves() {
        let ids: BTreeSet<_> = requirements()
            .iter()
            .map(|requirement| requirement.id.as_str())
            .collect();
        assert_eq!(ids.len(), requirements().len());
        for requirement in requirements() {
            let parsed: RequirementId = requirement.id.as_str().parse().unwrap();
            assert_eq!(parsed.requirement(), requirement);
        }
    }

    #[test]
    fn an_unknown_id_is_named() {
        assert_eq!(
            "GITOPS-99".parse::<RequirementId>().unwrap_err().to_string(),
            "unknown requirement `GITOPS-99`"
        );
    }
}
