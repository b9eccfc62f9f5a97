//! Faults that tests inject into single requests.

use super::answers::{Refusal, respond};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, StatusCode, header};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What to do with a request instead of answering it, or before, or while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answer with this status.
    Status(StatusCode),
    /// Answer with this status, and ask to be left alone for so many seconds.
    Pause(StatusCode, u64),
    /// Answer, but only after this time.
    Delay(Duration),
    /// Close the connection in the middle of an answer that never was one.
    Disconnect,
    /// Answer, but close the connection after so many bytes of the body.
    BreakOff(usize),
}

type Rule = dyn Fn(&Method, &str) -> Option<Fault> + Send + Sync;

/// Which requests have a fault.
#[derive(Default)]
pub(super) struct Faults {
    rule: Mutex<Option<Arc<Rule>>>,
}

impl Faults {
    /// Asks `rule` about each further request.
    pub(super) fn set(&self, rule: Option<Arc<Rule>>) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = rule;
    }

    /// The fault of a request.
    pub(super) fn of(&self, method: &Method, uri: &str) -> Option<Fault> {
        let rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner).clone();
        rule.and_then(|rule| rule(method, uri))
    }
}

impl Fault {
    /// What `answer` becomes under this fault; it is only made where the fault lets it.
    pub(super) async fn disturb(self, answer: impl Future<Output = Response>) -> Response {
        let refusal = |status| Refusal::new(status, "UNAVAILABLE", "a fault was injected");
        match self {
            Self::Status(status) => refusal(status).into_response(),
            Self::Pause(status, seconds) => {
                refusal(status).with(header::RETRY_AFTER, seconds).into_response()
            }
            Self::Delay(delay) => {
                tokio::time::sleep(delay).await;
                answer.await
            }
            Self::Disconnect => {
                let length = [(header::CONTENT_LENGTH, "1048576".to_owned())];
                respond(
                    StatusCode::OK,
                    length,
                    Body::from_stream(futures::stream::iter([broken()])),
                )
            }
            Self::BreakOff(after) => answer.await.map(|body| broken_off(body, after)),
        }
    }
}

/// The first bytes of a body, and then the end of the connection.
fn broken_off(body: Body, after: usize) -> Body {
    let pieces = body.into_data_stream().scan(after, |left, piece| {
        let piece = piece.map(|piece| piece.slice(..piece.len().min(*left)));
        let is_over = *left == 0;
        *left -= piece.as_ref().map_or(0, Bytes::len);
        std::future::ready((!is_over).then_some(piece))
    });
    let end = futures::stream::once(async {
        // What came before is sent only when the body pauses.
        tokio::task::yield_now().await;
        broken().map_err(axum::Error::new)
    });
    Body::from_stream(pieces.chain(end))
}

fn broken() -> io::Result<Bytes> {
    Err(io::ErrorKind::ConnectionReset.into())
}
