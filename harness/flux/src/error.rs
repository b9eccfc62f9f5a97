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
