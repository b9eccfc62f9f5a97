//! The platform's verbs on a cluster, or on several: install, apply the instance, upgrade, on-board, commit, reconcile and
//! wait, mirror, sign.

mod build;
mod cluster;
mod egress;
mod error;
mod faults;
mod fixtures;
mod forge;
mod http;
mod instance;
mod logs;
pub mod names;
mod onboard;
mod operator;
mod patience;
mod platform;
mod policy;
mod programs;
mod reconcile;
mod restore;
mod services;
mod simulation;
mod site;
mod subject;
mod supply;
mod upgrade;
mod versions;

pub use build::{ChartFolder, Published};
pub use egress::Egress;
pub use error::{VerbError, chain};
pub use faults::BreakableServer;
pub use fixtures::{FixtureError, Fixtures, PLATFORM_REPOSITORIES, Tree, TreeFile, replace_word};
pub use forge::{Forge, GitReference};
pub use http::{HttpAnswer, HttpClient, HttpRequest};
pub use instance::{Applied, AppliedInstance, InstanceChange};
pub use logs::{LogFollower, LogMarks};
pub use onboard::Onboarded;
pub use patience::{Patience, unmet};
pub use platform::{Platform, PlatformOptions};
pub use programs::last_lines;
pub use reconcile::Ending;
pub use services::Services;
pub use simulation::simulations;
pub use supply::{PLATFORM_PROGRAMS, ReleaseImage, SupplyChain};
pub use upgrade::{Component, Upgraded};
pub use versions::{Versions, release_programs};
