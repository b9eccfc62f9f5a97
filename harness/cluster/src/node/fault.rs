//! Faults that a simulated pod can be asked for.

use k8s_openapi::api::core::v1::Pod;

/// The annotation that asks a simulated pod for a fault.
pub const FAULT_ANNOTATION: &str = "plumbline.test/fault";

/// A way for a simulated pod to be ill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every container exits with 1 as soon as it has started.
    CrashLoop,
    /// No image can be pulled.
    ImagePull,
    /// Containers run and never become ready.
    NotReady,
}

impl Fault {
    /// The fault that the pod's annotation asks for; a word that is no fault is an error that lists those there are.
    pub(crate) fn asked_by(pod: &Pod) -> Result<Option<Self>, String> {
        let asked = pod
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(FAULT_ANNOTATION));
        match asked.map(String::as_str) {
            None | Some("") => Ok(None),
            Some("CrashLoopBackOff") => Ok(Some(Self::CrashLoop)),
            Some("ImagePullBackOff") => Ok(Some(Self::ImagePull)),
            Some("NotReady") => Ok(Some(Self::NotReady)),
            Some(other) => Err(format!(
                "unknown fault {other:?} in annotation {FAULT_ANNOTATION}: use CrashLoopBackOff, ImagePullBackOff or NotReady"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(fault: &str) -> Pod {
        serde_json::from_value(json!({"metadata": {"annotations": {FAULT_ANNOTATION: fault}}})).unwrap()
    }

    #[test]
    fn a_fault_is_asked_for_by_name() {
        assert_eq!(Fault::asked_by(&Pod::default()), Ok(None));
        assert_eq!(Fault::asked_by(&pod("NotReady")), Ok(Some(Fault::NotReady)));
        assert_eq!(
            Fault::asked_by(&pod("CrashLoopBackOff")),
            Ok(Some(Fault::CrashLoop))
        );
        assert!(
            Fault::asked_by(&pod("notready"))
                .unwrap_err()
                .contains("CrashLoopBackOff")
        );
    }
}
