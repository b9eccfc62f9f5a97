//! The real cosign and crane against what is made here, and the other way round.
//!
//! The programs are looked for in the folder `PLUMBLINE_TEST_PROGRAMS`; a test whose programs are not all there is ignored.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use plumbline_images::{
    Digest, ImageName, KeyPair, SignOptions, SignatureFormat, TrustedKeys, VerifyError, VerifyOptions,
    mirror,
    sign::{Signed, sign, verify},
};
use plumbline_keeper::{Command, Keeper, KeeperOptions, Output, RunDirectory};
use plumbline_model::{Progress, Secret};
use serde_json::Value;
use std::{fs, path::PathBuf, process::ExitCode};
use support::{
    PRIVATE, Site,
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

    /// What cosign keeps the signatures of an image under.
    fn signatures(&self, image: &ImageName) -> String {
        let tag = format!("sha256-{}.sig", image.digest().unwrap().hexadecimal());
        let repository = image.at_registry(self.site.private.address().to_string());
        format!("{}:{tag}", repository.without_reference())
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

    /// What `cosign verify` says, of the release that `program` is.
    async fn cosign_verify(&self, program: &str, image: &ImageName, key: &KeyPair) -> Result<String, String> {
        let path = self
            .site
            .directory
            .path()
            .join(format!("{}.pub", Digest::of(program.as_bytes()).hexadecimal()));
        fs::write(&path, key.public_pem().unwrap()).unwrap();
        let path = path.display().to_string();
        let flags = ["verify", "--key", &path, "--private-infrastructure=true"];
        self.run(program, &[&flags[..], &[&self.address(image)]].concat())
            .await
    }

    /// Signs as cosign does; `key` is a file in the site's folder.
    async fn cosign_sign(&self, program: &str, image: &ImageName, flags: &[&str]) {
        let address = self.address(image);
        let all = ["sign", "--key", "cosign.key", "-y"];
        self.run(program, &[&all[..], flags, &[&address]].concat())
            .await
            .unwrap();
    }

    /// A key pair that cosign has made, read by us.
    async fn cosign_key(&self, program: &str) -> KeyPair {
        // cosign asks before it overwrites one.
        let _ = fs::remove_file(self.site.directory.path().join("cosign.key"));
        self.run(program, &["generate-key-pair"]).await.unwrap();
        let read = |name: &str| fs::read_to_string(self.site.directory.path().join(name)).unwrap();
        let pem = Secret::new(read("cosign.key"));
        let key = KeyPair::from_cosign(&pem, &Secret::new("correct horse".to_owned())).unwrap();
        assert_eq!(key.public_pem().unwrap().trim(), read("cosign.pub").trim());
        assert!(KeyPair::from_cosign(&pem, &Secret::new("wrong".to_owned())).is_err());
        key
    }

    async fn sign(&self, image: &ImageName, key: &KeyPair, options: SignOptions) -> Signed {
        sign(image, key, options, &self.site.endpoints).await.unwrap()
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

const COSIGN: &str = "cosign";
const COSIGN_3: &str = "cosign@3.1.3";

const TAG: SignOptions = SignOptions {
    format: SignatureFormat::Tag,
    recursive: false,
};
const BUNDLE: SignOptions = SignOptions {
    format: SignatureFormat::Bundle,
    recursive: false,
};

/// How each release signs without a transparency log: under the tag, and in a bundle. For the newer one, bundles are the rule.
const SIGNING: [(&str, SignatureFormat, &[&str]); 3] = [
    (COSIGN, SignatureFormat::Tag, &["--tlog-upload=false"]),
    (
        COSIGN,
        SignatureFormat::Bundle,
        &["--tlog-upload=false", "--new-bundle-format"],
    ),
    (
        COSIGN_3,
        SignatureFormat::Bundle,
        &["--use-signing-config=false", "--tlog-upload=false"],
    ),
];

/// Which release can check which form: the older one wants a service in the internet for bundles.
const CHECKING: [(&str, SignOptions); 3] = [(COSIGN, TAG), (COSIGN_3, TAG), (COSIGN_3, BUNDLE)];

/// An image in the upstream registry, with a note that refers to it and a signature beside it.
async fn publish_with_attachments(bench: &Bench) -> (ImageName, Value) {
    let packed = bench.site.publish("ghcr.io/a/b:1", "program").await;
    let source = Repository::new(&bench.site.upstream, &bench.site.authority, "a/b");
    let index = source.read("1").await.unwrap();
    let subject = content::describe(content::INDEX, &index);
    let note = source.referrer(&subject, "a note").await;
    bench.sign(&packed.name, &KeyPair::generate(), TAG).await;
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
    for (number, (program, options)) in CHECKING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let unsigned = bench.cosign_verify(program, &image, &key).await.unwrap_err();
        assert!(unsigned.contains("no "), "{program}: {unsigned}");
        bench.sign(&image, &key, options).await;
        let verified = bench.cosign_verify(program, &image, &key).await.unwrap();
        let digest = image.digest().unwrap().to_string();
        assert!(verified.contains(&digest), "{verified}");
        bench.cosign_verify(program, &image, &other).await.unwrap_err();
        // Two signatures side by side are still something that cosign reads.
        bench.sign(&image, &other, options).await;
        for key in [&key, &other] {
            bench.cosign_verify(program, &image, key).await.unwrap();
        }
    }
}

async fn cosign_finds_our_bundles_under_the_fallback_tag(bench: Bench) {
    bench.site.private.set_referrers(false);
    let image = bench.image("ghcr.io/a/b:1").await;
    let (key, other) = (KeyPair::generate(), KeyPair::generate());
    bench.sign(&image, &key, BUNDLE).await;
    bench.cosign_verify(COSIGN_3, &image, &key).await.unwrap();
    bench.cosign_verify(COSIGN_3, &image, &other).await.unwrap_err();
}

async fn we_verify_what_cosign_signs(bench: Bench) {
    for (number, (program, format, flags)) in SIGNING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let key = bench.cosign_key(program).await;
        bench.cosign_sign(program, &image, flags).await;
        let verified = bench.site.verify(&image, &key).await.unwrap();
        assert_eq!((Some(&verified.digest), verified.signatures), (image.digest(), 1));
        let wrong = bench.site.verify(&image, &KeyPair::generate()).await;
        assert!(
            matches!(wrong, Err(VerifyError::WrongKey { .. })),
            "{program}: {wrong:?}"
        );

        // And what we sign beside it, with another key, takes nothing away.
        let (other, options) = (
            KeyPair::generate(),
            SignOptions {
                format,
                recursive: false,
            },
        );
        assert_eq!(bench.sign(&image, &other, options).await.signatures, 2);
        let checker = match format {
            SignatureFormat::Tag => program,
            SignatureFormat::Bundle => COSIGN_3,
        };
        for key in [&key, &other] {
            bench.cosign_verify(checker, &image, key).await.unwrap();
            bench.site.verify(&image, key).await.unwrap();
        }
    }
}

async fn an_index_is_signed_with_its_children_as_cosign_does(bench: Bench) {
    let recursive = VerifyOptions {
        recursive: true,
        ..VerifyOptions::default()
    };
    for (number, (program, _, flags)) in SIGNING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let key = bench.cosign_key(program).await;
        bench
            .cosign_sign(program, &image, &[flags, &["--recursive"]].concat())
            .await;
        verify(&image, &key.public_key().into(), recursive, &bench.site.endpoints)
            .await
            .unwrap_or_else(|error| panic!("{program} {flags:?}: {error}"));
    }
    for (number, (program, options)) in CHECKING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/c:{number}")).await;
        let (key, all) = (
            KeyPair::generate(),
            SignOptions {
                recursive: true,
                ..options
            },
        );
        for child in bench.sign(&image, &key, all).await.children {
            let child = image.with_digest(child);
            bench.cosign_verify(program, &child, &key).await.unwrap();
        }
    }
}

