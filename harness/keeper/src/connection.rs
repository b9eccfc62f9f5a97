//! The harness's side of the socket: it starts the keeper, sends requests, and passes on what comes back.

use crate::child::{Child, killed};
use crate::entry::WARDEN;
use crate::identity::{ProcessIdentity, signal};
use crate::packet::{self, PacketSocket};
use crate::start::{ChildEnds, Streams};
use crate::supervisor::WILL;
use crate::wire::{ChildId, Reply, Request};
use crate::{Command, KeeperError, RunDirectory, Signal, Tier, log, sweep};
use rustix::net::{Shutdown, shutdown};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long a new keeper may take to report in.
const READY: Duration = Duration::from_secs(10);

/// How long the keeper may take to start a child.
const SPAWN: Duration = Duration::from_secs(30);

/// How long the keeper may take beyond the graces of its children.
const STOP: Duration = Duration::from_secs(5);

/// How long the outer keeper may take to sweep once the inner one has ended.
const WARDEN_END: Duration = Duration::from_secs(3);

/// How long a sweep after a keeper's death may take.
const SWEEP: Duration = Duration::from_secs(2);

/// A request with the descriptors that go with it.
pub(crate) struct Outgoing {
    pub(crate) request: Request,
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// What has become of the keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Stopped,
    Died,
}

/// The connection to a running keeper; dropping it is the end of the keeper.
pub(crate) struct Connection {
    tier: Tier,
    warden: ProcessIdentity,
    requests: mpsc::UnboundedSender<Outgoing>,
    shared: Arc<Shared>,
    socket: OwnedFd,
}

struct Shared {
    table: Mutex<Table>,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct Table {
    next: ChildId,
    slots: HashMap<ChildId, Slot>,
    wills: HashSet<ChildId>,
    /// How it went, once the keeper has stopped everything.
    stopped: Option<Stopped>,
}

/// How a stop went.
#[derive(Clone)]
pub(crate) struct Stopped {
    /// The names of the children that had to be killed.
    pub(crate) killed: Vec<String>,
    /// The names of the programs among those that were bequeathed that did not succeed.
    pub(crate) unfulfilled: Vec<String>,
}

struct Slot {
    started: Option<oneshot::Sender<Result<u32, String>>>,
    exit: watch::Sender<Option<ExitStatus>>,
    grace: Duration,
    stop_order: u8,
}

impl Connection {
    /// Starts a keeper, waits until it reports in, and writes it to the ledger.
    pub(crate) async fn open(executable: &Path, run: &RunDirectory, tier: Tier) -> Result<Self, KeeperError> {
        let fail = |message: String, source| KeeperError::Start {
            executable: executable.to_owned(),
            message,
            source,
        };
        let (ours, theirs) =
            packet::pair().map_err(KeeperError::system("open a socket to the process keeper"))?;
        let log_path = run.path().join("keeper.log");
        let mut process = start_warden(executable, run, tier, theirs, &log_path)?;
        let twin = ours
            .try_clone()
            .map_err(KeeperError::system("open a socket to the process keeper"))?;
        let socket =
            PacketSocket::new(ours).map_err(KeeperError::system("open a socket to the process keeper"))?;
        let ready = tokio::time::timeout(READY, socket.receive::<Reply>()).await;
        let Ok(Ok(Some((Reply::Ready { pid, .. }, _)))) = ready else {
            // It may have ended by itself, and its log says why.
            let _ = process.kill().await;
            let said = log::tail(&log_path, 1).unwrap_or_default().lines.pop();
            return Err(fail(
                said.unwrap_or_else(|| "it did not report in".to_owned()),
                None,
            ));
        };
        let identities: Vec<_> = process
            .id()
            .into_iter()
            .chain([pid])
            .filter_map(ProcessIdentity::of)
            .collect();
        let [warden, _] = &identities[..] else {
            return Err(fail("it ended as soon as it had started".to_owned(), None));
        };
        let warden = warden.clone();
        run.record_keepers(identities)?;
        let shared = Arc::new(Shared {
            table: Mutex::default(),
            state: watch::Sender::new(State::Running),
        });
        let (requests, queue) = mpsc::unbounded_channel();
        let socket = Arc::new(socket);
        tokio::spawn(write(Arc::clone(&socket), queue));
        tokio::spawn(read(socket, process, Arc::clone(&shared), run.run().to_owned()));
        Ok(Self {
            tier,
            warden,
            requests,
            shared,
            socket: twin,
        })
    }

