//! What can go wrong with images.

use crate::name::{Digest, NameError};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use std::{error::Error, io, path::PathBuf};

type Source = Box<dyn Error + Send + Sync>;

/// Why an operation on an image failed. The classes are those that a node turns into different messages.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A text is not the name of an image.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No endpoint is known for the registry of a name.
    #[error("no registry is served under the name `{registry}` in this run; served are: {known}")]
    UnknownRegistry {
        /// The registry that was asked for.
        registry: String,
        /// The names that are known.
        known: String,
    },
    /// The client for an endpoint can't be made.
    #[error("cannot make a client for the registry `{registry}`; check its certificate authority")]
    Client {
        /// The registry.
        registry: String,
        /// What the client said.
        #[source]
        source: Source,
    },
    /// The login for a registry is where only another program gets it.
    #[error(
        "the login for {registry} is kept by the credential helper `docker-credential-{helper}`, which plumbline does not start; \
         give a configuration that has the login itself"
    )]
    CredentialHelper {
        /// The registry.
        registry: String,
        /// The name of the helper.
        helper: String,
    },
    /// The registry has no such image, or not all of it.
    #[error("{image} is not in its registry; mirror or push it first")]
    NotFound {
        /// What was asked for.
        image: String,
    },
    /// The registry refuses the credentials.
    #[error("the registry refuses access to {image}; check its credentials")]
    Unauthorized {
        /// What was asked for.
        image: String,
    },
    /// The registry can't be reached or fails.
    #[error("the registry cannot serve {image} now: {detail}")]
    Unreachable {
        /// What was asked for.
        image: String,
        /// The last failure in one line.
        detail: String,
        /// The last failure.
        #[source]
        source: Source,
    },
    /// The registry refuses a request for another reason.
    #[error("the registry refuses a request for {image}: {detail}")]
    Refused {
        /// What was asked for.
        image: String,
        /// What the registry said.
        detail: String,
        /// The failure itself.
        #[source]
        source: Source,
    },
    /// The content is not what its digest says.
    #[error(
        "{image} has other content than its digest says: {detail}; the registry or the way to it is not to be trusted"
    )]
    DigestMismatch {
        /// What was asked for.
        image: String,
        /// Which digest was wanted, and which was found.
        detail: String,
    },
    /// The image has no child for the platform of the cluster.
    #[error("{image} has no image for linux/amd64; it offers: {offered}")]
    NoPlatform {
        /// The index.
        image: String,
        /// The platforms that it has.
        offered: String,
    },
    /// A manifest, configuration, layout or data file can't be understood.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry of a layer would reach outside of the root file system, or may not be in an image at all.
    #[error("{layer} has the entry `{entry}`, which is refused: {reason}")]
    UnsafeEntry {
        /// The layer.
        layer: String,
        /// The path of the entry.
        entry: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// An image is larger than the budget for its extraction.
    #[error("{image} is larger than the {limit} that an extracted image may have")]
    TooLarge {
        /// The image.
        image: String,
        /// The budget in words.
        limit: String,
    },
    /// A file or directory can't be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried: `read`, `write`, …
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A key can't be read.
    #[error("the key cannot be used: {reason}")]
    Key {
        /// What is wrong with it; never the key itself.
        reason: String,
    },
    /// Something did not happen in time.
    #[error("{what} took longer than {seconds} s")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The deadline.
        seconds: u64,
    },
    /// A part of the work ended without a result.
    #[error("a worker for {what} ended early")]
    Worker {
        /// What it worked on.
        what: String,
        /// How it ended.
        #[source]
        source: Source,
    },
}

