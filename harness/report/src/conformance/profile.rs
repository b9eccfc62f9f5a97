//! The profiles: which requirements a platform claims together, and what those that are extended take of the cluster.

use super::feature::Feature;
use plumbline_model::RequirementId;

/// Every profile with what it is about, in the order of the specification.
pub(super) const PROFILES: &[(&str, &str)] = &[
    ("GITOPS", "the loop: what is in Git runs, and nothing else"),
    ("ONBOARD-A", "systems with a chart of their own"),
    ("ONBOARD-B", "systems with the platform's chart and values only"),
    ("ONBOARD-C", "systems of plain manifests"),
    ("ONBOARD", "on-boarding and off-boarding by registration"),
    ("PROMOTE", "promotion from environment to environment"),
    ("SUPPLY", "images: mirrored, scanned, signed and verified"),
    ("TENANT", "systems cannot reach beyond themselves"),
    ("NOTIFY", "notifications"),
    ("AUTOMATE", "image automation"),
    ("UPGRADE", "upgrades of Flux with systems running"),
    ("RESILIENCE", "outages and load"),
];

/// The profile of a requirement: its id without the number.
pub(super) fn profile_of(requirement: RequirementId) -> &'static str {
    let id = requirement.as_str();
    id.rsplit_once('-').map_or(id, |(profile, _)| profile)
}

/// What an extended requirement takes of the cluster. Those that are not here are about plumbline's own side of the platform, or
/// about what every cluster has.
pub(super) fn features_of(requirement: RequirementId) -> &'static [Feature] {
    use Feature::{
        Buckets, ChartRepositories, CommitStatus, Decryption, GitSources, ImageAutomation, NetworkPolicies,
        OciSources, Operator, Pods, Receivers, Substitution, WorkloadIdentity,
    };
    match requirement.as_str() {
        "GITOPS-14" => &[GitSources, WorkloadIdentity],
        "GITOPS-15" => &[GitSources],
        "GITOPS-16" => &[Buckets, ChartRepositories, OciSources],
        "GITOPS-17" => &[Decryption],
        "GITOPS-18" => &[Substitution],
        "GITOPS-19" => &[Receivers],
        "SUPPLY-09" => &[ChartRepositories, OciSources],
        "TENANT-04" => &[NetworkPolicies, Pods],
        "NOTIFY-02" => &[CommitStatus],
        "AUTOMATE-01" | "AUTOMATE-02" => &[ImageAutomation],
        "UPGRADE-06" | "UPGRADE-07" => &[Operator],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::{Level, requirements};
    use std::collections::BTreeSet;

    #[test]
    fn every_requirement_is_in_a_profile_and_every_profile_has_one() {
        let used: BTreeSet<_> = requirements()
            .iter()
            .map(|requirement| profile_of(requirement.id))
            .collect();
        let known: BTreeSet<_> = PROFILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(used, known);
    }

    #[test]
    fn core_requirements_take_nothing_that_may_be_missing() {
        for requirement in requirements() {
            if requirement.level == Level::Core {
                assert!(features_of(requirement.id).is_empty(), "{}", requirement.id);
            }
        }
    }

    #[test]
    fn what_needs_pods_says_so_in_both_tables() {
        for requirement in requirements() {
            if requirement.level == Level::Extended {
                assert_eq!(
                    requirement.needs_pods,
                    features_of(requirement.id).contains(&Feature::Pods),
                    "{}",
                    requirement.id
                );
            }
        }
    }
}
