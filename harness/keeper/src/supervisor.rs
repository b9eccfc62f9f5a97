//! The inner keeper: it starts the children, stops them in order, and tells the harness how they ended.
//!
//! Single-threaded. In a PID namespace it is the first process: its end is the end of all others.

mod children;
mod launch;
mod wills;

use crate::packet::PacketSocket;
use crate::warden::{become_subreaper, clean_up, close_stdin, parse, runtime, swallow_signals};
use crate::wire::{Reply, Request};
use crate::{Signal, Tier};
use children::Children;
use rustix::fs::Mode;
use rustix::process::{
    PidfdFlags, Resource, Rlimit, getppid, pidfd_open, set_parent_process_death_signal, setrlimit, setsid,
    umask,
};
use rustix::thread::set_no_new_privs;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::SignalKind;
use wills::Wills;

pub(crate) use wills::WILL;

/// How long an ordered stop may take in all once the harness is dead.
const HURRY: Duration = Duration::from_millis(800);

/// How long a stage is waited for after its last KILL.
const AFTER_KILL: Duration = Duration::from_millis(500);

/// Runs the inner keeper: `<tier> <run directory>`, standard input is the harness's socket.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), String> {
    let (tier, directory) = parse(arguments)?;
    let runtime = runtime().map_err(|error| error.to_string())?;
    match runtime.block_on(supervise(tier, directory)) {
        Ok(false) => Ok(()),
        // The warden learns of it from the exit code.
        Ok(true) => Err("the harness ended without a stop".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Serves to the end; returns whether that was the harness's own end too.
async fn supervise(tier: Tier, directory: &Path) -> io::Result<bool> {
    harden(tier)?;
    let _signals = swallow_signals()?;
    let child_ended = tokio::signal::unix::signal(SignalKind::child())?;
    let warden = watch_warden(tier)?;
    let socket = PacketSocket::new(io::stdin().as_fd().try_clone_to_owned()?)?;
    close_stdin()?;
    let pid = std::fs::read_link("/proc/self")?;
    let pid = pid.to_str().and_then(|pid| pid.parse().ok()).unwrap_or_default();
    socket.send(&Reply::Ready { tier, pid }, &[]).await?;
    let mut supervisor = Supervisor {
        socket,
        child_ended,
        warden,
        children: Children::default(),
        wills: Wills::default(),
        deserted: false,
        orphaned: false,
    };
    supervisor.serve().await;
    supervisor.end().await;
    if tier == Tier::ChildSubreaper {
        clean_up(tier, directory, supervisor.orphaned);
    }
    Ok(supervisor.orphaned)
}

/// Sets what every child inherits, and ties the end of this process to the warden's.
fn harden(tier: Tier) -> io::Result<()> {
    match tier {
        Tier::PidNamespace => set_parent_process_death_signal(Some(Signal::KILL))?,
        Tier::ChildSubreaper => become_subreaper()?,
    }
    // A session without a terminal: nothing typed reaches the children.
    setsid()?;
    set_no_new_privs(true)?;
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    umask(Mode::WGRP | Mode::WOTH);
    Ok(())
}

/// Without a namespace nothing ends this process when the warden is killed: it watches the warden itself, and sweeps in
/// its stead.
#[expect(
    deprecated,
    reason = "its replacement is unsafe; an owned descriptor upholds what it asks for"
)]
fn watch_warden(tier: Tier) -> io::Result<Option<AsyncFd<OwnedFd>>> {
    match (tier, getppid()) {
        (Tier::ChildSubreaper, Some(parent)) => {
            let descriptor = pidfd_open(parent, PidfdFlags::empty())?;
            Ok(Some(AsyncFd::with_interest(
                descriptor,
                tokio::io::Interest::READABLE,
            )?))
        }
        _ => Ok(None),
    }
}

struct Supervisor {
    socket: PacketSocket,
    child_ended: tokio::signal::unix::Signal,
    warden: Option<AsyncFd<OwnedFd>>,
    children: Children,
    wills: Wills,
    /// The harness or the warden is dead, or has turned away: there is no time for courtesy.
    deserted: bool,
    /// The harness is dead, or about to be: nobody else removes its directory.
    orphaned: bool,
}

enum Happening {
    Request(Request, Vec<OwnedFd>),
    ChildEnded,
    Overdue,
    Deserted(Deserter),
}

/// Who has left the supervisor alone.
enum Deserter {
    /// The harness, which has come to its end.
    DyingHarness,
    /// The harness, which lives on without its keeper, or the warden.
    Other,
}

impl Supervisor {
    /// Answers requests until the harness asks for the end, or has come to its own.
    async fn serve(&mut self) {
        loop {
            let overdue = self.children.next_deadline();
            match self.next(overdue).await {
                Happening::Request(Request::StopAll, _) => return,
                Happening::Request(request, descriptors) => self.answer(request, descriptors).await,
                Happening::ChildEnded => self.report_ended().await,
                Happening::Overdue => self.children.kill_overdue(),
                Happening::Deserted(by) => {
                    self.note_desertion(by);
                    return;
                }
            }
        }
    }

