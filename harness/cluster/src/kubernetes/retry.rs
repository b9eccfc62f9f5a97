//! Asking again: which requests, after how long, and until when.

use super::{Fate, KubernetesError};
use std::time::Duration;
use tokio::time::Instant;

/// Pauses between two tries double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whether a request may be made again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Doing it twice is as good as doing it once.
    Freely,
    /// As freely, and also when somebody else wrote at the same moment: it does not build on an earlier state.
    ThroughConflicts,
    /// Only when the API server did not act on it.
    IfNotDone,
}

impl Repeat {
    fn allows(self, error: &KubernetesError) -> bool {
        match (self, error) {
            (Self::Freely | Self::ThroughConflicts, KubernetesError::Transient { .. }) => true,
            (Self::IfNotDone, KubernetesError::Transient { fate, .. }) => *fate == Fate::NotDone,
            (
                Self::ThroughConflicts,
                KubernetesError::Refused {
                    code: 409, causes, ..
                },
            ) => causes.is_empty(),
            _ => false,
        }
    }
}

/// The pauses between tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) const fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }

    /// The next pause, after `error`: at least as long as the server asks for.
    pub(crate) fn after(&mut self, error: &KubernetesError) -> Duration {
        let pause = self.next();
        match error {
            KubernetesError::Transient {
                retry_after: Some(asked),
                ..
            } => pause.max(*asked),
            _ => pause,
        }
    }
}

/// Tries until it succeeds, is refused for good, or the next try would begin after `patience`. Each try is told how
/// long it may take.
pub(super) async fn persist<T, F>(
    patience: Duration,
    repeat: Repeat,
    mut attempt: impl FnMut(Duration) -> F,
) -> Result<T, KubernetesError>
where
    F: Future<Output = Result<T, KubernetesError>>,
{
    let began = Instant::now();
    let mut pauses = Pauses::new();
    let mut tries = 0_u32;
    let mut before = None;
    loop {
        let error = match attempt(patience.saturating_sub(began.elapsed())).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        tries = tries.saturating_add(1);
        if !repeat.allows(&error) {
            return Err(error);
        }
        let pause = pauses.after(&error);
        if began.elapsed() + pause >= patience {
            return Err(exhausted(error, before, tries, began.elapsed()));
        }
        tokio::time::sleep(pause).await;
        before = Some(error);
    }
}

/// The last error, with how often it was tried; and what was wrong before, if that was something else.
fn exhausted(
    mut error: KubernetesError,
    before: Option<KubernetesError>,
    tries: u32,
    elapsed: Duration,
) -> KubernetesError {
    if let KubernetesError::Transient { message: last, .. } = &mut error
        && tries > 1
    {
        if let Some(KubernetesError::Transient { message, .. }) = before
            && message != *last
        {
            *last = format!("{last}; before that: {message}");
        }
        *last = format!("{last} (tried {tries} times in {:.1} s)", elapsed.as_secs_f64());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn answer(code: u16, reason: &str) -> KubernetesError {
        let status = kube::core::Status::failure("said", reason)
            .with_code(code)
            .boxed();
        KubernetesError::from_client("apply v1/ConfigMap a/b", kube::Error::Api(status))
    }

    /// How a request ends whose first answers are these statuses, and after how many tries.
    async fn ended(repeat: Repeat, answers: &[u16]) -> (Result<(), String>, usize) {
        let tries = Cell::new(0);
        let outcome = persist(Duration::from_secs(30), repeat, |_| {
            let code = answers.get(tries.get()).copied();
            tries.set(tries.get() + 1);
            async move {
                match code {
                    Some(code) => Err(answer(code, "Said")),
                    None => Ok(()),
                }
            }
        })
        .await;
        (outcome.map_err(|error| error.to_string()), tries.get())
    }

    #[tokio::test]
    async fn what_passes_is_waited_out_and_what_does_not_is_told_at_once() {
        assert_eq!(ended(Repeat::Freely, &[503, 504, 429]).await, (Ok(()), 4));
        let (outcome, tries) = ended(Repeat::Freely, &[503, 403]).await;
        assert_eq!(
            (outcome.unwrap_err().as_str(), tries),
            ("apply v1/ConfigMap a/b: refused (403 Said): said", 2)
        );
        assert_eq!(ended(Repeat::Freely, &[409]).await.1, 1);
    }

    #[tokio::test]
    async fn what_must_not_be_done_twice_is_not_tried_again_when_it_may_have_been_done() {
        assert_eq!(ended(Repeat::IfNotDone, &[429, 503]).await, (Ok(()), 3));
        let (outcome, tries) = ended(Repeat::IfNotDone, &[504]).await;
        assert!(outcome.is_err());
        assert_eq!(tries, 1);
    }

    #[tokio::test]
    async fn an_apply_goes_through_conflicts_that_no_field_is_the_cause_of() {
        assert_eq!(ended(Repeat::ThroughConflicts, &[409]).await, (Ok(()), 2));
    }

    #[tokio::test]
    async fn patience_ends_with_the_last_error_and_the_one_before_it() {
        let mut codes = [503_u16, 500].into_iter();
        let outcome: Result<(), _> = persist(Duration::from_millis(120), Repeat::Freely, |left| {
            assert!(left <= Duration::from_millis(120));
            let code = codes.next().unwrap_or(502);
            async move { Err(answer(code, "Said")) }
        })
        .await;
        let told = outcome.unwrap_err().to_string();
        assert!(
            told.starts_with(
                "apply v1/ConfigMap a/b: the API server could not answer: 500 Said: said; before that: 503 Said: said \
                 (tried 2 times in 0."
            ),
            "{told}"
        );
    }

    #[test]
    fn the_server_is_given_the_time_it_asks_for() {
        let mut pauses = Pauses::new();
        assert_eq!(pauses.after(&answer(500, "Said")), Duration::from_millis(50));
        let mut busy = answer(429, "TooManyRequests");
        if let KubernetesError::Transient { retry_after, .. } = &mut busy {
            *retry_after = Some(Duration::from_secs(3));
        }
        assert_eq!(pauses.after(&busy), Duration::from_secs(3));
        assert_eq!(pauses.after(&answer(500, "Said")), Duration::from_millis(200));
    }
}
