//! What the API server can answer instead of what was asked for, sorted by whether asking again can help.

use super::KindReference;
use crate::existing::WouldWrite;
use std::{fmt, time::Duration};

/// A request to the API server that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubernetesError {
    /// The connection broke, or the server was too busy or starting: the same request may succeed later.
    #[error("{action}: the API server could not answer: {message}")]
    Transient {
        /// What was asked for.
        action: String,
        /// Why there was no answer.
        message: String,
        /// When the server asks to be asked again.
        retry_after: Option<Duration>,
        /// What became of the request.
        fate: Fate,
        /// The client's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The server understood and refused: the same request will be refused again.
    #[error("{action}: {}", refusal(*.code, .reason, .message, .causes))]
    Refused {
        /// What was asked for.
        action: String,
        /// The HTTP status.
        code: u16,
        /// The machine-readable reason, for example `Forbidden`.
        reason: String,
        /// The server's sentence.
        message: String,
        /// Field by field, where the server says so.
        causes: Vec<Cause>,
    },
    /// The cluster has no such kind, also after asking it anew.
    #[error(
        "the cluster does not know the kind {kind}; is its CustomResourceDefinition installed?{}",
        did_you_mean(.similar)
    )]
    UnknownKind {
        /// The kind that was asked for.
        kind: KindReference,
        /// Kinds of nearly the same name.
        similar: Vec<KindReference>,
    },
    /// Several groups have a kind of this name.
    #[error("the kind {kind} is in several API groups, write one of: {}", listed(.candidates))]
    AmbiguousKind {
        /// The kind that was asked for.
        kind: KindReference,
        /// The kinds of this name.
        candidates: Vec<KindReference>,
    },
    /// A namespace is missing, or was given for a kind that has none.
    #[error("{0}")]
    Scope(String),
    /// A manifest without the fields that every object has.
    #[error("the manifest has no `{field}`: every object needs apiVersion, kind and metadata.name")]
    Manifest {
        /// The field that is missing.
        field: &'static str,
    },
    /// The request could not even be written down.
    #[error("{action}: this cannot be asked for: {message}; look at the names in it")]
    Request {
        /// What was to be asked for.
        action: String,
        /// What is wrong with it.
        message: String,
    },
    /// It would have changed a cluster that is only looked at, and was not sent.
    #[error("{action}: {refused}")]
    ReadOnly {
        /// What was asked for.
        action: String,
        /// Why it was not sent.
        refused: WouldWrite,
    },
    /// The client could not be set up, or the certificates of client and server do not fit.
    #[error("cannot use the access data of the cluster: {message}")]
    Access {
        /// What is wrong with it.
        message: String,
    },
}

/// What became of a request that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The API server did not act on it.
    NotDone,
    /// It may have been done, and only the answer is missing.
    Unknown,
}

/// One field that the server did not like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The path of the field, may be empty.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => formatter.write_str(&self.message),
            field => write!(formatter, "{field}: {}", self.message),
        }
    }
}

impl KubernetesError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Whether the object, or its kind, is not there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. } | Self::UnknownKind { .. })
    }

    /// Whether somebody else changed or created the object first.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// The HTTP status of a refusal.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

fn refusal(code: u16, reason: &str, message: &str, causes: &[Cause]) -> String {
    let mut text = match reason {
        "" => format!("refused ({code}): {message}"),
        reason => format!("refused ({code} {reason}): {message}"),
    };
    // The message of most refusals already lists the causes.
    for cause in causes.iter().filter(|cause| !message.contains(&cause.message)) {
        text.push_str("; ");
        text.push_str(&cause.to_string());
    }
    text
}

fn did_you_mean(similar: &[KindReference]) -> String {
    if similar.is_empty() {
        String::new()
    } else {
        format!(" Known and similar: {}", listed(similar))
    }
}

fn listed(kinds: &[KindReference]) -> String {
    kinds
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn a_refusal_names_the_request_the_reason_and_causes_not_said_already() {
        let status = Status {
            details: Some(kube::core::response::StatusDetails {
                causes: vec![kube::core::response::StatusCause {
                    reason: "FieldManagerConflict".into(),
                    message: "conflict with \"other\"".into(),
                    field: ".data.k".into(),
                }],
                ..serde_json::from_str("{}").unwrap()
            }),
            ..Status::failure("Apply failed with 1 conflict", "Conflict").with_code(409)
        };
        let error = KubernetesError::from_client("apply v1/ConfigMap a/b", kube::Error::Api(status.boxed()));
        assert_eq!(
            error.to_string(),
            "apply v1/ConfigMap a/b: refused (409 Conflict): Apply failed with 1 conflict; .data.k: conflict with \"other\""
        );
    }
}
