//! Who may compile now.
//!
//! Two builds that compile at the same time compile what they share twice, and one `go build` uses all processors
//! anyway. So they take turns in the order of the lock file; only the link of one, which is a single package at the
//! end, overlaps with the compilation of the next.

use std::collections::BTreeSet;
use tokio::sync::watch;

/// Builds that still have to compile, by their place in the lock file.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: watch::Sender<BTreeSet<usize>>,
}

/// A place in the queue; dropping it lets the next one compile.
#[derive(Debug)]
pub(crate) struct Place<'queue> {
    queue: &'queue Queue,
    place: usize,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            waiting: watch::Sender::new(BTreeSet::new()),
        }
    }

    /// Joins the queue.
    pub(crate) fn join(&self, place: usize) -> Place<'_> {
        self.waiting.send_modify(|waiting| {
            waiting.insert(place);
        });
        Place { queue: self, place }
    }
}

impl Place<'_> {
    /// Waits until nobody is in front.
    pub(crate) async fn turn(&self) {
        // The sender lives as long as `self`, so that this cannot fail.
        let _ = self
            .queue
            .waiting
            .subscribe()
            .wait_for(|waiting| waiting.first() == Some(&self.place))
            .await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.waiting.send_modify(|waiting| {
            waiting.remove(&self.place);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::poll;

    #[tokio::test]
    async fn turns_follow_the_places_and_not_the_order_of_arrival() {
        let queue = Queue::new();
        let third = queue.join(3);
        let first = queue.join(1);
        let second = queue.join(2);
        let mut turn_of_third = Box::pin(third.turn());
        let mut turn_of_second = Box::pin(second.turn());
        assert!(poll!(turn_of_third.as_mut()).is_pending());
        assert!(poll!(turn_of_second.as_mut()).is_pending());
        first.turn().await;
        drop(first);
        assert!(poll!(turn_of_third.as_mut()).is_pending());
        turn_of_second.await;
        drop(second);
        turn_of_third.await;
    }
}