/// What somebody says of an image is no signature of it, although the same key says it.
async fn an_attestation_is_no_signature(bench: Bench) {
    let image = bench.image("ghcr.io/a/b:1").await;
    let key = bench.cosign_key(COSIGN_3).await;
    let address = bench.address(&image);
    fs::write(bench.site.directory.path().join("predicate.json"), "{}").unwrap();
    let flags = [
        "attest",
        "--key=cosign.key",
        "--use-signing-config=false",
        "--tlog-upload=false",
        "-y",
    ];
    let what = ["--predicate=predicate.json", "--type=vuln", &address];
    bench.run(COSIGN_3, &[&flags[..], &what].concat()).await.unwrap();
    let error = bench.site.verify(&image, &key).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unsigned { .. }), "{error:?}");
}

/// cosign does not look at the repository that a signature is about; here it is the rule, and can be switched off.
async fn cosign_lets_a_signature_of_another_repository_count(bench: Bench) {
    let image = bench.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    bench.sign(&image, &key, TAG).await;
    let copy: ImageName = image
        .to_string()
        .replace("/a/b:", "/elsewhere/b:")
        .parse()
        .unwrap();
    let copies = [
        (bench.address(&image), bench.address(&copy)),
        (bench.signatures(&image), bench.signatures(&copy)),
    ];
    for (from, to) in copies {
        let to = to.split('@').next().unwrap();
        bench.run("crane", &["copy", &from, to]).await.unwrap();
    }
    for program in [COSIGN, COSIGN_3] {
        bench.cosign_verify(program, &copy, &key).await.unwrap();
    }
    let error = bench.site.verify(&copy, &key).await.unwrap_err();
    assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
    let anywhere = TrustedKeys::from(key.public_key()).for_any_repository();
    verify(&copy, &anywhere, VerifyOptions::default(), &bench.site.endpoints)
        .await
        .unwrap();
}

