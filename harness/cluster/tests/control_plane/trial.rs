//! What the tests share: the programs, one cluster started by the first test that needs it, and how to run a test.
#![allow(
    dead_code,
    reason = "two test programs share this file, and each uses its part"
)]

use libtest_mimic::Trial;
use plumbline_cluster::{ControlPlane, ControlPlaneOptions, Kubernetes, ProgramPaths, Watches};
use plumbline_keeper::{Keeper, KeeperOptions, PodRange, RunDirectory};
use plumbline_model::Progress;
use plumbline_servers::CertificateAuthority;
use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::Mutex, time::Instant};

/// No test of these takes longer, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// The directory with the programs.
#[derive(Clone)]
pub struct Programs(PathBuf);

impl Programs {
    #[expect(clippy::disallowed_methods, reason = "the test is the program here")]
    pub fn find() -> Result<Self, String> {
        let directory = std::env::var_os("PLUMBLINE_TEST_PROGRAMS")
            .ok_or("PLUMBLINE_TEST_PROGRAMS does not name a directory with the programs")?;
        let programs = Self(directory.into());
        for path in [programs.paths().etcd, programs.paths().kube_apiserver] {
            if !path.is_file() {
                return Err(format!("{} is missing", path.display()));
            }
        }
        Ok(programs)
    }

    pub fn paths(&self) -> ProgramPaths {
        ProgramPaths {
            etcd: self.path("etcd"),
            kube_apiserver: self.path("kube-apiserver"),
            kube_controller_manager: self.path("kube-controller-manager"),
        }
    }

    pub fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }
}

/// A running control plane and the handles on it.
pub struct Cluster {
    pub control_plane: ControlPlane,
    pub kubernetes: Kubernetes,
    pub watches: Watches,
    pub keeper: Keeper,
    /// Has certified the API server.
    #[allow(
        dead_code,
        reason = "one of the two test programs that share this file uses it"
    )]
    pub authority: CertificateAuthority,
    _range: PodRange,
    _root: tempfile::TempDir,
}

impl Cluster {
    pub async fn start(
        programs: ProgramPaths,
    ) -> Result<Arc<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let root = tempfile::tempdir()?;
        let run_directory = RunDirectory::create(root.path().join("runs"))?;
        let path = run_directory.path().to_owned();
        let executable = PathBuf::from("/proc/self/exe");
        let keeper = Keeper::start(KeeperOptions {
            executable,
            run_directory,
        })
        .await?;
        let range = PodRange::lease()?;
        let authority = CertificateAuthority::new("plumbline test")?;
        let control_plane = ControlPlane::start(ControlPlaneOptions {
            keeper: keeper.clone(),
            programs,
            run_directory: path,
            authority: &authority,
            pod_range: range.number(),
            audit: true,
            progress: Progress::silent(),
        })
        .await?;
        let kubernetes = Kubernetes::connect(control_plane.access(), "plumbline-test")?;
        let watches = Watches::guarded(kubernetes.clone(), control_plane.failed());
        Ok(Arc::new(Self {
            control_plane,
            kubernetes,
            watches,
            keeper,
            authority,
            _range: range,
            _root: root,
        }))
    }

    /// A namespace of the test's own.
    pub async fn namespace(&self, name: &str) -> Outcome {
        let manifest =
            serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.kubernetes.apply(&manifest).await?;
        Ok(())
    }
}

pub fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// Starts the shared cluster once.
#[derive(Clone)]
pub struct Laboratory {
    handle: Handle,
    pub programs: Option<Programs>,
    shared: Arc<Mutex<Option<Arc<Cluster>>>>,
}

impl Laboratory {
    pub fn new(handle: Handle, programs: Option<Programs>) -> Self {
        Self {
            handle,
            programs,
            shared: Arc::default(),
        }
    }

    /// A test that is given the shared cluster.
    pub fn shared<F>(&self, name: &str, test: impl FnOnce(Arc<Cluster>) -> F + Send + 'static) -> Trial
    where
        F: Future<Output = Outcome> + Send,
    {
        let shared = self.shared.clone();
        self.own(name, move |programs| async move {
            let cluster = {
                let mut shared = shared.lock().await;
                match &*shared {
                    Some(cluster) => cluster.clone(),
                    None => shared.insert(Cluster::start(programs).await?).clone(),
                }
            };
            test(cluster).await
        })
    }

    /// A test that is given the programs.
    pub fn own<F>(&self, name: &str, test: impl FnOnce(ProgramPaths) -> F + Send + 'static) -> Trial
    where
        F: Future<Output = Outcome> + Send,
    {
        let (handle, programs) = (self.handle.clone(), self.programs.clone());
        let is_ignored = programs.is_none();
        Trial::test(name, move || {
            let programs = programs.ok_or("PLUMBLINE_TEST_PROGRAMS is not set")?;
            let ended =
                handle.block_on(async { tokio::time::timeout(PATIENCE * 2, test(programs.paths())).await });
            match ended {
                Ok(outcome) => Ok(outcome.map_err(|error| error.to_string())?),
                Err(_) => Err("the test does not end".into()),
            }
        })
        .with_ignored_flag(is_ignored)
    }

    pub async fn close(self) {
        if let Some(cluster) = self.shared.lock().await.take() {
            cluster.keeper.stop().await.expect("an orderly stop");
        }
    }
}
