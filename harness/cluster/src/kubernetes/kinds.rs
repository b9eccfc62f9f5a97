//! The kinds that may be written without their group, because everybody knows which one is meant.

/// The group and version of a well-known kind.
pub(crate) fn well_known(kind: &str) -> Option<(&'static str, &'static str)> {
    WELL_KNOWN
        .iter()
        .find(|known| known.2 == kind)
        .map(|known| (known.0, known.1))
}

/// Group, version, kind. Kinds that several groups share (`Event`, `Ingress` of old) name the usual one.
const WELL_KNOWN: &[(&str, &str, &str)] = &[
    ("", "v1", "ConfigMap"),
    ("", "v1", "Endpoints"),
    ("", "v1", "Event"),
    ("", "v1", "LimitRange"),
    ("", "v1", "Namespace"),
    ("", "v1", "Node"),
    ("", "v1", "PersistentVolume"),
    ("", "v1", "PersistentVolumeClaim"),
    ("", "v1", "Pod"),
    ("", "v1", "ResourceQuota"),
    ("", "v1", "Secret"),
    ("", "v1", "Service"),
    ("", "v1", "ServiceAccount"),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
    ),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
    ),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    ("apps", "v1", "DaemonSet"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ReplicaSet"),
    ("apps", "v1", "StatefulSet"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ("batch", "v1", "CronJob"),
    ("batch", "v1", "Job"),
    ("coordination.k8s.io", "v1", "Lease"),
    ("discovery.k8s.io", "v1", "EndpointSlice"),
    ("fluxcd.controlplane.io", "v1", "FluxInstance"),
    ("fluxcd.controlplane.io", "v1", "FluxReport"),
    ("fluxcd.controlplane.io", "v1", "ResourceSet"),
    ("fluxcd.controlplane.io", "v1", "ResourceSetInputProvider"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
    ("image.toolkit.fluxcd.io", "v1", "ImagePolicy"),
    ("image.toolkit.fluxcd.io", "v1", "ImageRepository"),
    ("image.toolkit.fluxcd.io", "v1", "ImageUpdateAutomation"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
    ("networking.k8s.io", "v1", "Ingress"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("notification.toolkit.fluxcd.io", "v1", "Receiver"),
    ("notification.toolkit.fluxcd.io", "v1beta3", "Alert"),
    ("notification.toolkit.fluxcd.io", "v1beta3", "Provider"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "v1", "Role"),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding"),
    ("source.toolkit.fluxcd.io", "v1", "Bucket"),
    ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
    ("source.toolkit.fluxcd.io", "v1", "HelmChart"),
    ("source.toolkit.fluxcd.io", "v1", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "v1", "OCIRepository"),
    ("storage.k8s.io", "v1", "StorageClass"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_kind_is_listed_twice_and_the_table_is_sorted() {
        let kinds: BTreeSet<_> = WELL_KNOWN.iter().map(|known| known.2).collect();
        assert_eq!(kinds.len(), WELL_KNOWN.len());
        assert!(WELL_KNOWN.is_sorted());
    }

    #[test]
    fn flux_kinds_are_known_and_strangers_are_not() {
        assert_eq!(
            well_known("Kustomization"),
            Some(("kustomize.toolkit.fluxcd.io", "v1"))
        );
        assert_eq!(well_known("Widget"), None);
    }
}
