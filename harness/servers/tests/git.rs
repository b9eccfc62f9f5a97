//! The Git server with real Git on both sides; run by the keeper, so this test has a `main` of its own.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use plumbline_keeper::{Command, Finished, Keeper, KeeperOptions, RunDirectory};
use plumbline_model::Secret;
use plumbline_servers::{
    Availability, CertificateAuthority, Changes, Credentials, GitServer, GitServerOptions, Repository,
    TreeEntry,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};
use tokio::runtime::Runtime;

/// Git, where every system that runs these tests has it.
const GIT: &str = "/usr/bin/git";

struct World {
    keeper: Keeper,
    root: PathBuf,
}

struct Hosted {
    keeper: Keeper,
    server: GitServer,
    home: PathBuf,
    url: String,
}

impl World {
    async fn host(&self, name: &str) -> Hosted {
        let directory = self.root.join(name);
        let home = directory.join("client");
        std::fs::create_dir_all(&home).unwrap();
        let authority = CertificateAuthority::new("test").unwrap();
        std::fs::write(home.join("authority.pem"), authority.pem()).unwrap();
        let credentials = Credentials {
            user: "flux".into(),
            password: Secret::new("correct".into()),
        };
        let server = GitServer::start(GitServerOptions {
            directory,
            keeper: self.keeper.clone(),
            git: GIT.into(),
            tls: Some(authority.server_config(&["127.0.0.1"]).unwrap()),
            credentials: Some(credentials),
            address: ([127, 0, 0, 1], 0).into(),
        })
        .await
        .unwrap();
        let url = format!("https://flux:correct@{}", server.address());
        Hosted {
            keeper: self.keeper.clone(),
            server,
            home,
            url,
        }
    }
}

impl Hosted {
    async fn seeded(&self) -> Repository {
        let repository = self.server.repository("platform/k8s-gitops").unwrap();
        let script = TreeEntry {
            executable: true,
            ..TreeEntry::file("run.sh", "#!/bin/sh\n")
        };
        let tree = vec![TreeEntry::file("clusters/dev/a b.yaml", "a: 1\n"), script];
        let branches = BTreeMap::from([("main".to_owned(), tree)]);
        repository.create_from_tree(&branches, "first").await.unwrap();
        repository
    }

    async fn git(&self, directory: &Path, arguments: &[&str]) -> Finished {
        let command = Command::new("git", GIT)
            .arguments(arguments)
            .directory(directory)
            .environment([
                ("HOME", self.home.to_str().unwrap()),
                ("PATH", "/usr/bin:/bin"),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                (
                    "GIT_SSL_CAINFO",
                    self.home.join("authority.pem").to_str().unwrap(),
                ),
                ("GIT_TERMINAL_PROMPT", "0"),
                ("GIT_AUTHOR_NAME", "t"),
                ("GIT_AUTHOR_EMAIL", "t@t"),
                ("GIT_COMMITTER_NAME", "t"),
                ("GIT_COMMITTER_EMAIL", "t@t"),
            ]);
        self.keeper.output(command).await.unwrap()
    }

    async fn git_well(&self, directory: &Path, arguments: &[&str]) -> String {
        let finished = self.git(directory, arguments).await;
        assert!(
            finished.status.success(),
            "{arguments:?}: {}",
            finished.stderr.text()
        );
        finished.stdout.text().trim().to_owned()
    }
}

fn write(path: &str, content: &str) -> Changes {
    Changes {
        write: vec![TreeEntry::file(path, content)],
        remove: Vec::new(),
    }
}

async fn commit_ids_are_the_same_everywhere(world: Arc<World>) {
    let hosted = world.host("golden").await;
    let repository = hosted.seeded().await;
    let first = repository.head("main").await.unwrap();
    let changes = Changes {
        remove: vec!["run.sh".into()],
        ..write("clusters/dev/ü.yaml", "b: 2\n")
    };
    let second = repository.commit("main", &changes, "second\n").await.unwrap();
    repository.branch("topic", "main").await.unwrap();
    let topic = repository
        .commit("topic", &write("topic", "t"), "topic")
        .await
        .unwrap();
    repository
        .commit("main", &write("main", "m"), "main")
        .await
        .unwrap();
    let merged = repository.merge("topic", "main").await.unwrap();
    let reverted = repository.revert("main", &topic).await.unwrap();
    let ids = [&first, &second, &topic, &merged, &reverted].map(|revision| revision.as_str());
    let expected = [
        "ab35eb4b1d892fb5c0dc0b138102c765b53ab4a1",
        "6ea6b00236a145fdcfcb82c265da645c52a83041",
        "3ea145b0bc50754d63f45836ed426828b722daf4",
        "0513eaac40bd9fb4835cc85b874045fb2857d10e",
        "8795a5a4a995fba8213a4a7f471b2eff20c45dcb",
    ];
    assert_eq!(ids, expected);
    let fsck = hosted
        .home
        .parent()
        .unwrap()
        .join("repositories/platform/k8s-gitops.git");
    hosted
        .git_well(&fsck, &["-c", "safe.directory=*", "fsck", "--strict"])
        .await;
}

