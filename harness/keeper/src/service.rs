//! The harness's handle to its keeper.

use crate::connection::{Connection, State, Stopped};
use crate::wire::{ChildId, Request};
use crate::{Child, Command, Finished, KeeperError, Output, RunDirectory, Tier, start};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a keeper is started with.
#[derive(Debug, Clone)]
pub struct KeeperOptions {
    /// The executable that becomes the keeper; its `main` calls [`entry::dispatch`](crate::entry::dispatch) first.
    /// `/proc/self/exe` is this one.
    pub executable: PathBuf,
    /// The directory that goes with the keeper.
    pub run_directory: RunDirectory,
}

/// How an orderly stop went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// The names of the children that did not end when asked to, and were killed.
    pub killed: Vec<String>,
    /// The names of the commands among those that were [bequeathed](Keeper::bequeath) that did not succeed.
    pub unfulfilled: Vec<String>,
    /// Whether the run directory is gone.
    pub directory_removed: bool,
    /// How long the stop took.
    pub elapsed: Duration,
}

/// A process that starts children, and that ends them all when this process ends in whatever way.
///
/// Clones are handles to the same keeper. When the last one is dropped without a [`Keeper::stop`], the keeper does the
/// same in a hurry, as if the harness had died.
#[derive(Debug, Clone)]
pub struct Keeper {
    connection: Arc<Connection>,
    run_directory: RunDirectory,
}

impl Keeper {
    /// Starts a keeper of the strongest tier that this machine allows.
    ///
    /// # Errors
    /// If no keeper can be started, or the ledger cannot be written.
    pub async fn start(options: KeeperOptions) -> Result<Self, KeeperError> {
        match Self::start_in_tier(options.clone(), Tier::PidNamespace).await {
            Err(KeeperError::Start { message, .. }) => {
                tracing::debug!(message, "no PID namespace, falling back");
                Self::start_in_tier(options, Tier::ChildSubreaper).await
            }
            other => other,
        }
    }

    /// Starts a keeper of exactly this tier.
    ///
    /// # Errors
    /// If the machine does not allow it, or the ledger cannot be written.
    pub async fn start_in_tier(options: KeeperOptions, tier: Tier) -> Result<Self, KeeperError> {
        let connection = Connection::open(&options.executable, &options.run_directory, tier).await?;
        Ok(Self {
            connection: Arc::new(connection),
            run_directory: options.run_directory,
        })
    }

    /// How strongly the children are held.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.connection.tier()
    }

    /// The directory that goes with this keeper.
    #[must_use]
    pub const fn run_directory(&self) -> &RunDirectory {
        &self.run_directory
    }

    /// Starts a child. Dropping the returned handle does not end it.
    ///
    /// # Errors
    /// If the program is missing or cannot be executed, a log cannot be opened, or the keeper is gone.
    pub async fn spawn(&self, command: Command) -> Result<Child, KeeperError> {
        let (descriptors, streams) = start::prepare(&command, &self.run_directory)?;
        self.connection.spawn(&command, descriptors, streams).await
    }

    /// Starts a child, captures what it writes, and waits for its end. If the returned future is dropped, the child is
    /// killed.
    ///
    /// # Errors
    /// As of [`Keeper::spawn`]. A child that fails is no error: see its status.
    pub async fn output(&self, command: Command) -> Result<Finished, KeeperError> {
        let child = self.spawn(command.output(Output::Captured)).await?;
        let guard = KillOnDrop(&child);
        let finished = child.finish().await;
        drop(guard);
        Ok(finished)
    }

    /// Has the keeper run `command` once all children have ended, whether this process asks for that end or dies: for what
    /// no child is, such as a container. Of several the newest is run first, unless it was [revoked](Will::revoke). The
    /// command may take two minutes; its output should go to a log or nowhere.
    ///
    /// # Errors
    /// If the program is missing, or the keeper is gone.
    pub fn bequeath(&self, command: &Command) -> Result<Will, KeeperError> {
        let (descriptors, _) = start::prepare(command, &self.run_directory)?;
        Ok(Will {
            id: self.connection.bequeath(descriptors)?,
            connection: Arc::clone(&self.connection),
        })
    }

    /// Completes when the keeper has died without having been stopped; all its children are dead then. Never completes
    /// after a stop.
    pub async fn died(&self) {
        self.connection.reached(State::Died).await;
    }

    /// Stops all children, stage by stage in their stop order, ends the keeper, and removes the run directory.
    ///
    /// # Errors
    /// If the keeper is gone already, or had to be killed because it did not answer.
    pub async fn stop(&self) -> Result<StopReport, KeeperError> {
        let begin = Instant::now();
        let Stopped { killed, unfulfilled } = self.connection.stop().await?;
        let directory = self.run_directory.clone();
        let removal = tokio::task::spawn_blocking(move || directory.remove()).await;
        let directory_removed = match removal {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the run directory stays for gc");
                false
            }
            Err(_) => false,
        };
        Ok(StopReport {
            killed,
            unfulfilled,
            directory_removed,
            elapsed: begin.elapsed(),
        })
    }
}

/// A command that is run when all has ended. Dropping this changes nothing.
#[derive(Debug)]
pub struct Will {
    id: ChildId,
    connection: Arc<Connection>,
}

impl Will {
    /// Forgets the command: what it would have removed is gone.
    pub fn revoke(&self) {
        self.connection.revoke(self.id);
    }
}

/// Kills a child that nobody waits for any more; one that has ended is not affected.
pub(crate) struct KillOnDrop<'a>(pub(crate) &'a Child);

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.0.request(Request::Signal {
            id: self.0.number(),
            signal: crate::Signal::KILL.as_raw(),
        });
    }
}
