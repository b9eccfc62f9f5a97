//! Making what is missing: claim, download, build, install; several programs at a time where that is faster.

use crate::{
    ToolchainError,
    build::{Build, Prepared},
    cache::Staging,
    claim::Claim,
    error::{Attempt, Unavailable},
    go_command::GoCommand,
    programs::{Ready, Source},
    queue::{Place, Queue},
    release::download,
    source::Miss,
    toolchain::{Toolchain, Wanted},
};
use futures::future::{join_all, try_join_all};
use plumbline_model::Progress;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// Programs whose modules are fetched at a time: enough to keep the line busy, few enough that the first build can start
/// soon.
const PREPARED_AT_A_TIME: usize = 2;

/// One that compiles and one that links.
const BUILT_AT_A_TIME: usize = 2;

/// Makes missing programs.
pub(crate) struct Workshop<'work> {
    toolchain: &'work Toolchain,
    go: Result<GoCommand, String>,
    progress: &'work Progress,
    queue: Queue,
    preparing: Semaphore,
    building: Semaphore,
    /// Becomes true when a program turns out to be unavailable: then nobody builds any more.
    given_up: watch::Sender<bool>,
}

/// A program, as far as it could be made without compiling.
struct Started<'work> {
    wanted: Wanted<'work>,
    _claim: Claim,
    stage: Stage<'work>,
}

enum Stage<'work> {
    /// It is there.
    Ready(Ready),
    /// It can be built.
    Prepared {
        prepared: Prepared,
        staging: Staging,
        place: Place<'work>,
    },
}

impl<'work> Workshop<'work> {
    pub(crate) fn new(
        toolchain: &'work Toolchain,
        go: Result<GoCommand, String>,
        progress: &'work Progress,
    ) -> Self {
        Self {
            toolchain,
            go,
            progress,
            queue: Queue::new(),
            preparing: Semaphore::new(PREPARED_AT_A_TIME),
            building: Semaphore::new(BUILT_AT_A_TIME),
            given_up: watch::Sender::new(false),
        }
    }

