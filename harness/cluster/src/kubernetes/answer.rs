//! One request and its answer, and what kind of answer that is: a good one, a fault that may pass, or a refusal.

use super::{Cause, Fate, KubernetesError};
use crate::existing::WouldWrite;
use http::{HeaderMap, StatusCode, header};
use kube::{Client, client::Body, core::Status};
use std::{error::Error, io, time::Duration};

/// Sends a request once and gives the text of its answer, which must come within `limit`.
pub(super) async fn exchange(
    client: &Client,
    action: &str,
    request: http::Request<Vec<u8>>,
    limit: Duration,
) -> Result<String, KubernetesError> {
    let failed = |error| KubernetesError::from_client(action, error);
    let exchange = async {
        let (parts, body) = client.send(request.map(Body::from)).await?.into_parts();
        Ok::<_, kube::Error>((parts, body.collect_bytes().await?))
    };
    let (parts, body) = within(limit, action, async { exchange.await.map_err(failed) }).await?;
    let text = String::from_utf8(body.into()).map_err(|error| failed(kube::Error::FromUtf8(error)))?;
    if !parts.status.is_client_error() && !parts.status.is_server_error() {
        return Ok(text);
    }
    let mut error = failed(kube::Error::Api(status_of(parts.status, &text).boxed()));
    if let KubernetesError::Transient { retry_after, .. } = &mut error {
        *retry_after = asked_to_wait(&parts.headers).or(*retry_after);
    }
    Err(error)
}

/// Gives up on an answer that does not come within `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    action: &str,
    answer: impl Future<Output = Result<T, KubernetesError>>,
) -> Result<T, KubernetesError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answered) => answered,
        Err(_) => {
            let late = format!("no answer within {:.1} s", limit.as_secs_f64());
            Err(KubernetesError::from_client(
                action,
                kube::Error::Service(late.into()),
            ))
        }
    }
}

/// The `Status` object of a failure. What is not one was said by somebody on the way, and is given the name of its
/// HTTP status as reason.
fn status_of(code: StatusCode, text: &str) -> Status {
    match serde_json::from_str::<Status>(text) {
        Ok(status) if status.is_failure() => Status {
            code: code.as_u16(),
            ..status
        },
        _ => Status::failure(
            text.lines().next().unwrap_or_default().trim(),
            code.canonical_reason().unwrap_or("an unknown status"),
        )
        .with_code(code.as_u16()),
    }
}

/// The API server asks in whole seconds; the other form of the header, a date, is not used by it.
fn asked_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl KubernetesError {
    /// Sorts an error of the client.
    pub(crate) fn from_client(action: impl Into<String>, error: kube::Error) -> Self {
        let action = action.into();
        if let kube::Error::Service(source) = &error
            && let Some(refused) = source.downcast_ref::<WouldWrite>()
        {
            let refused = refused.clone();
            return Self::ReadOnly { action, refused };
        }
        match error {
            kube::Error::Api(status) => Self::from_status(action, status),
            kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => Self::Request {
                action,
                message: root_cause(&error),
            },
            error if is_about_certificates(&error) => Self::Access {
                message: root_cause(&error),
            },
            error => Self::Transient {
                action,
                message: root_cause(&error),
                retry_after: None,
                fate: if is_unsent(&error) {
                    Fate::NotDone
                } else {
                    Fate::Unknown
                },
                source: Box::new(error),
            },
        }
    }

    fn from_status(action: String, status: Box<Status>) -> Self {
        if let Some(fate) = passing(&status) {
            let asked = status
                .details
                .as_ref()
                .map_or(0, |details| details.retry_after_seconds);
            return Self::Transient {
                action,
                message: said(&status),
                retry_after: (asked > 0).then(|| Duration::from_secs(asked.into())),
                fate,
                source: Box::new(kube::Error::Api(status)),
            };
        }
        let Status {
            code,
            reason,
            message,
            details,
            ..
        } = *status;
        let causes = details.into_iter().flat_map(|details| details.causes);
        Self::Refused {
            action,
            code,
            reason,
            message,
            causes: causes
                .map(|cause| Cause {
                    field: cause.field,
                    message: cause.message,
                })
                .collect(),
        }
    }
}