/// What is refused here for another reason than a key is refused by cosign as well.
async fn cosign_refuses_what_we_refuse(bench: Bench) {
    let key = KeyPair::generate();
    for (number, (program, options)) in CHECKING.into_iter().enumerate() {
        let signed = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let other = bench.image(&format!("ghcr.io/a/b:{number}-other")).await;
        bench.sign(&signed, &key, options).await;
        // A tag that is moved to what nobody has signed.
        let tagged: ImageName = format!("{PRIVATE}/a/b:{number}").parse().unwrap();
        bench.cosign_verify(program, &tagged, &key).await.unwrap();
        let (from, to) = (bench.address(&other), bench.address(&tagged));
        bench.run("crane", &["copy", &from, &to]).await.unwrap();
        bench.cosign_verify(program, &tagged, &key).await.unwrap_err();
        let error = bench.site.verify(&tagged, &key).await.unwrap_err();
        assert!(matches!(error, VerifyError::Unsigned { .. }), "{error:?}");
        // A signature that is put beside another image.
        if options == TAG {
            let (from, to) = (bench.signatures(&signed), bench.signatures(&other));
            bench.run("crane", &["copy", &from, &to]).await.unwrap();
            bench.cosign_verify(program, &other, &key).await.unwrap_err();
            let error = bench.site.verify(&other, &key).await.unwrap_err();
            assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
        }
    }
}

async fn keys_are_read_by_both(bench: Bench) {
    for (number, program) in [COSIGN, COSIGN_3].into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let key = bench.cosign_key(program).await;
        bench.sign(&image, &key, TAG).await;
        bench.cosign_verify(program, &image, &key).await.unwrap();
        // One that was made and encrypted here.
        let ours = KeyPair::generate();
        let password = Secret::new("correct horse".to_owned());
        let sealed = ours.to_cosign(&password).unwrap();
        fs::write(bench.site.directory.path().join("cosign.key"), sealed.reveal()).unwrap();
        let (_, _, flags) = SIGNING.into_iter().find(|(name, ..)| *name == program).unwrap();
        bench.cosign_sign(program, &image, flags).await;
        bench.site.verify(&image, &ours).await.unwrap();
    }
}

fn trial<F>(name: &'static str, needed: &[&str], test: fn(Bench) -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs of a test are named by whoever runs it"
    )]
    let programs = std::env::var_os("PLUMBLINE_TEST_PROGRAMS").map(PathBuf::from);
    let ready = programs.filter(|programs| needed.iter().all(|name| programs.join(name).is_file()));
    let missing = ready.is_none();
    Trial::test(name, move || {
        let programs =
            ready.ok_or_else(|| Failed::from("PLUMBLINE_TEST_PROGRAMS does not have the programs"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(async { test(Bench::start(programs).await).await });
        Ok(())
    })
    .with_kind(needed[0])
    .with_ignored_flag(missing)
}

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let trials = vec![
        trial(
            "crane_sees_the_same_digests",
            &["crane"],
            crane_sees_the_same_digests,
        ),
        trial(
            "our_mirror_is_the_copy_of_crane",
            &["crane"],
            our_mirror_is_the_copy_of_crane,
        ),
        trial(
            "a_registry_without_the_referrers_api_is_no_dead_end",
            &["crane"],
            a_registry_without_the_referrers_api_is_no_dead_end,
        ),
        trial(
            "cosign_verifies_our_signatures",
            &[COSIGN, COSIGN_3],
            cosign_verifies_our_signatures,
        ),
        trial(
            "cosign_finds_our_bundles_under_the_fallback_tag",
            &[COSIGN_3],
            cosign_finds_our_bundles_under_the_fallback_tag,
        ),
        trial(
            "we_verify_what_cosign_signs",
            &[COSIGN, COSIGN_3],
            we_verify_what_cosign_signs,
        ),
        trial(
            "an_index_is_signed_with_its_children_as_cosign_does",
            &[COSIGN, COSIGN_3],
            an_index_is_signed_with_its_children_as_cosign_does,
        ),
        trial(
            "an_attestation_is_no_signature",
            &[COSIGN_3],
            an_attestation_is_no_signature,
        ),
        trial(
            "cosign_lets_a_signature_of_another_repository_count",
            &[COSIGN, COSIGN_3, "crane"],
            cosign_lets_a_signature_of_another_repository_count,
        ),
        trial(
            "cosign_refuses_what_we_refuse",
            &[COSIGN, COSIGN_3, "crane"],
            cosign_refuses_what_we_refuse,
        ),
        trial(
            "keys_are_read_by_both",
            &[COSIGN, COSIGN_3],
            keys_are_read_by_both,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