    pub(crate) const fn tier(&self) -> Tier {
        self.tier
    }

    /// Completes when the keeper is in this state, if it ever is.
    pub(crate) async fn reached(&self, state: State) {
        let mut states = self.shared.state.subscribe();
        if states.wait_for(|&now| now == state).await.is_err() {
            std::future::pending().await
        }
    }

    /// Has the keeper start a child; if this is dropped meanwhile, the child is killed.
    pub(crate) async fn spawn(
        &self,
        command: &Command,
        descriptors: ChildEnds,
        streams: Streams,
    ) -> Result<Child, KeeperError> {
        let (started, reply) = oneshot::channel();
        let (exit, exited) = watch::channel(None);
        let slot = Slot {
            started: Some(started),
            exit,
            grace: command.grace,
            stop_order: command.stop_order,
        };
        let id = self.shared.add(slot)?;
        self.send(Request::Spawn { id }, descriptors)?;
        let unfinished = KillUnlessStarted {
            requests: &self.requests,
            id: Some(id),
        };
        let pid = match tokio::time::timeout(SPAWN, reply).await {
            Ok(Ok(Ok(pid))) => pid,
            Ok(Ok(Err(message))) => {
                return Err(KeeperError::Refused {
                    name: command.name.clone(),
                    message,
                });
            }
            Ok(Err(_)) => return Err(KeeperError::Gone),
            Err(_) => {
                self.kill_keeper();
                return Err(KeeperError::Silent {
                    request: "start a child",
                    seconds: SPAWN.as_secs(),
                });
            }
        };
        unfinished.done();
        Ok(Child::new(
            id,
            command,
            pid,
            exited,
            self.requests.downgrade(),
            streams,
        ))
    }

    /// Has the keeper keep a program, to be started when all has ended; returns its number.
    pub(crate) fn bequeath(&self, descriptors: ChildEnds) -> Result<ChildId, KeeperError> {
        let id = self.shared.add_will();
        self.send(Request::Bequeath { id }, descriptors)?;
        Ok(id)
    }

    /// Has the keeper forget such a program. One that is gone has forgotten it.
    pub(crate) fn revoke(&self, id: ChildId) {
        self.shared.table().wills.remove(&id);
        let _ = self.send(Request::Revoke { id }, Vec::new());
    }

    /// Has the keeper stop everything and end.
    pub(crate) async fn stop(&self) -> Result<Stopped, KeeperError> {
        let limit = self.shared.graces().saturating_add(STOP);
        let mut states = self.shared.state.subscribe();
        // If it is gone already, the state says so.
        let _ = self.send(Request::StopAll, Vec::new());
        match tokio::time::timeout(limit, states.wait_for(|&state| state != State::Running)).await {
            Ok(Ok(_)) => self.shared.table().stopped.clone().ok_or(KeeperError::Gone),
            Ok(Err(_)) => Err(KeeperError::Gone),
            Err(_) => {
                self.kill_keeper();
                Err(KeeperError::Silent {
                    request: "stop",
                    seconds: limit.as_secs(),
                })
            }
        }
    }

    fn send(&self, request: Request, descriptors: Vec<OwnedFd>) -> Result<(), KeeperError> {
        self.requests
            .send(Outgoing { request, descriptors })
            .map_err(|_| KeeperError::Gone)
    }

    fn kill_keeper(&self) {
        if let Err(error) = signal(&self.warden, Signal::KILL) {
            tracing::warn!(%error, "the process keeper cannot be killed");
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Connection({}, {})", self.warden.pid, self.tier)
    }
}

impl Drop for Connection {
    /// The tasks hold the socket too, so closing ours would not be an end of file for the keeper. What it was told before
    /// still reaches it; if that fails, it takes us for dead, and waits for our end as long as it is let.
    fn drop(&mut self) {
        let _ = packet::send_last(&self.socket, &Request::Leave);
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

/// Kills a child whose start nobody waits for any more.
struct KillUnlessStarted<'a> {
    requests: &'a mpsc::UnboundedSender<Outgoing>,
    id: Option<ChildId>,
}

impl KillUnlessStarted<'_> {
    fn done(mut self) {
        self.id = None;
    }
}

impl Drop for KillUnlessStarted<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let request = Request::Signal {
                id,
                signal: Signal::KILL.as_raw(),
            };
            let _ = self.requests.send(Outgoing {
                request,
                descriptors: Vec::new(),
            });
        }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes one more program that is to be run at the end.
    fn add_will(&self) -> ChildId {
        let mut table = self.table();
        table.next += 1;
        let id = table.next;
        table.wills.insert(id);
        id
    }