impl ImageError {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn malformed(what: impl ToString, reason: impl ToString) -> Self {
        Self::Malformed {
            what: what.to_string(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn digest(image: impl ToString, wanted: &Digest, found: &Digest) -> Self {
        Self::DigestMismatch {
            image: image.to_string(),
            detail: format!("wanted {wanted}, found {found}"),
        }
    }

    /// Whether another try may succeed.
    pub(crate) const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Sorts a failure of the client into the classes that matter here.
    pub(crate) fn from_client(image: &str, error: OciDistributionError) -> Self {
        let image = image.to_owned();
        match classify(&error) {
            Class::NotFound => Self::NotFound { image },
            Class::Unauthorized => Self::Unauthorized { image },
            Class::Digest => Self::DigestMismatch {
                image,
                detail: innermost(&error),
            },
            Class::Unreachable => Self::Unreachable {
                image,
                detail: innermost(&error),
                source: Box::new(error),
            },
            Class::Refused => Self::Refused {
                image,
                detail: innermost(&error),
                source: Box::new(error),
            },
        }
    }
}

enum Class {
    NotFound,
    Unauthorized,
    Digest,
    Unreachable,
    Refused,
}

fn classify(error: &OciDistributionError) -> Class {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => Class::NotFound,
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            Class::Unauthorized
        }
        OciDistributionError::DigestError(_) => Class::Digest,
        OciDistributionError::ServerError { code, .. } => class_of_status(*code),
        OciDistributionError::RequestError(request) => match request.status() {
            Some(status) => class_of_status(status.as_u16()),
            None if request.is_builder() => Class::Refused,
            None => Class::Unreachable,
        },
        OciDistributionError::RegistryError { envelope, .. } => envelope
            .errors
            .first()
            .map_or(Class::Refused, |first| class_of_code(&first.code)),
        // A verifying stream reports a wrong digest as an error of input.
        OciDistributionError::IoError(error) => {
            if chain(error).any(|cause| cause.is::<oci_client::errors::DigestError>()) {
                Class::Digest
            } else {
                Class::Unreachable
            }
        }
        _ => Class::Refused,
    }
}

const fn class_of_status(code: u16) -> Class {
    match code {
        404 => Class::NotFound,
        401 | 403 => Class::Unauthorized,
        408 | 429 | 500.. => Class::Unreachable,
        _ => Class::Refused,
    }
}

fn class_of_code(code: &OciErrorCode) -> Class {
    match code {
        OciErrorCode::BlobUnknown
        | OciErrorCode::ManifestUnknown
        | OciErrorCode::NameUnknown
        | OciErrorCode::NotFound => Class::NotFound,
        OciErrorCode::Unauthorized | OciErrorCode::Denied => Class::Unauthorized,
        OciErrorCode::Toomanyrequests => Class::Unreachable,
        // The CNCF registry's own code; the client does not hand out the status beside it.
        OciErrorCode::Other(code) if code.eq_ignore_ascii_case("unavailable") => Class::Unreachable,
        _ => Class::Refused,
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // `io::Error::source` skips the very error that it wraps.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The message of the innermost cause: the outer ones repeat it with a URL around.
fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16) -> ImageError {
        let error = OciDistributionError::ServerError {
            code,
            url: "https://127.0.0.1/".into(),
            message: "no".into(),
        };
        ImageError::from_client("ghcr.io/a/b:1", error)
    }

    #[test]
    fn only_what_may_pass_is_transient() {
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(server(code).is_transient(), "{code}");
        }
        for code in [400, 401, 403, 404, 405, 416] {
            assert!(!server(code).is_transient(), "{code}");
        }
    }

    #[test]
    fn not_found_and_unauthorized_are_told_apart() {
        assert!(matches!(server(404), ImageError::NotFound { .. }));
        assert!(matches!(server(401), ImageError::Unauthorized { .. }));
        assert!(matches!(server(403), ImageError::Unauthorized { .. }));
    }

    #[test]
    fn a_broken_stream_is_not_taken_for_a_wrong_digest() {
        let broken = OciDistributionError::IoError(io::Error::other("connection reset"));
        assert!(ImageError::from_client("a", broken).is_transient());
        let digest = oci_client::errors::DigestError::MissingAlgorithm;
        let wrong = OciDistributionError::IoError(io::Error::other(digest));
        assert!(matches!(
            ImageError::from_client("a", wrong),
            ImageError::DigestMismatch { .. }
        ));
    }
}
