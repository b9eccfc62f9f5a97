//! A real control plane as three processes: etcd, kube-apiserver, kube-controller-manager.

use super::{
    StartError, arguments,
    layout::{self, Layout},
    options::ControlPlaneOptions,
    program::Program,
};
use crate::kubernetes::{Access, Kubernetes};
use plumbline_keeper::PortLease;
use plumbline_model::Fault;
use std::{path::PathBuf, time::Duration};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// The API server must be ready within this; it takes two seconds on an idle machine.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The server has no event for its readiness, so it is asked this often.
const PROBE_PAUSE: Duration = Duration::from_millis(15);

/// A socket appears within milliseconds.
const SOCKET_PAUSE: Duration = Duration::from_millis(3);

/// A probe that is not answered within this counts as failed.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// How many ports may be taken from under us before that is an error.
const PORT_TRIES: usize = 3;

/// What pods are stopped before: the controllers first, the store last.
const STOP_CONTROLLER_MANAGER: u8 = 200;
const STOP_API_SERVER: u8 = 210;
const STOP_ETCD: u8 = 220;

/// A running control plane. Dropping it stops nothing: the keeper ends its processes, or [`ControlPlane::stop`].
pub struct ControlPlane {
    access: Access,
    layout: Layout,
    pod_range: u8,
    audit: bool,
    programs: Vec<Program>,
    fault: watch::Receiver<Option<Fault>>,
    guard: AbortOnDropHandle<()>,
    port: PortLease,
}

impl ControlPlane {
    /// Starts the three programs, and returns when the API server has proved by its certificate that it is ours and
    /// says that it is ready.
    ///
    /// # Errors
    /// [`StartError`] with the end of the log of the program that did not start.
    pub async fn start(options: ControlPlaneOptions<'_>) -> Result<Self, StartError> {
        let task = options.progress.task("starting the control plane");
        let layout = Layout::create(&options.run_directory)?;
        layout.write_identities(options.authority)?;
        let etcd = Program::start(
            &options.keeper,
            "etcd",
            options.programs.etcd.clone(),
            arguments::etcd(),
            (layout.etcd(), layout.log("etcd")),
            STOP_ETCD,
        )
        .await?;
        until_listening(&layout, &etcd).await?;
        task.note("waiting for the API server");
        let (api_server, access, port) = start_api_server(&options, &layout, &etcd).await?;
        task.note("starting the controller manager");
        layout.write_kubeconfigs(options.authority, &access)?;
        let controller_manager = Program::start(
            &options.keeper,
            "kube-controller-manager",
            options.programs.kube_controller_manager.clone(),
            arguments::kube_controller_manager(&layout),
            (
                options.run_directory.clone(),
                layout.log("kube-controller-manager"),
            ),
            STOP_CONTROLLER_MANAGER,
        )
        .await?;
        // In the order in which they are stopped.
        let programs = vec![controller_manager, api_server, etcd];
        let (fault, guard) = guard(programs.clone());
        Ok(Self {
            access,
            layout,
            pod_range: options.pod_range,
            audit: options.audit,
            programs,
            fault,
            guard,
            port,
        })
    }

    /// How to reach the API server as its administrator.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// The URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.access.server
    }

    /// The port of the API server on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port.port()
    }

    /// The kubeconfig of the administrator, readable for us only.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.layout.admin_kubeconfig()
    }

    /// The audit log, where one was asked for.
    #[must_use]
    pub fn audit_log(&self) -> Option<PathBuf> {
        self.audit.then(|| self.layout.audit_log())
    }

    /// The third byte of the pods' addresses.
    #[must_use]
    pub const fn pod_range(&self) -> u8 {
        self.pod_range
    }

    /// Name and log file of each program.
    pub fn logs(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        self.programs
            .iter()
            .map(|program| (program.name, program.log.clone()))
    }

    /// Name and process id of each program.
    pub fn processes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.programs
            .iter()
            .map(|program| (program.name, program.child.id()))
    }

    /// Turns into a fault as soon as one of the programs ends unasked.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<Option<Fault>> {
        self.fault.clone()
    }

    /// Ends the three programs, the store last.
    ///
    /// # Errors
    /// When a process does not even end by KILL.
    pub async fn stop(self) -> Result<(), StartError> {
        drop(self.guard);
        for program in &self.programs {
            program.child.stop().await?;
        }
        Ok(())
    }
}