    /// Makes room for a child, unless the keeper is gone.
    fn add(&self, slot: Slot) -> Result<ChildId, KeeperError> {
        let mut table = self.table();
        if *self.state.borrow() != State::Running {
            return Err(KeeperError::Gone);
        }
        table.next += 1;
        let id = table.next;
        table.slots.insert(id, slot);
        Ok(id)
    }

    fn accept(&self, reply: Reply) {
        let mut table = self.table();
        match reply {
            Reply::Ready { .. } => {}
            Reply::Spawned { id, pid } => table.answer_start(id, Ok(pid)),
            Reply::Refused { id, message } => {
                table.answer_start(id, Err(message));
                table.slots.remove(&id);
            }
            Reply::Exited { id, status } => {
                if let Some(slot) = table.slots.remove(&id) {
                    slot.exit.send_replace(Some(ExitStatus::from_raw(status)));
                }
            }
            Reply::Stopped { killed, unfulfilled } => table.stopped = Some(Stopped { killed, unfulfilled }),
        }
    }

    /// The keeper is gone, and so are the children of whom nothing was heard.
    fn finish(&self) {
        let mut table = self.table();
        let state = if table.stopped.is_some() {
            State::Stopped
        } else {
            State::Died
        };
        self.state.send_replace(state);
        for (_, slot) in table.slots.drain() {
            slot.exit.send_replace(Some(killed()));
        }
    }

    /// The time that the children may take to end, stage after stage, and what is run after them.
    fn graces(&self) -> Duration {
        let mut stages: BTreeMap<u8, Duration> = BTreeMap::new();
        let table = self.table();
        let wills = u32::try_from(table.wills.len()).unwrap_or(u32::MAX);
        for slot in table.slots.values() {
            let longest = stages.entry(slot.stop_order).or_default();
            *longest = slot.grace.max(*longest);
        }
        stages.values().fold(WILL.saturating_mul(wills), |sum, &grace| {
            sum.saturating_add(grace)
        })
    }
}

impl Table {
    fn answer_start(&mut self, id: ChildId, answer: Result<u32, String>) {
        if let Some(started) = self.slots.get_mut(&id).and_then(|slot| slot.started.take()) {
            // Who asked may have gone; the child is killed then.
            let _ = started.send(answer);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the keeper is who starts processes")]
fn start_warden(
    executable: &Path,
    run: &RunDirectory,
    tier: Tier,
    socket: OwnedFd,
    log_path: &Path,
) -> Result<tokio::process::Child, KeeperError> {
    let fail = |source: io::Error| KeeperError::Start {
        executable: executable.to_owned(),
        message: source.to_string(),
        source: Some(source),
    };
    let absolute = std::path::absolute(executable).map_err(fail)?;
    tokio::process::Command::new(absolute)
        .arg(WARDEN)
        .arg(tier.argument())
        .arg(run.path())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::from(log::append(log_path)?))
        // What is typed at the terminal is for the harness.
        .process_group(0)
        .spawn()
        .map_err(fail)
}

async fn write(socket: Arc<PacketSocket>, mut queue: mpsc::UnboundedReceiver<Outgoing>) {
    while let Some(Outgoing { request, descriptors }) = queue.recv().await {
        if let Err(error) = socket.send(&request, &descriptors).await {
            // The reader meets the same end, and tells everyone.
            tracing::debug!(%error, "the process keeper does not listen any more");
            return;
        }
    }
}

async fn read(
    socket: Arc<PacketSocket>,
    mut warden: tokio::process::Child,
    shared: Arc<Shared>,
    run: String,
) {
    loop {
        match socket.receive::<Reply>().await {
            Ok(Some((reply, _))) => shared.accept(reply),
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "the process keeper cannot be understood");
                break;
            }
        }
    }
    if tokio::time::timeout(WARDEN_END, warden.wait()).await.is_err() {
        let _ = warden.kill().await;
    }
    if shared.table().stopped.is_none() {
        let swept = tokio::task::spawn_blocking(move || sweep::end_marked(&run, SWEEP)).await;
        tracing::warn!(
            swept = swept.map_or(0, |swept| swept.len()),
            "the process keeper has died"
        );
    }
    shared.finish();
}
