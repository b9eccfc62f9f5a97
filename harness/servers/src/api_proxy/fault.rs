//! What can be wrong with an API server, and for which requests it is.

use super::request::{ApiRequest, ApiRequests};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// What happens to a request instead of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiFault {
    /// The connection is reset; the API server never sees the request.
    Reset,
    /// The API server does what is asked; the connection is reset instead of passing on its answer.
    LoseAnswer,
    /// The proxy answers in the API server's place.
    Refuse {
        /// With this HTTP status.
        status: StatusCode,
        /// The sentence of the `Status` object.
        message: String,
        /// When to come back, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// The request is passed on, but only after this time, or when the faults are cleared; a server that hangs has a very
    /// long delay.
    Delay(Duration),
    /// A watch is passed on and ends so after this many events; other requests are passed on as they are.
    EndWatch {
        /// How many events are passed on before.
        after: u64,
        /// How it ends.
        end: WatchEnd,
    },
}

impl ApiFault {
    /// An answer of this status, as the API server would word it.
    #[must_use]
    pub fn refuse(status: StatusCode) -> Self {
        let words = status.canonical_reason().unwrap_or("refused").to_lowercase();
        Self::Refuse {
            status,
            message: format!("{words}: a fault was injected"),
            retry_after: None,
        }
    }
}

/// How a watch ends before its client wants it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEnd {
    /// The connection is reset.
    Cut,
    /// The stream ends in good order, as it does when a watch has lasted long enough.
    Closed,
    /// An `ERROR` event says `410 Gone`, as it does when the store was compacted: the client must list anew.
    Expired,
}

/// The faults that are asked for now.
pub(super) struct Faults {
    rules: Mutex<Vec<Rule>>,
    /// Changes when the faults are cleared, for those who wait because of one.
    cleared: watch::Sender<()>,
}

struct Rule {
    requests: ApiRequests,
    left: Option<u64>,
    fault: ApiFault,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self {
            rules: Mutex::default(),
            cleared: watch::Sender::new(()),
        }
    }

    /// Adds a fault for the next `times` of these requests, or for all of them; earlier faults come first.
    pub(super) fn add(&self, requests: ApiRequests, times: Option<u64>, fault: ApiFault) {
        self.rules().push(Rule {
            requests,
            left: times,
            fault,
        });
    }

    pub(super) fn clear(&self) {
        self.rules().clear();
        self.cleared.send_replace(());
    }

    /// The fault of this request, which is used up by it.
    pub(super) fn take(&self, request: &ApiRequest) -> Option<ApiFault> {
        let mut rules = self.rules();
        let index = rules
            .iter()
            .position(|rule| rule.left != Some(0) && rule.requests.include(request))?;
        let rule = rules.get_mut(index)?;
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        Some(rule.fault.clone())
    }

    /// To wait until the faults are cleared; taken before the fault is, so that no clearing is missed.
    pub(super) fn clearing(&self) -> watch::Receiver<()> {
        self.cleared.subscribe()
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer that says `status`.
pub(super) fn refusal(status: StatusCode, message: &str, retry_after: Option<Duration>) -> Response {
    let mut response = Response::new(Body::from(status_object(status, message).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(delay) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs()));
    }
    response
}

/// The `Status` object of a failure.
pub(super) fn status_object(status: StatusCode, message: &str) -> Value {
    let reason = match status.as_u16() {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status.as_u16(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_proxy::ApiVerb;

    #[test]
    fn faults_are_used_up_in_the_order_in_which_they_were_asked_for() {
        let faults = Faults::none();
        let list = ApiRequest {
            verb: ApiVerb::List,
            path: "/api/v1/pods".into(),
        };
        let get = ApiRequest {
            verb: ApiVerb::Get,
            path: "/version".into(),
        };
        let busy = ApiFault::refuse(StatusCode::TOO_MANY_REQUESTS);
        faults.add(ApiRequests::of(ApiVerb::List), Some(2), busy.clone());
        faults.add(ApiRequests::all(), None, ApiFault::Reset);
        let taken: Vec<_> = [&get, &list, &list, &list]
            .into_iter()
            .map(|request| faults.take(request))
            .collect();
        let reset = Some(ApiFault::Reset);
        assert_eq!(taken, [reset.clone(), Some(busy.clone()), Some(busy), reset]);
        faults.clear();
        assert_eq!(faults.take(&list), None);
    }
}