    async fn next(&mut self, overdue: Option<Instant>) -> Happening {
        let overdue = async {
            match overdue {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let Self {
            socket,
            child_ended,
            warden,
            deserted,
            ..
        } = self;
        let deserted = *deserted;
        let warden_ended = async {
            match warden {
                Some(warden) if !deserted => drop(warden.readable().await),
                _ => std::future::pending().await,
            }
        };
        let request = async {
            if deserted {
                return std::future::pending().await;
            }
            socket.receive::<Request>().await
        };
        tokio::select! {
            received = request => match received {
                Ok(Some((Request::Leave, _))) => Happening::Deserted(Deserter::Other),
                Ok(Some((request, descriptors))) => Happening::Request(request, descriptors),
                Ok(None) | Err(_) => Happening::Deserted(Deserter::DyingHarness),
            },
            _ = child_ended.recv() => Happening::ChildEnded,
            () = warden_ended => Happening::Deserted(Deserter::Other),
            () = overdue => Happening::Overdue,
        }
    }

    async fn answer(&mut self, request: Request, descriptors: Vec<OwnedFd>) {
        match request {
            Request::Spawn { id } => {
                let reply = match launch::start(descriptors) {
                    Ok((started, launch)) => {
                        self.children.add(id, started.pid, &launch);
                        Reply::Spawned {
                            id,
                            pid: started.outer_pid,
                        }
                    }
                    Err(message) => Reply::Refused { id, message },
                };
                self.tell(&reply).await;
            }
            Request::Signal { id, signal } => self.children.signal(id, signal),
            Request::Stop {
                id,
                grace_milliseconds,
            } => {
                self.children
                    .stop(id, Instant::now() + Duration::from_millis(grace_milliseconds));
            }
            Request::Bequeath { id } => self.wills.add(id, descriptors),
            Request::Revoke { id } => self.wills.revoke(id),
            Request::StopAll | Request::Leave => {}
        }
    }

    fn note_desertion(&mut self, by: Deserter) {
        self.deserted = true;
        self.orphaned = matches!(by, Deserter::DyingHarness);
    }

    async fn report_ended(&mut self) {
        for (id, status) in self.children.reap() {
            self.tell(&Reply::Exited { id, status }).await;
        }
    }

    /// A harness that does not listen any more is seen as such at the next receive.
    async fn tell(&self, reply: &Reply) {
        let _ = self.socket.send(reply, &[]).await;
    }

    /// Stops everything, removes what was bequeathed, and tells the harness, if it asked.
    async fn end(&mut self) {
        let asked = !self.deserted;
        let killed = self.stop_all().await;
        let unfulfilled = self.carry_out_wills().await;
        // A harness that did not ask must not take the warden's death for an orderly end.
        if asked {
            self.tell(&Reply::Stopped { killed, unfulfilled }).await;
        }
    }

    /// Stops the stages one after the other, lowest first; returns the names of those that had to be killed.
    async fn stop_all(&mut self) -> Vec<String> {
        let mut hurry = self.deserted.then(|| Instant::now() + HURRY);
        let mut killed = Vec::new();
        while let Some(stage) = self.children.first_stage() {
            let stages = self.children.stages();
            self.children
                .stop_stage(stage, hurry.map(|hurry| share(hurry, stages)));
            let mut give_up = None;
            while self.children.first_stage() == Some(stage) {
                if give_up.is_some_and(|give_up| Instant::now() >= give_up) {
                    killed.extend(self.children.abandon_stage(stage));
                    break;
                }
                match self.next(self.children.next_deadline().or(give_up)).await {
                    Happening::ChildEnded => self.report_ended().await,
                    Happening::Overdue => {
                        self.children.kill_overdue();
                        if self.children.next_deadline().is_none() && give_up.is_none() {
                            give_up = Some(Instant::now() + AFTER_KILL);
                        }
                    }
                    Happening::Deserted(by) => {
                        let until = Instant::now() + HURRY;
                        self.note_desertion(by);
                        hurry = Some(until);
                        self.children.shorten_grace(share(until, stages));
                    }
                    Happening::Request(Request::Spawn { id }, _) => {
                        self.tell(&Reply::Refused {
                            id,
                            message: "the run is ending".to_owned(),
                        })
                        .await;
                    }
                    Happening::Request(..) => {}
                }
            }
        }
        killed.extend(self.children.take_killed());
        killed
    }
}

/// The end of this stage's part of the time until `end`, when so many stages are still to go.
fn share(end: Instant, stages: usize) -> Instant {
    let now = Instant::now();
    now + end.saturating_duration_since(now) / u32::try_from(stages.max(1)).unwrap_or(u32::MAX)
}
