//! The servers of a run with the images and the database in them, and trivy beside them.

use plumbline_flux::{
    Fixtures, ScanProgram, Services,
    names::{DATABASE, PRIVATE_REGISTRY, PUBLIC_REGISTRIES},
};
use plumbline_images::{
    ImageName, pack, push_layout,
    scan::{PassEnd, VulnerabilityDatabase},
};
use plumbline_keeper::{Command, Finished, Keeper, KeeperOptions, Output, RunDirectory};
use plumbline_model::Progress;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;

/// The images that are scanned; the last one has no operating system.
pub const IMAGES: [&str; 6] = [
    "scanned-clean",
    "scanned-low",
    "scanned-high",
    "scanned-unfixed",
    "scanned-critical",
    "letter",
];

/// Everything that a scan needs.
pub struct Bench {
    pub services: Services,
    keeper: Keeper,
    programs: PathBuf,
    directory: TempDir,
    environment: BTreeMap<String, String>,
    folders: AtomicU64,
}

impl Bench {
    pub async fn build(programs: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keeper = Keeper::start(KeeperOptions {
            executable: "/proc/self/exe".into(),
            run_directory: RunDirectory::create(directory.path().join("runs")).unwrap(),
        })
        .await
        .unwrap();
        let services = Services::start(&keeper, "git".into(), directory.path(), false)
            .await
            .unwrap();
        let bench = Self {
            environment: environment(&services, directory.path()),
            services,
            keeper,
            programs: programs.to_owned(),
            directory,
            folders: AtomicU64::new(0),
        };
        bench.publish().await;
        bench
    }

    pub async fn close(self) {
        self.keeper.stop().await.unwrap();
    }

    /// Publishes the images upstream, and the database where the platform expects it.
    async fn publish(&self) {
        let fixtures = Fixtures::new(PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures"
        )));
        let cache = self.directory.path().join("cache");
        for (name, tag, folder) in fixtures.images().unwrap() {
            let name: ImageName = format!("ghcr.io/plumbline-fixtures/{name}:{tag}")
                .parse()
                .unwrap();
            let image = pack::sample_image(&name, pack::folder(&folder, "").unwrap(), None);
            let packed = pack::pack(&image, &cache, &Progress::silent()).await.unwrap();
            self.services
                .upstream
                .seed(name.repository(), &tag, &packed.layout)
                .await
                .unwrap();
        }
        let database = VulnerabilityDatabase::new(&fixtures.advisories(), "test").unwrap();
        let folder = self.folder();
        let built = self
            .run("trivy-db", &database.builder_arguments(&folder), &folder)
            .await;
        assert!(built.status.success(), "{}", built.stderr.text());
        let name: ImageName = DATABASE.parse().unwrap();
        let packed = database.pack(&folder, &name, &cache).await.unwrap();
        push_layout(&packed.layout, &name, &self.services.endpoints)
            .await
            .unwrap();
    }

    /// Runs trivy with these arguments alone: its exit code, and what it prints.
    pub async fn trivy(&self, arguments: &[String]) -> (i32, String) {
        let finished = self.run("trivy", arguments, &self.folder()).await;
        (finished.status.code().unwrap(), finished.stdout.text())
    }

    /// Scans as plumbline does.
    pub async fn scan(&self, passes: Vec<Vec<String>>) -> Vec<PassEnd> {
        let program = ScanProgram {
            keeper: &self.keeper,
            path: self.programs.join("trivy"),
            environment: self.environment.clone(),
            folder: &self.folder(),
        };
        program.run(passes).await.unwrap()
    }

    async fn run(&self, program: &str, arguments: &[String], folder: &Path) -> Finished {
        let command = Command::new(program, self.programs.join(program))
            .arguments(arguments)
            .environment(self.environment.clone())
            .environment([
                ("TRIVY_CACHE_DIR", folder.join("cache").to_string_lossy().as_ref()),
                ("TRIVY_IMAGE_SRC", "remote"),
            ])
            .directory(folder)
            .output(Output::Captured);
        self.keeper.output(command).await.unwrap()
    }

    fn folder(&self) -> PathBuf {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let folder = self.directory.path().join(format!("scan-{number}"));
        fs::create_dir(&folder).unwrap();
        folder
    }
}

/// As the programs of a run have it: the login, the authority, and the proxy that knows the names.
fn environment(services: &Services, directory: &Path) -> BTreeMap<String, String> {
    let login = serde_json::json!({
        "username": services.credentials.user,
        "password": services.credentials.password.reveal(),
    });
    let registries = PUBLIC_REGISTRIES.into_iter().chain([PRIVATE_REGISTRY]);
    let logins: BTreeMap<_, _> = registries.map(|name| (name, &login)).collect();
    fs::write(
        directory.join("config.json"),
        serde_json::json!({"auths": logins}).to_string(),
    )
    .unwrap();
    fs::write(directory.join("ca.pem"), services.authority.pem()).unwrap();
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    // `go` on PATH is for the builder, which asks it for the names of Go's own packages.
    #[expect(clippy::disallowed_methods, reason = "the test's own PATH")]
    let search_path = std::env::var("PATH").unwrap();
    BTreeMap::from([
        ("HOME".to_owned(), text(directory.to_owned())),
        ("PATH".to_owned(), search_path),
        ("DOCKER_CONFIG".to_owned(), text(directory.to_owned())),
        ("SSL_CERT_FILE".to_owned(), text(directory.join("ca.pem"))),
        (
            "HTTPS_PROXY".to_owned(),
            format!("http://{}", services.tool_proxy.address()),
        ),
    ])
}
