//! The real cosign and crane against what is made here, and the other way round.
//!
//! The programs are looked for in the folder `PLUMBLINE_TEST_PROGRAMS`; a test whose program is not there is ignored.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use plumbline_images::{
    ImageName, KeyPair, VerifyError, mirror,
    sign::{sign, verify},
};
use plumbline_keeper::{Command, Keeper, KeeperOptions, Output, RunDirectory};
use plumbline_model::{Progress, Secret};
use serde_json::Value;
use std::{fs, path::PathBuf, process::ExitCode};
use support::{
    Site,
    content::{self, Repository},
};

/// A site, and the means to run programs against its private registry.
struct Bench {
    site: Site,
    keeper: Keeper,
    programs: PathBuf,
}

impl Bench {
    async fn start(programs: PathBuf) -> Self {
        let site = Site::start().await;
        let directory = site.directory.path();
        fs::write(directory.join("ca.pem"), site.authority.pem()).unwrap();
        fs::create_dir(directory.join("docker")).unwrap();
        let login = serde_json::json!({"username": "plumbline", "password": "correct"});
        let config = serde_json::json!({"auths": {
            site.private.address().to_string(): login,
            site.upstream.address().to_string(): login,
        }});
        fs::write(directory.join("docker/config.json"), config.to_string()).unwrap();
        let run_directory = RunDirectory::create(directory.join("runs")).unwrap();
        let options = KeeperOptions {
            executable: "/proc/self/exe".into(),
            run_directory,
        };
        let keeper = Keeper::start(options).await.unwrap();
        Self {
            site,
            keeper,
            programs,
        }
    }

    /// An image in the private registry, by digest.
    async fn image(&self, name: &str) -> ImageName {
        let packed = self.site.publish(name, name).await;
        let mirrored = self.site.mirror(&packed.name).await;
        mirrored.target.with_digest(mirrored.digest)
    }

    /// The image as a program names it: by the address of the registry.
    fn address(&self, image: &ImageName) -> String {
        image
            .at_registry(self.site.private.address().to_string())
            .to_string()
    }

    /// Runs a program; its output, or what went wrong.
    async fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let directory = self.site.directory.path();
        let text = |name: &str| directory.join(name).display().to_string();
        let command = Command::new(program, self.programs.join(program))
            .arguments(arguments)
            .environment([
                ("SSL_CERT_FILE", text("ca.pem")),
                ("DOCKER_CONFIG", text("docker")),
                ("HOME", text("")),
                ("TUF_ROOT", text("tuf")),
                ("COSIGN_PASSWORD", "correct horse".to_owned()),
                ("NO_PROXY", "127.0.0.1".to_owned()),
            ])
            .directory(directory)
            .output(Output::Captured);
        let finished = self
            .keeper
            .output(command)
            .await
            .map_err(|error| error.to_string())?;
        if finished.status.success() {
            Ok(finished.stdout.text())
        } else {
            Err(finished.stderr.text())
        }
    }

    async fn cosign_verify(&self, image: &ImageName, public_pem: &str) -> Result<String, String> {
        let key = self.site.directory.path().join("verify.pub");
        fs::write(&key, public_pem).unwrap();
        let key = key.display().to_string();
        let flags = ["verify", "--key", &key, "--private-infrastructure=true"];
        self.run("cosign", &[&flags[..], &[&self.address(image)]].concat())
            .await
    }
}

async fn crane_sees_the_same_digests(bench: Bench) {
    let packed = bench.site.publish("ghcr.io/a/b:1", "program").await;
    let target = bench.site.mirror(&packed.name).await.target;
    let address = bench.address(&target);
    let digest = bench.run("crane", &["digest", &address]).await.unwrap();
    assert_eq!(digest.trim(), packed.digest.to_string());
    bench
        .run("crane", &["validate", "--remote", &address])
        .await
        .unwrap();
    let platform = bench
        .run("crane", &["digest", "--platform", "linux/amd64", &address])
        .await
        .unwrap();
    assert_ne!(platform.trim(), packed.digest.to_string());
}