    /// Makes all of them, or fails with all those that cannot be made.
    pub(crate) async fn make(
        &'work self,
        missing: Vec<(Wanted<'work>, Vec<Attempt>)>,
    ) -> Result<Vec<Ready>, ToolchainError> {
        let hopeless: Vec<_> = missing
            .iter()
            .filter_map(|(wanted, attempts)| self.hopeless(wanted, attempts))
            .collect();
        if !hopeless.is_empty() {
            return Err(ToolchainError::Unavailable(hopeless));
        }
        // Offline, what a killed download left incomplete shows only now: nobody waits for builds whose result could
        // not be used. Online, the first build starts while the modules of the others arrive.
        let made = if self.toolchain.options.offline {
            let mut claimed = Vec::new();
            for (wanted, attempts) in missing {
                // One after the other, in the order of the lock: since none is given back before all are held, two
                // processes that took them in any order could wait for each other.
                let claim = self.claim(&wanted).await?;
                claimed.push(self.start(wanted, attempts, claim));
            }
            let started = join_all(claimed).await.into_iter();
            try_join_all(started.map(|started| async move { self.finish(started?).await })).await?
        } else {
            let each = missing.into_iter().map(|(wanted, attempts)| async move {
                let claim = self.claim(&wanted).await?;
                self.finish(self.start(wanted, attempts, claim).await?).await
            });
            try_join_all(each).await?
        };
        let mut ready = Vec::new();
        let mut unavailable = Vec::new();
        for one in made {
            match one {
                Some(Ok(made)) => ready.push(made),
                Some(Err(reasons)) => unavailable.push(reasons),
                None => {}
            }
        }
        if unavailable.is_empty() {
            Ok(ready)
        } else {
            Err(ToolchainError::Unavailable(unavailable))
        }
    }

    /// Whether it is certain from the start that a program cannot be made.
    fn hopeless(&self, wanted: &Wanted<'_>, attempts: &[Attempt]) -> Option<Unavailable> {
        let release = !self.toolchain.options.offline && wanted.program.release_for_this_platform().is_some();
        match (&self.go, &wanted.program.go) {
            (Ok(_), Some(_)) => None,
            _ if release => None,
            (Err(reason), Some(_)) => {
                let attempt = Attempt {
                    source: Source::GoModule,
                    reason: reason.clone(),
                };
                Some(
                    self.toolchain
                        .unavailable(wanted, [attempts, &[attempt]].concat(), false),
                )
            }
            (_, None) => Some(
                self.toolchain
                    .unavailable(wanted, attempts.to_vec(), self.go.is_ok()),
            ),
        }
    }

    /// Waits until no other process works on the program.
    async fn claim(&'work self, wanted: &Wanted<'work>) -> Result<(Place<'work>, Claim), ToolchainError> {
        // Joined before the claim is waited for, so that the order of the lock holds from the start.
        let place = self.queue.join(wanted.place);
        let claim = Claim::acquire(&wanted.slot, &wanted.program.name, self.progress).await?;
        Ok((place, claim))
    }

    /// Downloads the release or the modules.
    async fn start(
        &'work self,
        wanted: Wanted<'work>,
        mut attempts: Vec<Attempt>,
        (place, claim): (Place<'work>, Claim),
    ) -> Result<Result<Started<'work>, Unavailable>, ToolchainError> {
        // Whoever held the claim before may have made it.
        if let Ok(ready) = self.toolchain.cached(&wanted).await {
            return Ok(Ok(Started {
                wanted,
                _claim: claim,
                stage: Stage::Ready(ready),
            }));
        }
        let staging = wanted
            .slot
            .stage()
            .map_err(ToolchainError::file("create", wanted.slot.folder()))?;
        match self.take_release(&wanted, &staging).await {
            Ok(ready) => {
                return Ok(Ok(Started {
                    wanted,
                    _claim: claim,
                    stage: Stage::Ready(ready),
                }));
            }
            Err(Miss::Absent(attempt)) => attempts.push(attempt),
            Err(Miss::Fatal(error)) => return Err(error),
        }
        match self.prepare(&wanted, &staging).await {
            Ok(prepared) => {
                let stage = Stage::Prepared {
                    prepared,
                    staging,
                    place,
                };
                Ok(Ok(Started {
                    wanted,
                    _claim: claim,
                    stage,
                }))
            }
            Err(Miss::Fatal(error)) => Err(error),
            Err(Miss::Absent(attempt)) => {
                attempts.push(attempt);
                self.given_up.send_replace(true);
                Ok(Err(self.toolchain.unavailable(
                    &wanted,
                    attempts,
                    self.go.is_ok(),
                )))
            }
        }
    }

    async fn take_release(&self, wanted: &Wanted<'_>, staging: &Staging) -> Result<Ready, Miss> {
        let absent = |reason: &str| Miss::absent(Source::Release, reason);
        let release = wanted.program.release_for_this_platform();
        let release = release.ok_or_else(|| absent("the lock pins none for this platform"))?;
        if self.toolchain.options.offline {
            return Err(absent("the network is not to be used"));
        }
        let what = format!("{} {}", wanted.program.name, wanted.program.version);
        download(
            release,
            &what,
            staging,
            &self.toolchain.options.environment,
            self.progress,
        )
        .await?;
        Ok(self.install(wanted, staging, Source::Release, None).await?)
    }

    async fn prepare(&self, wanted: &Wanted<'_>, staging: &Staging) -> Result<Prepared, Miss> {
        // The semaphores live as long as `self` and are never closed.
        let _permit = self.preparing.acquire().await;
        self.with_build(wanted, async |build| build.prepare(staging).await)
            .await
    }

    /// Builds what has to be built. `None` if another program turned out to be unavailable in the meantime.
    async fn finish(
        &'work self,
        started: Result<Started<'work>, Unavailable>,
    ) -> Result<Option<Result<Ready, Unavailable>>, ToolchainError> {
        let Started {
            wanted,
            _claim,
            stage,
        } = match started {
            Ok(started) => started,
            Err(unavailable) => return Ok(Some(Err(unavailable))),
        };
        let (prepared, staging, place) = match stage {
            Stage::Ready(ready) => return Ok(Some(Ok(ready))),
            Stage::Prepared {
                prepared,
                staging,
                place,
            } => (prepared, staging, place),
        };
        let mut given_up = self.given_up.subscribe();
        tokio::select! {
            biased;
            _ = given_up.wait_for(|given_up| *given_up) => Ok(None),
            built = self.build(&wanted, &prepared, &staging, place) => match built {
                Ok(ready) => Ok(Some(Ok(ready))),
                Err(Miss::Fatal(error)) => Err(error),
                Err(Miss::Absent(attempt)) => {
                    Ok(Some(Err(self.toolchain.unavailable(&wanted, vec![attempt], self.go.is_ok()))))
                }
            },
        }
    }

    async fn build(
        &self,
        wanted: &Wanted<'_>,
        prepared: &Prepared,
        staging: &Staging,
        place: Place<'_>,
    ) -> Result<Ready, Miss> {
        place.turn().await;
        let _permit = self.building.acquire().await;
        let begun = Instant::now();
        let last_time = wanted.slot.last_time();
        self.with_build(wanted, async |build| {
            Ok(build.build(prepared, staging, place, last_time).await?)
        })
        .await?;
        Ok(self
            .install(wanted, staging, Source::GoModule, Some(begun.elapsed()))
            .await?)
    }

    async fn with_build<Output>(
        &self,
        wanted: &Wanted<'_>,
        work: impl AsyncFnOnce(Build<'_>) -> Result<Output, Miss>,
    ) -> Result<Output, Miss> {
        let absent = |reason: &str| Miss::absent(Source::GoModule, reason);
        let module = wanted
            .program
            .go
            .as_ref()
            .ok_or_else(|| absent("the lock names none"))?;
        let go = self.go.as_ref().map_err(|reason| absent(reason))?;
        let folder = self.toolchain.module_folder(wanted.program);
        let log = wanted.slot.folder().join("build.log");
        work(Build {
            keeper: &self.toolchain.options.keeper,
            go,
            program: wanted.program,
            module,
            folder: &folder,
            log: &log,
            progress: self.progress,
        })
        .await
    }

    async fn install(
        &self,
        wanted: &Wanted<'_>,
        staging: &Staging,
        source: Source,
        took: Option<Duration>,
    ) -> Result<Ready, ToolchainError> {
        let failed = || ToolchainError::file("install a program in", wanted.slot.folder());
        wanted
            .slot
            .install(staging, wanted.program, source, took)
            .map_err(failed())?;
        // Read once more from where it will be run: a disk that loses bytes shows here and not in a strange crash.
        self.toolchain
            .cached(wanted)
            .await
            .map_err(|reason| failed()(std::io::Error::other(reason)))
    }
}
