//! Pure functions from the state of an object to a [`Verdict`]: what every wait is made of.

mod readiness;
mod reconciled;
mod verdict;

pub use readiness::{completed, established, gone, ready, rolled_out, running};
pub use reconciled::{REQUESTED_AT, current_revision, reconcile_failed, reconciled, same_revision};
pub use verdict::Verdict;
