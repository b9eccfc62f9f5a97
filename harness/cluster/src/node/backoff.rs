//! How long to wait before the next try: doubling delays with a ceiling.

use std::time::Duration;

/// Doubling delays.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    ceiling: Duration,
    next: Duration,
}

impl Backoff {
    /// Image pulls: 1 s, 2 s, 4 s … 60 s. Shorter than a kubelet's, since registries here are local.
    pub(crate) fn pulls() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(60))
    }

    /// Container restarts: the first at once, then 10 s, 20 s … 5 min, as a kubelet does.
    pub(crate) fn restarts() -> Self {
        let mut backoff = Self::new(Duration::from_secs(10), Duration::from_secs(300));
        backoff.next = Duration::ZERO;
        backoff
    }

    /// Requests to the API server: 50 ms … 5 s.
    pub(crate) fn requests() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(5))
    }

    fn new(first: Duration, ceiling: Duration) -> Self {
        Self {
            first,
            ceiling,
            next: first,
        }
    }

    /// The delay before the next try.
    pub(crate) fn delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = if delay.is_zero() {
            self.first
        } else {
            (delay * 2).min(self.ceiling)
        };
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(mut backoff: Backoff, count: usize) -> Vec<u64> {
        (0..count).map(|_| backoff.delay().as_secs()).collect()
    }

    #[test]
    fn delays_double_up_to_their_ceiling() {
        assert_eq!(seconds(Backoff::pulls(), 8), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(
            seconds(Backoff::restarts(), 8),
            [0, 10, 20, 40, 80, 160, 300, 300]
        );
    }
}