async fn history_is_read_and_changed(world: Arc<World>) {
    let hosted = world.host("history").await;
    let repository = hosted.seeded().await;
    let first = repository.head("main").await.unwrap();
    assert_eq!(
        repository.files("main", "").await.unwrap(),
        ["clusters/dev/a b.yaml", "run.sh"]
    );
    assert_eq!(
        repository.files("main", "clusters/").await.unwrap(),
        ["clusters/dev/a b.yaml"]
    );
    let second = repository
        .commit("main", &write("run.sh", "changed"), "change")
        .await
        .unwrap();
    assert_eq!(repository.head("main").await.unwrap(), second);
    assert!(repository.is_ancestor(first.as_str(), "main").await.unwrap());
    assert!(!repository.is_ancestor("main", first.as_str()).await.unwrap());
    repository.revert("main", &second).await.unwrap();
    assert_eq!(repository.read("main", "run.sh").await.unwrap(), b"#!/bin/sh\n");
    let conflict = repository.revert("main", &second).await.unwrap_err().to_string();
    assert!(conflict.contains("run.sh was changed again"), "{conflict}");

    repository.branch("topic", first.as_str()).await.unwrap();
    let twice = repository.branch("topic", "main").await.unwrap_err().to_string();
    assert!(twice.contains("branch \"topic\" exists already"), "{twice}");
    let nothing = repository.merge("topic", "main").await.unwrap_err().to_string();
    assert!(nothing.contains("main already has all of topic"), "{nothing}");
    repository
        .commit("topic", &write("run.sh", "theirs"), "theirs")
        .await
        .unwrap();
    repository
        .commit("main", &write("run.sh", "ours"), "ours")
        .await
        .unwrap();
    let conflict = repository.merge("topic", "main").await.unwrap_err().to_string();
    assert!(conflict.contains("both changed run.sh"), "{conflict}");
    repository.tag("v1.0.0", first.as_str()).await.unwrap();
    let twice = repository.tag("v1.0.0", "main").await.unwrap_err().to_string();
    assert!(twice.contains("tag \"v1.0.0\" exists already"), "{twice}");
    assert!(
        repository
            .is_ancestor("refs/tags/v1.0.0", first.as_str())
            .await
            .unwrap()
    );
    let moved = repository.move_tag("v1.0.0", "main").await.unwrap();
    assert_eq!(moved, repository.head("main").await.unwrap());
    assert!(
        !repository
            .is_ancestor("refs/tags/v1.0.0", first.as_str())
            .await
            .unwrap()
    );

    for missing in [
        repository.read("main", "absent").await.unwrap_err(),
        repository.head("absent").await.unwrap_err(),
        repository.branch("new", "absent").await.unwrap_err(),
        hosted
            .server
            .repository("absent")
            .unwrap()
            .head("main")
            .await
            .unwrap_err(),
    ] {
        assert!(
            missing.to_string().contains("\"absent\" does not exist"),
            "{missing}"
        );
    }
    for path in ["../x", "/x", ".git/config", ""] {
        assert!(
            repository.commit("main", &write(path, ""), "bad").await.is_err(),
            "{path}"
        );
    }
    assert!(hosted.server.repository("../x").is_err());
}

