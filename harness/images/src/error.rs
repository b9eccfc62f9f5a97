//! What can go wrong with images.

use crate::{
    name::{Digest, NameError},
    registry::Answer,
};
use reqwest::StatusCode;
use std::{error::Error, io, path::PathBuf, time::Duration};

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
    /// The registry refuses the credentials, or wants some.
    #[error("the registry refuses access to {image}; check its credentials")]
    Unauthorized {
        /// What was asked for.
        image: String,
        /// What the registry said.
        #[source]
        source: Source,
    },
    /// No connection to the registry can be trusted.
    #[error(
        "no trusted connection to the registry of {image}: {detail}; name its certificate authority, or say that it speaks plain HTTP"
    )]
    Untrusted {
        /// What was asked for.
        image: String,
        /// The failure in one line.
        detail: String,
        /// The failure itself.
        #[source]
        source: Source,
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
    /// Something is larger than its budget: an extracted image, a manifest, what is read into memory.
    #[error("{image} is larger than the {limit} that it may have")]
    TooLarge {
        /// What it is.
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
    /// A key that is kept elsewhere does not sign.
    #[error("the key {key} does not sign: {detail}")]
    KeyRefused {
        /// How it is named.
        key: String,
        /// What its keeper said.
        detail: String,
    },
    /// Whoever keeps a key does not answer.
    #[error("the key {key} did not sign within {seconds} s; last seen: {detail}")]
    KeyUnreachable {
        /// How it is named.
        key: String,
        /// How long it was waited for.
        seconds: u64,
        /// What went wrong last.
        detail: String,
    },
    /// Others sign the same at the same time and overwrite each other.
    #[error(
        "the signature of {what} was overwritten for {seconds} s by others that sign it too; sign it again when they have ended"
    )]
    Overwritten {
        /// What was signed.
        what: String,
        /// How long this went on.
        seconds: u64,
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

    /// How long the registry asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { source, .. } => source.downcast_ref::<Answer>()?.retry_after,
            _ => None,
        }
    }

    /// Sorts an answer that is not what was asked for.
    pub(crate) fn answered(image: &str, answer: Answer) -> Self {
        let (image, detail) = (image.to_owned(), answer.to_string());
        let source = Box::new(answer);
        match class_of(&source) {
            Class::NotFound => Self::NotFound { image },
            Class::Unauthorized => Self::Unauthorized { image, source },
            Class::Unreachable => Self::Unreachable {
                image,
                detail,
                source,
            },
            Class::Refused => Self::Refused {
                image,
                detail,
                source,
            },
        }
    }

    /// Sorts an answer to the attempt to store something. There, nothing found means that there is no place for it.
    pub(crate) fn not_stored(image: &str, answer: Answer) -> Self {
        match class_of(&answer) {
            Class::NotFound | Class::Refused => Self::Refused {
                image: image.to_owned(),
                detail: answer.to_string(),
                source: Box::new(answer),
            },
            Class::Unauthorized | Class::Unreachable => Self::answered(image, answer),
        }
    }

    /// Sorts a request that got no answer, or an answer that broke off.
    pub(crate) fn request(image: &str, error: reqwest::Error) -> Self {
        let image = image.to_owned();
        let distrust = chain(&error).find_map(|cause| match cause.downcast_ref()? {
            rustls::Error::InvalidCertificate(reason) => {
                Some(format!("its certificate is not valid: {reason}"))
            }
            rustls::Error::InvalidMessage(_) => Some("it does not speak TLS".to_owned()),
            _ => None,
        });
        let detail = innermost(&error);
        let is_refused = error.is_builder() || error.is_redirect();
        let source = Box::new(error.without_url());
        match (distrust, is_refused) {
            (Some(detail), _) => Self::Untrusted {
                image,
                detail,
                source,
            },
            (None, true) => Self::Refused {
                image,
                detail,
                source,
            },
            (None, false) => Self::Unreachable {
                image,
                detail,
                source,
            },
        }
    }

    /// A registry that has been silent for too long.
    pub(crate) fn silent(image: &str, time: Duration) -> Self {
        let detail = format!("it has been silent for {} s", time.as_secs());
        Self::Unreachable {
            image: image.to_owned(),
            source: detail.clone().into(),
            detail,
        }
    }
}

enum Class {
    NotFound,
    Unauthorized,
    Unreachable,
    Refused,
}

fn class_of(answer: &Answer) -> Class {
    match answer.status {
        StatusCode::NOT_FOUND => Class::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Class::Unauthorized,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Class::Unreachable,
        StatusCode::NOT_IMPLEMENTED => Class::Refused,
        status if status.is_server_error() => Class::Unreachable,
        _ if answer.says(&["TOOMANYREQUESTS"]) => Class::Unreachable,
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

    fn answered(code: u16) -> ImageError {
        let answer = Answer::bare(StatusCode::from_u16(code).unwrap());
        ImageError::answered("ghcr.io/a/b:1", answer)
    }

    #[test]
    fn only_what_may_pass_is_transient() {
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(answered(code).is_transient(), "{code}");
        }
        for code in [304, 400, 401, 403, 404, 405, 416, 501] {
            assert!(!answered(code).is_transient(), "{code}");
        }
    }

    #[test]
    fn not_found_and_unauthorized_are_told_apart() {
        assert!(matches!(answered(404), ImageError::NotFound { .. }));
        assert!(matches!(answered(401), ImageError::Unauthorized { .. }));
        assert!(matches!(answered(403), ImageError::Unauthorized { .. }));
    }

    #[test]
    fn a_failure_says_where_and_why() {
        assert_eq!(
            answered(503).to_string(),
            "the registry cannot serve ghcr.io/a/b:1 now: status 503"
        );
        assert_eq!(
            ImageError::silent("ghcr.io/a/b:1", Duration::from_secs(30)).to_string(),
            "the registry cannot serve ghcr.io/a/b:1 now: it has been silent for 30 s"
        );
    }
}