/// Waits for etcd's socket, which is there long before etcd answers. An API server that does not find it tries again
/// only after a second; one that finds it waits for the answer, while both start up.
async fn until_listening(layout: &Layout, etcd: &Program) -> Result<(), StartError> {
    let socket = layout.etcd_socket();
    let listening = async {
        while !socket.exists() {
            tokio::time::sleep(SOCKET_PAUSE).await;
        }
    };
    tokio::select! {
        biased;
        ended = etcd.ended() => Err(ended),
        () = listening => Ok(()),
        () = tokio::time::sleep(READY_WITHIN) => Err(StartError::Late {
            program: etcd.name,
            after: READY_WITHIN,
            last: format!("it does not listen on {}", socket.display()),
            log: etcd.log.clone(),
            tail: etcd.tail(),
        }),
    }
}

/// Starts the API server on a leased port; on another one when somebody took the port nevertheless.
async fn start_api_server(
    options: &ControlPlaneOptions<'_>,
    layout: &Layout,
    etcd: &Program,
) -> Result<(Program, Access, PortLease), StartError> {
    for _ in 0..PORT_TRIES {
        let port = PortLease::acquire()?;
        let access = layout::administrator(options.authority, port.port())?;
        let program = Program::start(
            &options.keeper,
            "kube-apiserver",
            options.programs.kube_apiserver.clone(),
            arguments::kube_apiserver(layout, port.port(), options.audit),
            (layout.etcd(), layout.log("kube-apiserver")),
            STOP_API_SERVER,
        )
        .await?;
        match until_ready(&access, &program, etcd).await {
            Ok(()) => return Ok((program, access, port)),
            Err(StartError::Ended { tail, .. }) if tail.contains("address already in use") => {}
            Err(error) => return Err(error),
        }
    }
    Err(StartError::NoPort { tries: PORT_TRIES })
}

/// Asks for `/readyz` until the answer is yes. Only the holder of a certificate of our authority can answer at all.
async fn until_ready(access: &Access, api_server: &Program, etcd: &Program) -> Result<(), StartError> {
    let probe = Kubernetes::connect(access, "plumbline")?.with_patience(Duration::ZERO);
    let deadline = Instant::now() + READY_WITHIN;
    let mut last = String::from("no answer");
    let asking = async {
        loop {
            match tokio::time::timeout(PROBE_WITHIN, probe.text("/readyz")).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => last = format!("no answer within {} s", PROBE_WITHIN.as_secs()),
            }
            tokio::time::sleep(PROBE_PAUSE).await;
        }
    };
    let ready = tokio::select! {
        biased;
        ended = etcd.ended() => return Err(ended),
        ended = api_server.ended() => return Err(ended),
        () = asking => true,
        () = tokio::time::sleep_until(deadline) => false,
    };
    if ready {
        return Ok(());
    }
    Err(StartError::Late {
        program: api_server.name,
        after: READY_WITHIN,
        last,
        log: api_server.log.clone(),
        tail: api_server.tail(),
    })
}

/// Reports the first program that ends.
fn guard(programs: Vec<Program>) -> (watch::Receiver<Option<Fault>>, AbortOnDropHandle<()>) {
    let (sender, receiver) = watch::channel(None);
    let task = tokio::spawn(async move {
        let ends = programs.iter().map(|program| Box::pin(program.fault()));
        let (fault, ..) = futures::future::select_all(ends).await;
        sender.send_replace(Some(fault));
        // Those who ask later must find the fault too, until the control plane is dropped.
        std::future::pending::<()>().await;
    });
    (receiver, AbortOnDropHandle::new(task))
}
