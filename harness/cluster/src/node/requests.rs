//! Requests to the API server that must succeed sooner or later.

use super::backoff::Backoff;
use std::time::{Duration, Instant};

/// Whether the same request may succeed later.
pub(crate) fn is_transient(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 408 | 429 | 500..),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}

/// Whether the error is this HTTP status.
pub(crate) fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// Sends a request until it succeeds, fails for good, or `limit` has passed.
pub(crate) async fn persist<T, F>(limit: Duration, request: impl Fn() -> F) -> Result<T, kube::Error>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let deadline = Instant::now() + limit;
    let mut backoff = Backoff::requests();
    loop {
        match request().await {
            Err(error) if is_transient(&error) => {
                let delay = backoff.delay();
                if Instant::now() + delay >= deadline {
                    return Err(error);
                }
                tokio::time::sleep(delay).await;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn refused(code: u16) -> kube::Error {
        let status = kube::core::Status {
            code,
            ..kube::core::Status::default()
        };
        kube::Error::Api(Box::new(status))
    }

    #[tokio::test]
    async fn only_what_may_pass_is_tried_again() {
        let tries = Cell::new(0);
        let outcome = persist(Duration::from_secs(60), || async {
            tries.set(tries.get() + 1);
            if tries.get() < 3 {
                Err(refused(503))
            } else {
                Ok(tries.get())
            }
        })
        .await;
        assert_eq!(outcome.unwrap(), 3);
        tries.set(0);
        let outcome: Result<(), _> = persist(Duration::from_secs(60), || async {
            tries.set(tries.get() + 1);
            Err(refused(409))
        })
        .await;
        assert!(is_status(&outcome.unwrap_err(), 409));
        assert_eq!(tries.get(), 1);
    }

    #[tokio::test]
    async fn patience_ends() {
        let outcome: Result<(), _> = persist(Duration::ZERO, || async { Err(refused(500)) }).await;
        assert!(outcome.is_err());
    }
}
