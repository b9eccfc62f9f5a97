//! The task behind a shared watch: it lists, follows, goes on where it was broken off, and looks anew when in doubt.
//!
//! A watch can be silent because nothing happens, or because it is dead. So whoever is about to give up a wait asks for
//! a look: the API server is asked for all objects, and a watch that is behind what it shows is replaced.

use super::{
    feed::{Change, State, locked},
    source::{Event, Look, Source},
};
use crate::kubernetes::{KubernetesError, Pauses};
use futures::{StreamExt as _, future::BoxFuture};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How long a watch may be behind a look: what it brings until then is the better source, for it skips no state.
const CATCH_UP_WITHIN: Duration = Duration::from_millis(250);
/// A watch that ends sooner than this is not begun anew at once, unless it has brought something.
const SHORT_LIFE: Duration = Duration::from_secs(1);

/// After so many watches in a row that lived short and brought nothing the objects are listed anew.
const BARREN: u32 = 2;

/// How a watch ended.
enum End {
    /// It can go on from this version.
    Resumable(u64),
    /// The objects have to be listed anew.
    Behind,
}

pub(super) struct Follower {
    source: Source,
    state: Arc<Mutex<State>>,
    synced: watch::Sender<bool>,
    lookout: Lookout,
    /// A look that the watch is behind of, and when that is too long.
    ahead: Option<(Instant, Look)>,
    pauses: Pauses,
}

/// Looks, for those who ask for one while the watch goes on.
struct Lookout {
    source: Source,
    asked: watch::Receiver<()>,
    looking: Option<BoxFuture<'static, Result<Look, KubernetesError>>>,
}

impl Lookout {
    /// What the next look that somebody asks for shows. A look is begun after it was asked for, never before. Nothing is
    /// lost if this is dropped.
    async fn next(&mut self) -> Result<Look, KubernetesError> {
        if self.looking.is_none() && self.asked.changed().await.is_err() {
            // Nobody is left who could ask, and the task is about to be ended.
            std::future::pending::<()>().await;
        }
        let looking = self
            .looking
            .get_or_insert_with(|| Box::pin(self.source.clone().look()));
        let look = looking.await;
        self.looking = None;
        look
    }
}

impl Follower {
    pub(super) fn new(
        source: Source,
        state: Arc<Mutex<State>>,
        synced: watch::Sender<bool>,
        asked: watch::Receiver<()>,
    ) -> Self {
        Self {
            lookout: Lookout {
                source: source.clone(),
                asked,
                looking: None,
            },
            source,
            state,
            synced,
            ahead: None,
            pauses: Pauses::new(),
        }
    }

    /// Follows the kind for ever.
    pub(super) async fn follow(mut self) {
        let mut resume = None;
        let mut barren = 0;
        loop {
            let from = match resume.take() {
                Some(version) => version,
                None => match self.source.clone().look().await {
                    Ok(look) => {
                        self.accept(&look);
                        match look.version {
                            Some(version) => version,
                            None => {
                                tokio::time::sleep(self.pauses.next()).await;
                                continue;
                            }
                        }
                    }
                    Err(error) => {
                        self.interrupted(&error);
                        tokio::time::sleep(self.pauses.next()).await;
                        continue;
                    }
                },
            };
            let begun = Instant::now();
            match self.watch(from).await {
                Ok(End::Resumable(version)) => resume = Some(version),
                Ok(End::Behind) => {}
                // Whether the API server can be asked at all shows when the objects are listed.
                Err(error) => tracing::debug!(%error, "a watch was not begun"),
            }
            if begun.elapsed() >= SHORT_LIFE {
                self.pauses = Pauses::new();
                barren = 0;
            } else if resume == Some(from) {
                barren += 1;
            }
            if barren == BARREN {
                // Going on skips no state, but this way there is no going on.
                (resume, barren) = (None, 0);
            }
            let pause = self.pauses.next();
            if tokio::time::timeout(pause, self.doubted()).await.is_ok() {
                resume = None;
            }
        }
    }

    /// Watches from a version on, until the watch ends or is found to be dead; an error if it never began.
    async fn watch(&mut self, from: u64) -> Result<End, KubernetesError> {
        let mut version = from;
        let mut is_started = false;
        let mut events = self.source.clone().events(from);
        loop {
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        is_started = true;
                        version = version.max(self.take(event));
                    }
                    Some(Err(error)) if error.code() == Some(EXPIRED) => return Ok(End::Behind),
                    Some(Err(error)) if is_started => {
                        tracing::debug!(%error, "a watch broke off");
                        return Ok(End::Resumable(version));
                    }
                    Some(Err(error)) => return Err(error),
                    None => return Ok(End::Resumable(version)),
                },
                () = self.doubted() => return Ok(End::Behind),
            }
        }
    }

    /// Looks for those who doubt the watch; ends when the watch has been behind a look for too long. Nothing is lost if
    /// this is dropped.
    async fn doubted(&mut self) {
        loop {
            let too_long = self.ahead.as_ref().map(|(until, _)| *until);
            tokio::select! {
                biased;
                () = until(too_long) => {
                    tracing::debug!("a watch is dead: the API server has shown what it has not brought");
                    return;
                }
                look = self.lookout.next() => match look {
                    Ok(look) if self.is_behind(&look) => {
                        let until = too_long.unwrap_or_else(|| Instant::now() + CATCH_UP_WITHIN);
                        self.ahead = Some((until, look));
                    }
                    Ok(look) => self.accept(&look),
                    Err(error) => self.interrupted(&error),
                },
            }
        }
    }

    /// Takes over what the watch brings; gives the version that it has come to.
    fn take(&mut self, event: Event) -> u64 {
        let version = match event {
            Event::Started => 0,
            Event::Reached(version) => version,
            Event::Happened(change, version) => {
                self.pauses = Pauses::new();
                locked(&self.state).take(&change);
                version
            }
        };
        if let Some((until, look)) = self.ahead.take() {
            if self.is_behind(&look) {
                self.ahead = Some((until, look));
            } else {
                self.accept(&look);
            }
        }
        version
    }

    fn is_behind(&self, look: &Look) -> bool {
        !look.changes(&locked(&self.state)).is_empty()
    }

    /// Makes the store what a look showed, and tells.
    fn accept(&mut self, look: &Look) {
        self.ahead = None;
        let mut state = locked(&self.state);
        for change in look.changes(&state) {
            state.take(&change);
        }
        state.publish(&Change::Looked(look.begun));
        drop(state);
        let _ = self.synced.send(true);
    }

    fn interrupted(&self, error: &KubernetesError) {
        locked(&self.state).publish(&Change::Interrupted(error.to_string()));
    }
}

/// The HTTP status that says: what comes after this version is not known any more.
const EXPIRED: u16 = 410;

/// Ends at a time, or never.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
