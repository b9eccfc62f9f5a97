//! One file per command.

mod check;
mod doctor;
mod existing;
mod gc;
mod images;
mod node_image;
mod plan;
mod prepare;
mod recorded;
mod report;
mod rerun;
mod run;
mod schema;
mod stay;
mod suite;
mod table;
mod toolchain;
mod tools;
mod verify_report;

pub use check::{check, list};
pub use doctor::{doctor, what_kind_lacks};
pub use gc::gc;
pub use images::{Images, images};
pub use node_image::node_image;
pub use prepare::{Prepared, Work};
pub use report::report;
pub use run::{Watchers, drive, run};
pub use schema::schema;
pub use stay::{down, up};
pub use suite::load;
pub use table::table;
pub use tools::tools;
pub use verify_report::verify_report;

use crate::{
    directories::DirectoriesError,
    outputs::{self, OutputError},
};
use plumbline_engine::ExistingError;
use plumbline_flux::FixtureError;
use plumbline_images::ImageError;
use plumbline_keeper::KeeperError;
use plumbline_model::ExitCode;
use plumbline_scenario::{Diagnostics, PlanError};
use std::{io, path::PathBuf};

/// Why a command did not get as far as a result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A place that cannot be told.
    #[error(transparent)]
    Directories(#[from] DirectoriesError),
    /// Invalid scenario files.
    #[error("{} in scenario files; nothing was started", count(.0.len(), "error"))]
    Scenarios(Diagnostics),
    /// The selection is empty, wholly or in part.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Every scenario of an earlier run has a result that counts.
    #[error("nothing to run again: no scenario of {} failed or is without a result", .0.display())]
    NothingToRunAgain(PathBuf),
    /// The fixtures cannot be read.
    #[error(transparent)]
    Fixtures(#[from] FixtureError),
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Processes cannot be started or ended.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// Something of the machine.
    #[error("{what}: {source}")]
    Machine {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The context of an existing cluster cannot be used.
    #[error("{}", plumbline_flux::chain(.0))]
    Existing(#[from] ExistingError),
    /// Wrong usage, in words.
    #[error("{0}")]
    Usage(String),
    /// Something that could not be done with an image.
    #[error("{}", images::words(.0))]
    Image(#[from] ImageError),
    /// A program could not be had, or the lock is wrong.
    #[error("{0}")]
    Toolchain(String),
    /// An existing cluster did not do its part.
    #[error("{0}")]
    Cluster(String),
    /// The container engine, or what drives it, did not do its part.
    #[error("{0}")]
    Engine(String),
}

impl CommandError {
    /// The exit code of each.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Scenarios(_) | Self::Directories(_) | Self::Existing(_) | Self::Usage(_) => ExitCode::Usage,
            Self::Image(error) => images::exit_code(error),
            Self::Plan(_) | Self::NothingToRunAgain(_) => ExitCode::NothingSelected,
            Self::Fixtures(_)
            | Self::Unreadable { .. }
            | Self::Output(_)
            | Self::Keeper(_)
            | Self::Machine { .. }
            | Self::Toolchain(_)
            | Self::Engine(_)
            | Self::Cluster(_) => ExitCode::Environment,
        }
    }

    /// Prints it for people, with every place that it is about.
    pub fn complain(&self) {
        if let Self::Scenarios(diagnostics) = self {
            outputs::explain(&diagnostics.render());
        }
        outputs::complain(&self.to_string());
    }

    /// A file to be written that the user named and that cannot be: said before anything is started.
    pub(crate) fn misnamed(error: OutputError) -> Self {
        Self::Usage(error.to_string())
    }

    pub(crate) fn machine(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Machine { what, source }
    }
}

/// `1 error`, `2 errors`, `2 processes`.
fn count(number: usize, noun: &str) -> String {
    match (number, noun.ends_with('s')) {
        (1, _) => format!("1 {noun}"),
        (_, true) => format!("{number} {noun}es"),
        (_, false) => format!("{number} {noun}s"),
    }
}