/// An image in the upstream registry, with a note that refers to it and a signature beside it.
async fn publish_with_attachments(bench: &Bench) -> (ImageName, Value) {
    let packed = bench.site.publish("ghcr.io/a/b:1", "program").await;
    let source = Repository::new(&bench.site.upstream, &bench.site.authority, "a/b");
    let index = source.read("1").await.unwrap();
    let subject = content::describe(content::INDEX, &index);
    let note = source.referrer(&subject, "a note").await;
    sign(&packed.name, &KeyPair::generate(), &bench.site.endpoints)
        .await
        .unwrap();
    (packed.name, note)
}

async fn our_mirror_is_the_copy_of_crane(bench: Bench) {
    let (name, note) = publish_with_attachments(&bench).await;
    let mirrored = bench.site.mirror(&name).await;
    let (source, address) = (bench.site.upstream.address(), bench.site.private.address());
    let copied = format!("{address}/copied/b:1");
    let original = format!("{source}/a/b:1");
    bench.run("crane", &["copy", &original, &copied]).await.unwrap();

    let ours = Repository::new(&bench.site.private, &bench.site.authority, "a/b");
    let theirs = Repository::new(&bench.site.private, &bench.site.authority, "copied/b");
    let index = ours.read("1").await.unwrap();
    assert_eq!(Some(&index), theirs.read("1").await.as_ref());
    let index: Value = serde_json::from_slice(&index).unwrap();
    let children = index["manifests"].as_array().unwrap();
    assert!(!children.is_empty());
    for child in children {
        let child = content::digest(child);
        assert!(ours.read(child).await.is_some());
        assert_eq!(ours.read(child).await, theirs.read(child).await);
    }
    for image in [&format!("{address}/a/b:1"), &copied] {
        bench
            .run("crane", &["validate", "--remote", image])
            .await
            .unwrap();
        let digest = bench.run("crane", &["digest", image]).await.unwrap();
        assert_eq!(digest.trim(), mirrored.digest.to_string());
    }
    // Only ours has what is attached.
    let tags = bench
        .run("crane", &["ls", &format!("{address}/a/b")])
        .await
        .unwrap();
    assert!(tags.contains(".sig"), "{tags}");
    assert_eq!(
        bench
            .run("crane", &["ls", &format!("{address}/copied/b")])
            .await
            .unwrap()
            .trim(),
        "1"
    );
    let note = format!("{address}/a/b@{}", content::digest(&note));
    assert!(
        bench
            .run("crane", &["manifest", &note])
            .await
            .unwrap()
            .contains("a note")
    );
}

async fn a_registry_without_the_referrers_api_is_no_dead_end(bench: Bench) {
    let (name, note) = publish_with_attachments(&bench).await;
    bench.site.private.set_referrers(false);
    let target = bench.site.mirror(&name).await.target;
    let address = bench.site.private.address();
    let digest = bench
        .run("crane", &["digest", &format!("{address}/a/b:1")])
        .await
        .unwrap();
    let list = format!("{address}/a/b:{}", digest.trim().replace(':', "-"));
    let list = bench.run("crane", &["manifest", &list]).await.unwrap();
    assert!(list.contains(content::digest(&note)), "{list}");

    // And back, to one that lists referrers by itself.
    let directory = bench.site.directory.path().join("other");
    let other = support::registry(&directory, &bench.site.authority).await;
    let endpoints = bench.site.with_registry("other.example", &other);
    let mirrored = mirror(&target, "other.example", &endpoints, &Progress::silent())
        .await
        .unwrap();
    assert_eq!(mirrored.digest.to_string(), digest.trim());
    let other = Repository::new(&other, &bench.site.authority, "a/b");
    let subject = content::describe(content::INDEX, &other.read("1").await.unwrap());
    assert_eq!(other.referrers(&subject).await, [content::digest(&note)]);
}

async fn cosign_verifies_our_signatures(bench: Bench) {
    let image = bench.image("ghcr.io/a/b:1").await;
    let (key, other) = (KeyPair::generate(), KeyPair::generate());
    assert!(
        bench
            .cosign_verify(&image, &key.public_pem().unwrap())
            .await
            .is_err()
    );
    sign(&image, &key, &bench.site.endpoints).await.unwrap();
    let verified = bench
        .cosign_verify(&image, &key.public_pem().unwrap())
        .await
        .unwrap();
    assert!(
        verified.contains(&image.digest().unwrap().to_string()),
        "{verified}"
    );
    let error = bench
        .cosign_verify(&image, &other.public_pem().unwrap())
        .await
        .unwrap_err();
    assert!(error.contains("signature"), "{error}");
    // Two signatures side by side are still a manifest that cosign reads.
    sign(&image, &other, &bench.site.endpoints).await.unwrap();
    for key in [&key, &other] {
        bench
            .cosign_verify(&image, &key.public_pem().unwrap())
            .await
            .unwrap();
    }
}

