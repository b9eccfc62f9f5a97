//! How a verb of the platform ends when it does not do what it says.

use plumbline_cluster::KubernetesError;
use plumbline_images::ImageError;
use plumbline_keeper::KeeperError;
use plumbline_model::{Failure, Fault, FaultClass, Outcome};
use plumbline_servers::ServerError;

/// Whose fault it is that a verb did not do what it says.
#[derive(Debug)]
pub enum VerbError {
    /// The platform's: it refused, or did not become what it should.
    Unmet(Box<Failure>),
    /// The environment's or plumbline's.
    Fault(Fault),
}

impl VerbError {
    /// The platform's fault, in words.
    pub fn unmet(message: impl Into<String>) -> Self {
        Self::Unmet(Box::new(Failure {
            message: message.into(),
            ..Failure::default()
        }))
    }

    /// The platform's fault: expected against actual.
    pub fn mismatch(
        message: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self::Unmet(Box::new(Failure {
            message: message.into(),
            expected: Some(expected.into()),
            actual: Some(actual.into()),
            attachments: Vec::new(),
        }))
    }

    /// The same where the machine is at fault for whatever happened, for the reason in `shortage` if there is one: what was seen
    /// of it and the evidence stay.
    #[must_use]
    pub fn on_machine(self, shortage: Option<String>) -> Self {
        let Some(shortage) = shortage else {
            return self;
        };
        let (message, attachments) = match self {
            Self::Unmet(failure) => (failure.message, failure.attachments),
            Self::Fault(fault) if fault.message.contains(&shortage) => return Self::Fault(fault),
            Self::Fault(fault) => (fault.message, fault.attachments),
        };
        Self::Fault(Fault {
            class: FaultClass::Environment,
            message: format!("{shortage}; it showed as: {message}"),
            attachments,
        })
    }

    /// The environment's fault.
    pub fn environment(error: &dyn std::error::Error) -> Self {
        Self::fault(FaultClass::Environment, chain(error))
    }

    /// A fault of the given class.
    pub fn fault(class: FaultClass, message: impl Into<String>) -> Self {
        Self::Fault(Fault {
            class,
            message: message.into(),
            attachments: Vec::new(),
        })
    }
}

/// An error and its causes in one line, without saying anything twice.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

impl From<KubernetesError> for VerbError {
    fn from(error: KubernetesError) -> Self {
        if error.is_transient() {
            Self::fault(FaultClass::Cluster, chain(&error))
        } else {
            Self::unmet(chain(&error))
        }
    }
}

impl From<ServerError> for VerbError {
    /// What a repository does not have or does not take is for the author of the change to know.
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Name { .. }
            | ServerError::Missing { .. }
            | ServerError::Exists { .. }
            | ServerError::Conflict { .. }
            | ServerError::NothingToMerge { .. } => Self::unmet(chain(&error)),
            _ => Self::environment(&error),
        }
    }
}

impl From<KeeperError> for VerbError {
    fn from(error: KeeperError) -> Self {
        Self::environment(&error)
    }
}

impl From<ImageError> for VerbError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::KeyUnreachable { .. } => Self::environment(&error),
            _ => Self::unmet(chain(&error)),
        }
    }
}

impl From<crate::FixtureError> for VerbError {
    fn from(error: crate::FixtureError) -> Self {
        Self::environment(&error)
    }
}

impl From<VerbError> for Outcome {
    fn from(error: VerbError) -> Self {
        match error {
            VerbError::Unmet(failure) => Self::Failed(*failure),
            VerbError::Fault(fault) => Self::Errored(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::Attachment;

    const FULL: &str = "the disk is full";

    fn on_full_disk(error: VerbError) -> Fault {
        match error.on_machine(Some(FULL.to_owned())) {
            VerbError::Fault(fault) => fault,
            VerbError::Unmet(failure) => panic!("the platform is blamed: {failure:?}"),
        }
    }

    #[test]
    fn a_full_disk_is_the_machines_fault_and_what_was_seen_stays() {
        let evidence = Attachment {
            title: "events".to_owned(),
            text: "ErrImagePull".to_owned(),
        };
        let failure = Failure {
            message: "FluxInstance flux: not so within 5 s".to_owned(),
            attachments: vec![evidence.clone()],
            ..Failure::default()
        };
        let fault = on_full_disk(VerbError::Unmet(Box::new(failure)));
        assert_eq!(fault.class, FaultClass::Environment);
        assert_eq!(
            fault.message,
            "the disk is full; it showed as: FluxInstance flux: not so within 5 s"
        );
        assert_eq!(fault.attachments, [evidence]);
        let dead = on_full_disk(VerbError::fault(FaultClass::Cluster, "the node has ended"));
        assert_eq!(
            (dead.class, dead.message.as_str()),
            (
                FaultClass::Environment,
                "the disk is full; it showed as: the node has ended"
            )
        );
    }

    #[test]
    fn what_tells_of_it_already_is_not_told_twice_and_nothing_changes_without_it() {
        let told = VerbError::fault(FaultClass::Environment, format!("on cluster b: {FULL}"));
        assert_eq!(on_full_disk(told).message, "on cluster b: the disk is full");
        assert!(matches!(
            VerbError::unmet("no").on_machine(None),
            VerbError::Unmet(_)
        ));
    }
}
