//! Signers that write under the same tag at the same time: registries do not say whether a tag has changed since it was read.

use crate::error::ImageError;
use std::{fmt, time::Duration};
use tokio::time::Instant;

/// How long signers that overwrite each other try.
const LONGEST_CONTEST: Duration = Duration::from_secs(30);

/// The shortest time after which a signer looks whether another one has overwritten it.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// Two signers that overwrite each other take turns until both are there.
pub(super) struct Contest {
    deadline: Instant,
    turn: Instant,
}

impl Contest {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self {
            deadline: now + LONGEST_CONTEST,
            turn: now,
        }
    }

    /// Waits a bit longer than this turn took, and so as long as one may take whose signer had read before this one wrote; by
    /// chance longer still, so that two do not stay in step.
    pub(super) async fn wait(&mut self, what: &impl fmt::Display) -> Result<(), ImageError> {
        if Instant::now() >= self.deadline {
            return Err(ImageError::Overwritten {
                what: what.to_string(),
                seconds: LONGEST_CONTEST.as_secs(),
            });
        }
        let took = self.turn.elapsed().max(SHORTEST_PAUSE);
        let pause = took.mul_f64(rand::random_range(1.0..2.0));
        tokio::time::sleep(pause).await;
        self.begin_turn();
        Ok(())
    }

    /// Begins a turn: what it is built upon is read from now on.
    pub(super) fn begin_turn(&mut self) {
        self.turn = Instant::now();
    }
}
