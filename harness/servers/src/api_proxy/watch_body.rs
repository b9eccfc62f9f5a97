//! The body of a watch on its way through the proxy, which can be ended after any event.

use super::fault::{WatchEnd, status_object};
use crate::ClientConnection;
use axum::{
    Error,
    body::{Body, BodyDataStream},
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::StatusCode;
use serde_json::json;
use tokio::sync::watch;

/// A watch that is passed on.
struct Watch {
    events: BodyDataStream,
    connection: ClientConnection,
    /// After how many more events it ends, and how.
    plan: Option<(u64, WatchEnd)>,
    /// Tells all watches to end.
    ends: watch::Receiver<WatchEnd>,
    state: State,
}

enum State {
    Going,
    Ending(WatchEnd),
    Ended,
}

/// Passes `body` on until it ends, `plan` is done, or `ends` changes.
pub(super) fn pass_on(
    body: Body,
    connection: ClientConnection,
    plan: Option<(u64, WatchEnd)>,
    ends: watch::Receiver<WatchEnd>,
) -> Body {
    let state = match plan {
        Some((0, end)) => State::Ending(end),
        _ => State::Going,
    };
    let watch = Watch {
        events: body.into_data_stream(),
        connection,
        plan,
        ends,
        state,
    };
    Body::from_stream(stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((chunk, watch))
    }))
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        loop {
            match self.state {
                State::Ended => return None,
                State::Ending(end) => {
                    self.state = State::Ended;
                    return self.end(end).await;
                }
                State::Going => {}
            }
            tokio::select! {
                biased;
                end = told(&mut self.ends) => self.state = State::Ending(end),
                chunk = self.events.next() => return match chunk? {
                    Ok(chunk) => Some(Ok(self.planned(chunk))),
                    Err(error) => Some(Err(error)),
                },
            }
        }
    }

    /// Counts the events of a chunk, one a line; gives as much of it as comes before the planned end.
    fn planned(&mut self, chunk: Bytes) -> Bytes {
        let Some((left, end)) = &mut self.plan else {
            return chunk;
        };
        for (position, byte) in chunk.iter().enumerate() {
            if *byte == b'\n' {
                *left = left.saturating_sub(1);
            }
            if *left == 0 {
                self.state = State::Ending(*end);
                return chunk.slice(..=position);
            }
        }
        chunk
    }

    async fn end(&mut self, end: WatchEnd) -> Option<Result<Bytes, Error>> {
        match end {
            WatchEnd::Closed => None,
            WatchEnd::Expired => {
                let gone = status_object(StatusCode::GONE, "too old resource version: a fault was injected");
                let event = json!({"type": "ERROR", "object": gone});
                Some(Ok(Bytes::from(format!("{event}\n"))))
            }
            WatchEnd::Cut => {
                // The server writes out what it was given as soon as there is nothing more at once.
                tokio::task::yield_now().await;
                self.connection.reset();
                std::future::pending().await
            }
        }
    }
}

/// The next end that all watches are told; never, when the proxy is gone.
async fn told(ends: &mut watch::Receiver<WatchEnd>) -> WatchEnd {
    if ends.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    *ends.borrow_and_update()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(chunks: &[&'static str], plan: Option<(u64, WatchEnd)>) -> String {
        let chunks: Vec<Result<&str, std::io::Error>> = chunks.iter().map(|chunk| Ok(*chunk)).collect();
        let (_sender, ends) = watch::channel(WatchEnd::Closed);
        let body = pass_on(
            Body::from_stream(stream::iter(chunks)),
            ClientConnection::default(),
            plan,
            ends,
        );
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_watch_ends_after_the_planned_event_wherever_its_chunks_are_cut() {
        let chunks = ["one\ntw", "o\nthree\n", "four\n"];
        assert_eq!(text(&chunks, None).await, chunks.concat());
        let closed = |after| Some((after, WatchEnd::Closed));
        assert_eq!(text(&chunks, closed(0)).await, "");
        assert_eq!(text(&chunks, closed(2)).await, "one\ntwo\n");
        assert_eq!(text(&chunks, closed(9)).await, chunks.concat());
        let expired = text(&chunks, Some((1, WatchEnd::Expired))).await;
        let (first, last) = expired.split_once('\n').unwrap();
        assert_eq!(first, "one");
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        assert_eq!(
            (&last["type"], &last["object"]["code"]),
            (&json!("ERROR"), &json!(410))
        );
    }

    #[tokio::test]
    async fn a_watch_that_is_cut_resets_its_connection() {
        let (sender, ends) = watch::channel(WatchEnd::Closed);
        let connection = ClientConnection::default();
        let body = pass_on(
            Body::from_stream(stream::pending::<Result<Bytes, Error>>()),
            connection.clone(),
            None,
            ends,
        );
        let reading = tokio::spawn(axum::body::to_bytes(body, usize::MAX));
        sender.send_replace(WatchEnd::Cut);
        connection.is_reset().await;
        reading.abort();
    }
}