async fn clients_clone_and_push_over_tls(world: Arc<World>) {
    let hosted = world.host("transport").await;
    let repository = hosted.seeded().await;
    let large = vec![b'x'; 3 << 20];
    let noise: Vec<u8> = large
        .iter()
        .zip(0_u64..)
        .map(|(_, n)| (n.wrapping_mul(n + 7) >> 5) as u8)
        .collect();
    let url = format!("{}/platform/k8s-gitops.git", hosted.url);
    let clone = hosted.home.join("clone");
    hosted
        .git_well(&hosted.home, &["clone", "--quiet", &url, "clone"])
        .await;
    std::fs::write(clone.join("noise"), noise).unwrap();
    hosted.git_well(&clone, &["add", "."]).await;
    hosted
        .git_well(&clone, &["commit", "--quiet", "-m", "noise"])
        .await;
    // Larger than git's buffer: the body is chunked.
    hosted
        .git_well(&clone, &["push", "--quiet", "origin", "HEAD:main"])
        .await;
    let pushed = hosted.git_well(&clone, &["rev-parse", "HEAD"]).await;
    assert_eq!(repository.head("main").await.unwrap().as_str(), pushed);
    repository
        .commit("main", &write("after", "the push"), "after")
        .await
        .unwrap();
    hosted.git_well(&clone, &["pull", "--quiet"]).await;
    assert_eq!(std::fs::read(clone.join("after")).unwrap(), b"the push");
    hosted
        .git_well(
            &hosted.home,
            &["clone", "--quiet", "--depth=1", "--branch=main", &url, "shallow"],
        )
        .await;
    assert_eq!(
        hosted
            .git_well(&hosted.home.join("shallow"), &["rev-list", "--count", "HEAD"])
            .await,
        "1"
    );
}

async fn strangers_are_refused(world: Arc<World>) {
    let hosted = world.host("strangers").await;
    hosted.seeded().await;
    let wrong = hosted.url.replace("correct", "wrong");
    let refused = hosted
        .git(
            &hosted.home,
            &["ls-remote", &format!("{wrong}/platform/k8s-gitops")],
        )
        .await;
    assert!(!refused.status.success());
    assert!(
        refused.stderr.text().contains("Authentication failed"),
        "{}",
        refused.stderr.text()
    );
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .build()
        .unwrap();
    let status = async |path: &str, password: &str| {
        let url = format!("https://{}{path}", hosted.server.address());
        client
            .get(url)
            .basic_auth("flux", Some(password))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let refs = "/platform/k8s-gitops.git/info/refs?service=git-upload-pack";
    assert_eq!(status(refs, "wrong").await, 401);
    assert_eq!(status(refs, "correct").await, 200);
    assert_eq!(
        status("/absent.git/info/refs?service=git-upload-pack", "correct").await,
        404
    );
    assert_eq!(status("/platform/k8s-gitops.git/config", "correct").await, 404);
}

async fn a_server_that_is_down_breaks_clients_and_not_plumbline(world: Arc<World>) {
    let hosted = world.host("outage").await;
    let repository = hosted.seeded().await;
    let url = format!("{}/platform/k8s-gitops", hosted.url);
    hosted.git_well(&hosted.home, &["ls-remote", &url]).await;
    hosted.server.set_availability(Availability::Down);
    let pushed = repository
        .commit("main", &write("more", "x"), "more")
        .await
        .unwrap();
    let broken = hosted.git(&hosted.home, &["ls-remote", &url]).await;
    assert!(!broken.status.success());
    let told = broken.stderr.text();
    assert!(told.contains("unable to access"), "{told}");
    hosted.server.set_availability(Availability::Up);
    let listed = hosted
        .git_well(&hosted.home, &["ls-remote", &url, "refs/heads/main"])
        .await;
    assert!(listed.starts_with(pushed.as_str()), "{listed}");
}

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().unwrap());
    let root = tempfile::tempdir().unwrap();
    let run_directory = RunDirectory::create(root.path()).unwrap();
    let path = run_directory.path().to_owned();
    let executable = "/proc/self/exe".into();
    let keeper = runtime
        .block_on(Keeper::start(KeeperOptions {
            executable,
            run_directory,
        }))
        .unwrap();
    let world = Arc::new(World {
        keeper: keeper.clone(),
        root: path,
    });
    macro_rules! trials {
        ($($name:ident),*) => {
            vec![$({
                let (world, runtime) = (world.clone(), runtime.clone());
                Trial::test(stringify!($name), move || {
                    runtime.block_on(runtime.spawn($name(world))).map_err(|error| Failed::from(error.to_string()))
                })
            }),*]
        };
    }
    let trials = trials![
        commit_ids_are_the_same_everywhere,
        history_is_read_and_changed,
        clients_clone_and_push_over_tls,
        strangers_are_refused,
        a_server_that_is_down_breaks_clients_and_not_plumbline
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    runtime.block_on(keeper.stop()).unwrap();
    conclusion.exit_code()
}
