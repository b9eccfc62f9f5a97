//! A run on a cluster that was there before: nothing is started, nothing is written, and only scenarios that look are run.

mod onlooker;
mod preflight;
mod request;
mod run;
mod wants;

pub use request::LookRequest;
pub use run::look;

/// How reports name such a cluster.
const PROVIDER: &str = "existing";