/// What became of the request if the failure may pass; `None` if asking again would never help.
///
/// A plain 500 needs a look: strict validation answers with a 500 that has no reason.
fn passing(status: &Status) -> Option<Fate> {
    match status.code {
        429 | 503 => Some(Fate::NotDone),
        408 | 502 | 504 => Some(Fate::Unknown),
        500 if status.message.contains("failed calling webhook") => Some(Fate::NotDone),
        500 if !status.reason.is_empty() || status.message.contains("etcdserver") => Some(Fate::Unknown),
        // A namespace that is just being made has no default ServiceAccount yet, and says so with a 403.
        403 if status.message.contains("error looking up service account") => Some(Fate::NotDone),
        _ => None,
    }
}

fn said(status: &Status) -> String {
    let mut text = status.code.to_string();
    if !status.reason.is_empty() {
        text = format!("{text} {}", status.reason);
    }
    match status.message.as_str() {
        "" => text,
        message => format!("{text}: {message}"),
    }
}

/// All errors of a chain, also those that an I/O error wraps, which does not give them as its source.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => (*error).source(),
        }
    })
}

/// The innermost error says what happened; the outer ones only say where.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Whether the server's certificate, or ours, is not accepted: that does not pass.
fn is_about_certificates(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<rustls::Error>())
        .any(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
}

/// Whether there was no connection to send the request on.
fn is_unsent(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(hyper_util::client::legacy::Error::is_connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, reason: &str, message: &str) -> KubernetesError {
        let status = Status::failure(message, reason).with_code(code).boxed();
        KubernetesError::from_client("get v1/ConfigMap a/b", kube::Error::Api(status))
    }

    fn fate(error: &KubernetesError) -> Option<Fate> {
        match error {
            KubernetesError::Transient { fate, .. } => Some(*fate),
            _ => None,
        }
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for (code, reason, message, expected) in [
            (429, "TooManyRequests", "slow down", Fate::NotDone),
            (503, "ServiceUnavailable", "starting", Fate::NotDone),
            (
                500,
                "InternalError",
                "failed calling webhook \"x\": timeout",
                Fate::NotDone,
            ),
            (500, "InternalError", "etcdserver: leader changed", Fate::Unknown),
            (500, "", "etcdserver: request timed out", Fate::Unknown),
            (502, "Bad Gateway", "", Fate::Unknown),
            (504, "Timeout", "request did not complete", Fate::Unknown),
            (408, "", "", Fate::Unknown),
        ] {
            assert_eq!(
                fate(&answer(code, reason, message)),
                Some(expected),
                "{code} {message}"
            );
        }
        for (code, reason) in [
            (400, "BadRequest"),
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (404, "NotFound"),
            (409, "Conflict"),
            (410, "Expired"),
            (422, "Invalid"),
            (500, ""),
        ] {
            assert!(!answer(code, reason, "no").is_transient(), "{code}");
        }
        assert!(answer(404, "NotFound", "no").is_not_found());
        assert!(answer(409, "Conflict", "no").is_conflict());
    }

    #[test]
    fn an_error_that_may_pass_names_the_request_the_status_and_the_reason() {
        assert_eq!(
            answer(503, "ServiceUnavailable", "the store is away").to_string(),
            "get v1/ConfigMap a/b: the API server could not answer: 503 ServiceUnavailable: the store is away"
        );
    }

    #[test]
    fn what_is_no_status_object_is_told_by_its_first_line() {
        let status = status_of(StatusCode::INTERNAL_SERVER_ERROR, "<html>\nno such luck</html>");
        let error = KubernetesError::from_client("list v1/Pod", kube::Error::Api(status.boxed()));
        assert!(error.is_transient());
        assert_eq!(
            error.to_string(),
            "list v1/Pod: the API server could not answer: 500 Internal Server Error: <html>"
        );
    }

    #[test]
    fn the_server_is_believed_about_when_to_come_back() {
        let wait = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            asked_to_wait(&headers)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Fri, 31 Dec 2027 23:59:59 GMT"), None);
    }

    #[test]
    fn a_certificate_that_is_not_accepted_does_not_pass() {
        let refused = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = kube::Error::Service(Box::new(io::Error::other(refused)));
        let error = KubernetesError::from_client("get /version", wrapped);
        assert!(matches!(error, KubernetesError::Access { .. }), "{error:?}");
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    }
}
