//! What pods are called.

/// The name of a Deployment's pod without those of its ReplicaSet and its own: `a-controller-7d9f-x2x5l`.
#[must_use]
pub fn workload_name(pod: &str) -> &str {
    let mut parts = pod.rsplitn(3, '-');
    let (_, _, workload) = (parts.next(), parts.next(), parts.next());
    workload.unwrap_or(pod)
}

#[cfg(test)]
mod tests {
    use super::workload_name;

    #[test]
    fn a_pod_is_called_after_its_deployment() {
        assert_eq!(workload_name("source-controller-7d9f-x2x5l"), "source-controller");
        assert_eq!(workload_name("plain"), "plain");
    }
}