async fn we_verify_what_cosign_signs(bench: Bench) {
    let image = bench.image("ghcr.io/a/b:1").await;
    bench.run("cosign", &["generate-key-pair"]).await.unwrap();
    let directory = bench.site.directory.path();
    let public = fs::read_to_string(directory.join("cosign.pub")).unwrap();
    let address = bench.address(&image);
    let flags = ["sign", "--key", "cosign.key", "--tlog-upload=false", "-y"];
    bench
        .run("cosign", &[&flags[..], &[&address]].concat())
        .await
        .unwrap();
    let verified = verify(&image, &public, &bench.site.endpoints).await.unwrap();
    assert_eq!((Some(&verified.digest), verified.signatures), (image.digest(), 1));
    let wrong = verify(
        &image,
        &KeyPair::generate().public_pem().unwrap(),
        &bench.site.endpoints,
    )
    .await;
    assert!(matches!(wrong, Err(VerifyError::WrongKey { .. })), "{wrong:?}");

    // And what we sign beside it, with another key, takes nothing away.
    let other = KeyPair::generate();
    assert_eq!(
        sign(&image, &other, &bench.site.endpoints)
            .await
            .unwrap()
            .signatures,
        2
    );
    for public in [&public, &other.public_pem().unwrap()] {
        bench.cosign_verify(&image, public).await.unwrap();
        verify(&image, public, &bench.site.endpoints).await.unwrap();
    }
}

async fn we_sign_with_the_keys_of_cosign(bench: Bench) {
    let image = bench.image("ghcr.io/a/b:1").await;
    bench.run("cosign", &["generate-key-pair"]).await.unwrap();
    let read = |name: &str| fs::read_to_string(bench.site.directory.path().join(name)).unwrap();
    let pem = Secret::new(read("cosign.key"));
    let key = KeyPair::from_cosign(&pem, &Secret::new("correct horse".to_owned())).unwrap();
    assert_eq!(key.public_pem().unwrap().trim(), read("cosign.pub").trim());
    assert!(KeyPair::from_cosign(&pem, &Secret::new("wrong".to_owned())).is_err());
    sign(&image, &key, &bench.site.endpoints).await.unwrap();
    bench.cosign_verify(&image, &read("cosign.pub")).await.unwrap();
}

fn trial<F>(name: &'static str, program: &'static str, test: fn(Bench) -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs of a test are named by whoever runs it"
    )]
    let programs = std::env::var_os("PLUMBLINE_TEST_PROGRAMS").map(PathBuf::from);
    let ready = programs.filter(|programs| programs.join(program).is_file());
    let missing = ready.is_none();
    Trial::test(name, move || {
        let programs =
            ready.ok_or_else(|| Failed::from("PLUMBLINE_TEST_PROGRAMS does not have the program"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(async { test(Bench::start(programs).await).await });
        Ok(())
    })
    .with_kind(program)
    .with_ignored_flag(missing)
}

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let trials = vec![
        trial(
            "crane_sees_the_same_digests",
            "crane",
            crane_sees_the_same_digests,
        ),
        trial(
            "our_mirror_is_the_copy_of_crane",
            "crane",
            our_mirror_is_the_copy_of_crane,
        ),
        trial(
            "a_registry_without_the_referrers_api_is_no_dead_end",
            "crane",
            a_registry_without_the_referrers_api_is_no_dead_end,
        ),
        trial(
            "cosign_verifies_our_signatures",
            "cosign",
            cosign_verifies_our_signatures,
        ),
        trial(
            "we_verify_what_cosign_signs",
            "cosign",
            we_verify_what_cosign_signs,
        ),
        trial(
            "we_sign_with_the_keys_of_cosign",
            "cosign",
            we_sign_with_the_keys_of_cosign,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
