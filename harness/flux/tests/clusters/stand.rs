//! What the tests share: the programs, the first cluster, and a deadline.

use plumbline_cluster::{
    Object,
    kubernetes::{KindReference, KindSelector},
};
use plumbline_flux::{
    EmbeddedSettings, Fixtures, GroundSettings, InstanceChange, Patience, Platform, PlatformOptions,
    VerbError, release_programs,
};
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_model::Progress;
use plumbline_toolchain::{Lock, Toolchain, ToolchainOptions};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

/// What an upgrade starts from.
pub const OLD_RELEASE: &str = "2.9.0";
/// The components that there are of both releases.
pub const COMPONENTS: [&str; 3] = ["source-controller", "kustomize-controller", "helm-controller"];
/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// The first cluster and the servers of all.
pub struct Stand {
    pub platform: Platform,
    keeper: Keeper,
    _root: tempfile::TempDir,
}

impl Stand {
    /// Builds it from the programs that the links in `programs` lead to.
    pub async fn build(programs: &Path) -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = tempfile::tempdir().unwrap();
        let keeper = Keeper::start(KeeperOptions {
            executable: PathBuf::from("/proc/self/exe"),
            run_directory: RunDirectory::create(root.path()).unwrap(),
        })
        .await
        .unwrap();
        let clusters = project.join("clusters");
        let lock = fs::read_to_string(clusters.join("toolchain.toml")).unwrap();
        let lock = Lock::parse(&lock, "toolchain.toml").unwrap();
        let further = release_programs(&lock, OLD_RELEASE).unwrap();
        let names = ["git", "etcd", "kube-apiserver", "kube-controller-manager", "helm"];
        let names: Vec<_> = names
            .into_iter()
            .chain(plumbline_flux::PLATFORM_PROGRAMS)
            .chain([plumbline_flux::SAMPLE_PROGRAM])
            .chain(further.iter().map(String::as_str))
            .collect();
        let cache = cache_of(programs);
        let toolchain = Toolchain::new(ToolchainOptions {
            lock: lock.clone(),
            clusters_directory: clusters,
            cache_directory: cache.clone(),
            search_path: vec!["/usr/local/bin".into(), "/usr/bin".into(), "/bin".into()],
            environment: BTreeMap::new(),
            offline: true,
            keeper: keeper.clone(),
        });
        let programs = toolchain.fetch(&names, &Progress::silent()).await.unwrap();
        let options = PlatformOptions {
            keeper: keeper.clone(),
            cache,
            programs,
            further_releases: BTreeMap::from([(OLD_RELEASE.to_owned(), further)]),
            fixtures: Fixtures::new(project.join("fixtures")),
            ground: GroundSettings::Embedded(EmbeddedSettings::default()),
            search_path: "/usr/bin:/bin".to_owned(),
        };
        let platform = Platform::start(options, &Progress::silent()).await.unwrap();
        Self {
            platform,
            keeper,
            _root: root,
        }
    }

    /// Starts a further cluster with Flux for an environment on it; only with the components that the tests need.
    pub async fn cluster(
        &self,
        name: &str,
        environment: &str,
        version: Option<&str>,
    ) -> Result<Platform, VerbError> {
        let cluster = self.platform.start_cluster(name, &Progress::silent()).await?;
        let change = InstanceChange {
            version: version.map(str::to_owned),
            components: Some(COMPONENTS.map(str::to_owned).to_vec()),
        };
        cluster.install_flux(environment, &change, soon()).await?;
        Ok(cluster)
    }

    pub async fn close(self) {
        self.platform.stop().await.unwrap();
        self.keeper.stop().await.unwrap();
    }
}

/// Gives up in time, and tells nobody what it sees.
pub fn soon() -> Patience<'static> {
    Patience::new(Instant::now() + DEADLINE, &|_, _| ())
}

/// The link to a program leads to `<cache>/programs/<name>/<version>/bin/<name>`.
fn cache_of(programs: &Path) -> PathBuf {
    let etcd = fs::canonicalize(programs.join("etcd")).unwrap();
    etcd.ancestors().nth(5).unwrap().to_owned()
}

/// An object that must be there.
pub async fn get(platform: &Platform, kind: KindReference, namespace: &str, name: &str) -> Object {
    platform
        .kubernetes()
        .get(&kind.namespaced(namespace, name))
        .await
        .unwrap()
}

/// All objects of a kind in a namespace.
pub async fn list(platform: &Platform, kind: KindReference, namespace: &str) -> Vec<Object> {
    let selector = KindSelector {
        kind,
        namespace: Some(namespace.to_owned()),
        labels: BTreeMap::new(),
    };
    platform.kubernetes().list(&selector).await.unwrap()
}
