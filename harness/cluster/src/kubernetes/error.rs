//! What the API server can answer instead of what was asked for, sorted by whether asking again can help.

use super::KindReference;
use std::fmt;

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
    /// The client could not be set up.
    #[error("cannot use the access data of the cluster: {message}")]
    Access {
        /// What is wrong with it.
        message: String,
    },
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
    /// Sorts an error of the client.
    pub(crate) fn from_client(action: impl Into<String>, error: kube::Error) -> Self {
        let action = action.into();
        let kube::Error::Api(status) = &error else {
            let message = root_cause(&error);
            return Self::Transient {
                action,
                message,
                source: Box::new(error),
            };
        };
        if is_transient(status) {
            let message = status.message.clone();
            return Self::Transient {
                action,
                message,
                source: Box::new(error),
            };
        }
        let causes = status.details.iter().flat_map(|details| &details.causes);
        Self::Refused {
            action,
            code: status.code,
            reason: status.reason.clone(),
            message: status.message.clone(),
            causes: causes
                .map(|cause| Cause {
                    field: cause.field.clone(),
                    message: cause.message.clone(),
                })
                .collect(),
        }
    }

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

/// 429 and most of 5xx pass. A plain 500 needs a look: strict validation answers with a 500 that has no reason, and
/// asking again would never help.
fn is_transient(status: &kube::core::Status) -> bool {
    match status.code {
        429 | 502..=504 => true,
        500 => {
            !status.reason.is_empty() && status.reason != "InternalError"
                || status.message.contains("failed calling webhook")
                || status.message.contains("etcdserver")
                || status.message.contains("connection refused")
        }
        // A namespace that is just being made has no default ServiceAccount yet, and says so with a 403.
        403 => status.message.contains("error looking up service account"),
        _ => false,
    }
}

/// The innermost error says what happened; the outer ones only say where.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
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

    fn answer(code: u16, reason: &str, message: &str) -> KubernetesError {
        let status = Status::failure(message, reason).with_code(code).boxed();
        KubernetesError::from_client("get v1/ConfigMap a/b", kube::Error::Api(status))
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        assert!(answer(429, "TooManyRequests", "slow down").is_transient());
        assert!(answer(503, "ServiceUnavailable", "starting").is_transient());
        assert!(answer(500, "InternalError", "failed calling webhook \"x\": timeout").is_transient());
        for (code, reason) in [
            (403, "Forbidden"),
            (404, "NotFound"),
            (409, "Conflict"),
            (422, "Invalid"),
            (500, ""),
        ] {
            assert!(!answer(code, reason, "no").is_transient(), "{code}");
        }
        assert!(answer(404, "NotFound", "no").is_not_found());
        assert!(answer(409, "Conflict", "no").is_conflict());
    }

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
