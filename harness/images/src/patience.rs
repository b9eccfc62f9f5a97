//! How failures that may pass are outlasted.

use crate::error::ImageError;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The longest pause between two tries, unless the registry asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long transient failures are outlasted. Back-off starts at 50 ms and doubles up to 2 s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    time: Duration,
    /// At least so many tries, however long one takes.
    tries: u32,
    /// How long one try may take; without it, as long as the registry is not silent.
    longest_try: Option<Duration>,
}

impl Patience {
    /// For answers that somebody waits for and will ask for again, such as a node's.
    pub const SHORT: Self = Self {
        time: Duration::from_secs(3),
        tries: 1,
        longest_try: Some(Duration::from_secs(10)),
    };
    /// For transfers: one that breaks off late is tried again too.
    pub const LONG: Self = Self {
        time: Duration::from_secs(60),
        tries: 3,
        longest_try: None,
    };

    /// For a registry that has never answered: its name may be wrong.
    pub fn for_a_stranger(self) -> Self {
        Self {
            time: self.time.min(Duration::from_secs(10)),
            ..self
        }
    }

    /// Runs `attempt` until it succeeds, fails for good, or the time is over. A pause that the registry asks for is kept; if it is longer
    /// than the time that is left, there is no further try.
    pub async fn retry<'a, T>(
        self,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, ImageError>> + Send,
    ) -> Result<T, ImageError> {
        let deadline = Instant::now() + self.time;
        let mut pause = Duration::from_millis(50);
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.bounded(attempt()).await {
                Err(error) if error.is_transient() => error,
                result => return result,
            };
            let wanted = error.retry_after().unwrap_or_default();
            let is_over = Instant::now() + pause.max(wanted) >= deadline;
            if is_over && (tries >= self.tries || wanted >= self.time) {
                return Err(error);
            }
            sleep(pause.max(wanted)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn bounded<T>(self, attempt: BoxFuture<'_, Result<T, ImageError>>) -> Result<T, ImageError> {
        let Some(longest) = self.longest_try else {
            return attempt.await;
        };
        let ended = timeout(longest, attempt).await;
        ended.unwrap_or_else(|_| {
            Err(ImageError::TimedOut {
                what: "an answer of the registry".to_owned(),
                seconds: longest.as_secs(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Answer;
    use futures::FutureExt;
    use reqwest::StatusCode;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn unreachable() -> ImageError {
        ImageError::answered("a", Answer::bare(StatusCode::SERVICE_UNAVAILABLE))
    }

    fn busy(pause: Duration) -> ImageError {
        let mut answer = Answer::bare(StatusCode::TOO_MANY_REQUESTS);
        answer.retry_after = Some(pause);
        ImageError::answered("a", answer)
    }

    #[tokio::test]
    async fn who_waits_for_an_answer_does_not_wait_for_a_registry_that_gives_none() {
        let patience = Patience {
            longest_try: Some(Duration::from_millis(20)),
            ..Patience::SHORT
        };
        let silent = || std::future::pending::<Result<(), _>>().boxed();
        let result = patience.retry(silent).await;
        assert!(matches!(result, Err(ImageError::TimedOut { .. })));
        assert!(Patience::SHORT.longest_try.is_some());
    }

    #[tokio::test]
    async fn a_transient_failure_is_outlasted() {
        let tries = AtomicU32::new(0);
        let result = Patience::SHORT
            .retry(|| {
                async {
                    let tried = tries.fetch_add(1, Ordering::Relaxed) + 1;
                    if tried < 4 { Err(unreachable()) } else { Ok(tried) }
                }
                .boxed()
            })
            .await;
        assert_eq!(result.unwrap(), 4);
    }

    #[tokio::test]
    async fn a_lasting_failure_ends_at_the_deadline() {
        let patience = Patience {
            time: Duration::from_millis(200),
            tries: 1,
            longest_try: None,
        };
        let result = patience
            .retry(|| async { Err::<(), _>(unreachable()) }.boxed())
            .await;
        assert!(matches!(result, Err(ImageError::Unreachable { .. })));
    }

    #[tokio::test]
    async fn a_pause_that_is_asked_for_is_kept() {
        let began = Instant::now();
        let tries = AtomicU32::new(0);
        let result = Patience::LONG
            .retry(|| {
                async {
                    match tries.fetch_add(1, Ordering::Relaxed) {
                        0 => Err(busy(Duration::from_millis(300))),
                        _ => Ok(began.elapsed()),
                    }
                }
                .boxed()
            })
            .await;
        assert!(result.unwrap() >= Duration::from_millis(300));
    }

    #[tokio::test]
    async fn a_pause_beyond_all_patience_is_not_waited_for() {
        let tries = AtomicU32::new(0);
        let result = Patience::LONG
            .retry(|| {
                async {
                    tries.fetch_add(1, Ordering::Relaxed);
                    Err::<(), _>(busy(Duration::from_secs(3600)))
                }
                .boxed()
            })
            .await;
        assert!(
            result
                .unwrap_err()
                .to_string()
                .ends_with("it asks to wait 3600 s")
        );
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_transfer_that_breaks_off_late_is_tried_again() {
        let patience = Patience {
            time: Duration::from_millis(20),
            tries: 3,
            longest_try: None,
        };
        let tries = AtomicU32::new(0);
        let result = patience
            .retry(|| {
                async {
                    sleep(Duration::from_millis(30)).await;
                    match tries.fetch_add(1, Ordering::Relaxed) {
                        0 | 1 => Err(unreachable()),
                        _ => Ok(()),
                    }
                }
                .boxed()
            })
            .await;
        assert!(result.is_ok());
    }

    #[tokio::test]
    async fn a_final_failure_is_not_tried_again() {
        let tries = AtomicU32::new(0);
        let result = Patience::LONG
            .retry(|| {
                async {
                    tries.fetch_add(1, Ordering::Relaxed);
                    Err::<(), _>(ImageError::NotFound { image: "a".into() })
                }
                .boxed()
            })
            .await;
        assert!(result.is_err());
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }
}
