//! What is certain before anything of a run is started.

use super::{CommandError, load};
use crate::{
    arguments::{Flaky, KeepPlatform, On, Places, Run},
    directories::Directories,
};
use plumbline_engine::{Keep, Resume, RunRequest};
use plumbline_model::{FlakyResult, Provider, RunOptions, SuiteIdentity};
use plumbline_scenario::Plan;
use std::{
    hash::{BuildHasher as _, RandomState},
    path::PathBuf,
};

/// A run that could be started.
pub struct Prepared {
    directories: Directories,
    executable: PathBuf,
    suite: SuiteIdentity,
    options: RunOptions,
    keep: Keep,
    provider: Provider,
    /// The scenarios, in order.
    pub plan: Plan,
}

impl Prepared {
    /// Resolves places, loads and plans. Of what `run` selects, only the scenarios with one of `ids` are taken, if there are any.
    ///
    /// # Errors
    /// Every error of every file; a selection that comes to nothing.
    pub fn new(places: &Places, run: &Run, ids: Vec<String>) -> Result<Self, CommandError> {
        let directories = Directories::resolve(places)?;
        let (suite, mut selection) = load(&directories, &run.selection)?;
        let seed = run.order.shuffle.map(|seed| seed.unwrap_or_else(any_seed));
        selection.ids = ids;
        selection.shard = run.shard;
        selection.seed = seed;
        let plan = suite.plan(&selection)?;
        let executable =
            std::env::current_exe().map_err(CommandError::machine("cannot tell this program's own path"))?;
        Ok(Self {
            directories,
            executable,
            suite: suite.identity(),
            options: RunOptions {
                parallel: run.order.parallel.into(),
                seed,
                shard: run.shard,
                fail_fast: run.order.fail_fast,
                flaky: match run.order.flaky {
                    Flaky::Pass => FlakyResult::Pass,
                    Flaky::Fail => FlakyResult::Fail,
                },
                selection: run.selection.words(),
            },
            keep: match run.order.keep {
                KeepPlatform::Never => Keep::Never,
                KeepPlatform::OnFailure => Keep::OnFailure,
                KeepPlatform::Always => Keep::Always,
            },
            provider: match run.clusters.on {
                On::Embedded => Provider::Embedded,
                On::Kind => Provider::Kind,
            },
            plan,
        })
    }

    /// What the user asked for.
    #[must_use]
    pub const fn options(&self) -> &RunOptions {
        &self.options
    }

    /// The run. With `resume` it holds still at failures.
    #[must_use]
    pub fn request(self, offline: bool, resume: Option<Resume>) -> RunRequest {
        RunRequest {
            project: self.directories.project,
            cache: self.directories.cache,
            runs: self.directories.runs,
            search_path: self.directories.search_path,
            environment: self.directories.environment,
            offline,
            provider: self.provider,
            executable: self.executable,
            plan: self.plan,
            suite: self.suite,
            options: self.options,
            keep: self.keep,
            onboard_all: false,
            pause_on_failure: resume,
        }
    }
}

/// A seed that is short enough to be typed again.
fn any_seed() -> u64 {
    RandomState::new().hash_one("seed") % 1_000_000
}
