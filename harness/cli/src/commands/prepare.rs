//! What is certain before anything of a run is started.

use super::{
    CommandError,
    existing::{context, removal},
    load,
    toolchain::lock,
};
use crate::{
    arguments::{Clusters, Flaky, KeepPlatform, On, Places, Run},
    directories::Directories,
};
use plumbline_cluster::kind::KindSettings;
use plumbline_engine::{Context, Keep, LookRequest, Removal, Resume, RunRequest};
use plumbline_model::{FlakyResult, Provider, RunOptions, SuiteIdentity};
use plumbline_scenario::{Plan, Reason};
use plumbline_toolchain::Lock;
use std::{
    hash::{BuildHasher as _, RandomState},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

/// A run that could be started.
pub struct Prepared {
    directories: Directories,
    executable: PathBuf,
    suite: SuiteIdentity,
    options: RunOptions,
    keep: Keep,
    provider: Provider,
    node_logs: Option<PathBuf>,
    /// What it can be built with.
    lock: Lock,
    /// The release of Flux that the user has chosen.
    flux: Option<String>,
    /// The cluster, if it is there already.
    existing: Option<Context>,
    /// What removes what scenarios write there, if they may.
    removal: Option<Removal>,
    /// The scenarios, in order.
    pub plan: Plan,
}

impl Prepared {
    /// Resolves places, loads and plans. Of what `run` selects, only the scenarios with one of `ids` are taken, if there are any.
    ///
    /// # Errors
    /// Every error of every file; a selection that comes to nothing.
    pub fn new(places: &Places, run: &Run, ids: Vec<String>) -> Result<Self, CommandError> {
        if run.node_logs.is_some() && run.clusters.on != On::Kind {
            return Err(CommandError::Usage(
                "--node-logs goes with --on kind: no other nodes of ours log".into(),
            ));
        }
        let directories = Directories::resolve(places)?;
        let lock = chosen_lock(&run.clusters, &directories.project)?;
        let (suite, mut selection) = load(&directories, &run.selection)?;
        let seed = run.order.shuffle.map(|seed| seed.unwrap_or_else(any_seed));
        selection.ids = ids;
        selection.shard = run.shard;
        selection.seed = seed;
        let mut plan = suite.plan(&selection)?;
        let existing = context(run, &directories)?;
        let removal = removal(places, run, &directories)?;
        if existing.is_some() {
            // Nothing is built there, so what others would need for that is not run.
            plan.scenarios
                .retain(|planned| planned.reason == Reason::Selected);
        }
        let executable =
            std::env::current_exe().map_err(CommandError::machine("cannot tell this program's own path"))?;
        Ok(Self {
            directories,
            executable,
            suite: suite.identity(),
            options: RunOptions {
                parallel: run.order.parallel(run.clusters.on, processors()).into(),
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
            node_logs: run.node_logs.clone(),
            provider: match run.clusters.on {
                On::Embedded | On::Existing => Provider::Embedded,
                On::Kind => Provider::Kind,
            },
            lock,
            flux: run.clusters.flux.clone(),
            existing,
            removal,
            plan,
        })
    }

    /// What the user asked for.
    #[must_use]
    pub const fn options(&self) -> &RunOptions {
        &self.options
    }

    /// What is to be done, on a cluster of ours or on one that is there. With `resume` it holds still at failures.
    #[must_use]
    pub fn work(mut self, offline: bool, resume: Option<Resume>) -> Work {
        match self.existing.take() {
            None => self.request(offline, resume).into(),
            Some(context) => Work::Look(Box::new(LookRequest {
                context,
                plan: self.plan,
                suite: self.suite,
                options: self.options,
                environment: self.directories.environment,
                runs: self.directories.runs,
                executable: self.executable,
                allow_writes: self.removal,
                pause_on_failure: resume,
            })),
        }
    }

    /// The run on a cluster of ours. With `resume` it holds still at failures.
    #[must_use]
    pub fn request(self, offline: bool, resume: Option<Resume>) -> RunRequest {
        RunRequest {
            project: self.directories.project,
            lock: self.lock,
            flux: self.flux,
            cache: self.directories.cache,
            runs: self.directories.runs,
            search_path: self.directories.search_path,
            environment: self.directories.environment,
            offline,
            provider: self.provider,
            node_logs: self.node_logs,
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

/// What is to be done.
pub enum Work {
    /// A platform is built, and scenarios run on it.
    Build(Box<RunRequest>),
    /// A platform is looked at.
    Look(Box<LookRequest>),
}

impl From<RunRequest> for Work {
    fn from(request: RunRequest) -> Self {
        Self::Build(Box::new(request))
    }
}

/// A seed that is short enough to be typed again.
fn any_seed() -> u64 {
    RandomState::new().hash_one("seed") % 1_000_000
}

/// The programs at the versions that were chosen, where they can be chosen.
fn chosen_lock(clusters: &Clusters, project: &Path) -> Result<Lock, CommandError> {
    let chosen = [&clusters.kubernetes.version, &clusters.flux];
    if clusters.on == On::Existing && chosen.iter().any(|version| version.is_some()) {
        return Err(CommandError::Usage(
            "--kubernetes and --flux are about clusters of our own: an existing one has the versions that it has".into(),
        ));
    }
    if clusters.on == On::Kind && clusters.kubernetes.version.is_some() {
        let path = project.join("clusters/kind.yaml");
        let settings = KindSettings::read(&path).map_err(CommandError::Usage)?;
        if !settings.follows_version() {
            return Err(CommandError::Usage(format!(
                "{} names the image {}, whatever --kubernetes says: write {{kubernetes}} where the version is in it",
                path.display(),
                settings.image
            )));
        }
    }
    lock(project, &clusters.kubernetes, clusters.flux.as_deref())
}

/// How many processors this process may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
