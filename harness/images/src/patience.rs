//! How failures that may pass are outlasted.

use crate::error::ImageError;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long transient failures are outlasted. Back-off starts at 50 ms and doubles up to 2 s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Duration);

impl Patience {
    /// For answers that somebody waits for and will ask for again, such as a node's.
    pub const SHORT: Self = Self(Duration::from_secs(3));
    /// For transfers.
    pub const LONG: Self = Self(Duration::from_secs(60));

    /// How long a single transfer may take, however steadily it flows.
    pub const fn for_transfer(self) -> Duration {
        self.0.saturating_mul(10)
    }

    /// Runs `attempt` until it succeeds, fails for good, or the time is over.
    pub async fn retry<'a, T>(
        self,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, ImageError>> + Send,
    ) -> Result<T, ImageError> {
        let deadline = Instant::now() + self.0;
        let mut pause = Duration::from_millis(50);
        loop {
            match attempt().await {
                Err(error) if error.is_transient() && Instant::now() + pause < deadline => {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use oci_client::errors::OciDistributionError;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn unreachable() -> ImageError {
        let error = OciDistributionError::ServerError {
            code: 503,
            url: String::new(),
            message: "busy".into(),
        };
        ImageError::from_client("a", error)
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
        let result = Patience(Duration::from_millis(200))
            .retry(|| async { Err::<(), _>(unreachable()) }.boxed())
            .await;
        assert!(matches!(result, Err(ImageError::Unreachable { .. })));
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
