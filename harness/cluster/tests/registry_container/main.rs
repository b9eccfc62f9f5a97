//! Registries of ours before registries in containers, with the client that mirrors, signs and verifies.
//!
//! They need a Docker engine with the images of `clusters/kind.yaml`; without it every test here is ignored.
#![expect(
    clippy::unwrap_used,
    reason = "all of this is tests, which clippy sees only in those of the standard harness"
)]

mod bench;
#[path = "../../../images/tests/support/mod.rs"]
mod support;

use bench::{Bench, Images};
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use plumbline_images::{
    ImageError, KeyPair, SignOptions, SignatureFormat, VerifyOptions, mirror,
    sign::{sign, verify},
};
use plumbline_model::Progress;
use plumbline_servers::registry::Alteration;
use std::{process::ExitCode, sync::Arc};
use support::{
    PRIVATE,
    content::{Repository, digest},
};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;
type Test = fn(&Bench) -> BoxFuture<'_, Outcome>;

const TESTS: [(&str, Test); 4] = [
    (
        "an_image_keeps_its_digests_and_holds_signatures_of_both_formats",
        |bench| Box::pin(signatures(bench)),
    ),
    ("what_refers_to_an_image_is_listed_by_a_tag", |bench| {
        Box::pin(referrers(bench))
    }),
    ("content_is_altered_by_the_front_alone", |bench| {
        Box::pin(alteration(bench))
    }),
    (
        "only_who_has_the_login_is_let_in_and_it_is_not_to_be_seen",
        |bench| Box::pin(login(bench)),
    ),
];

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let handle = runtime.handle().clone();
    let images = Arc::new(std::sync::LazyLock::new(move || {
        handle.block_on(Images::find()).map_err(|error| error.to_string())
    }));
    let trials = TESTS.map(|(name, test)| {
        let (images, handle) = (images.clone(), runtime.handle().clone());
        Trial::ignorable_test(name, move || match &**images {
            Err(reason) => Ok(Completion::ignored_with(reason.clone())),
            Ok(images) => handle
                .block_on(on_a_bench(images, test))
                .map(|()| Completion::Completed),
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

async fn on_a_bench(images: &Images, test: Test) -> Result<(), Failed> {
    let told = |error: Box<dyn std::error::Error + Send + Sync>| Failed::from(error.to_string());
    let bench = Bench::start(images).await.map_err(told)?;
    let outcome = test(&bench).await;
    let stopped = bench.stop().await;
    outcome.and(stopped).map_err(told)
}

async fn signatures(bench: &Bench) -> Outcome {
    let Bench { site, .. } = bench;
    let image = site.image("ghcr.io/a/b:1").await;
    let keys = [KeyPair::generate(), KeyPair::generate()];
    let formats = [SignatureFormat::Tag, SignatureFormat::Bundle];
    for (key, format) in keys.iter().zip(formats) {
        let recursive = false;
        let signed = sign(&image, key, SignOptions { format, recursive }, &site.endpoints).await?;
        assert_eq!((signed.signatures, signed.already), (1, false), "{format:?}");
        let again = sign(&image, key, SignOptions { format, recursive }, &site.endpoints).await?;
        assert!(again.already, "{format:?}");
    }
    for key in &keys {
        assert_eq!(Some(&site.verify(&image, key).await?.digest), image.digest());
    }
    assert!(site.verify(&image, &KeyPair::generate()).await.is_err());
    let written = |requests: Vec<plumbline_servers::RequestRecord>| {
        requests.iter().filter(|request| request.method == "PUT").count()
    };
    let before = written(site.private.requests());
    site.mirror(&"ghcr.io/a/b:1".parse()?).await;
    assert_eq!(written(site.private.requests()), before, "everything is there");
    Ok(())
}

/// Neither the second nor the third version of the distribution registry lists referrers by itself.
async fn referrers(bench: &Bench) -> Outcome {
    let Bench { site, .. } = bench;
    let source = Repository::new(&site.upstream, &site.authority, "a/b");
    let target = Repository::new(&site.private, &site.authority, "a/b");
    let image = source.image(Some("1"), &[]).await;
    let note = source.referrer(&image, "a note").await;
    let tag = digest(&image).replace(':', "-");
    source.index(Some(&tag), &[&note]).await;
    site.mirror(&"ghcr.io/a/b:1".parse()?).await;
    assert_eq!(target.read(digest(&note)).await, source.read(digest(&note)).await);
    assert_eq!(target.read(&tag).await, source.read(&tag).await);
    Ok(())
}

async fn alteration(bench: &Bench) -> Outcome {
    let Bench { site, .. } = bench;
    let image = site.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    let format = SignatureFormat::Tag;
    let recursive = false;
    sign(&image, &key, SignOptions { format, recursive }, &site.endpoints).await?;
    let contents = VerifyOptions {
        contents: true,
        ..VerifyOptions::default()
    };
    let trusted = key.public_key().into();
    let layer = site
        .private
        .first_layer("a/b", &image.digest().unwrap().to_string())
        .await?;
    verify(&image, &trusted, contents, &site.endpoints).await?;
    site.private.alter("a/b", &layer, Alteration::OneByte).await?;
    assert!(verify(&image, &trusted, contents, &site.endpoints).await.is_err());
    site.private.mend("a/b");
    verify(&image, &trusted, contents, &site.endpoints).await?;
    Ok(())
}

async fn login(bench: &Bench) -> Outcome {
    let Bench {
        site,
        docker,
        containers,
        ..
    } = bench;
    let image = site.image("ghcr.io/a/b:1").await;
    let asked = mirror(&image, PRIVATE, &site.stranger(), &Progress::silent()).await;
    assert!(matches!(asked, Err(ImageError::Unauthorized { .. })), "{asked:?}");
    for container in containers {
        let mut other = container.registry().clone();
        other.ask().await?;
        let password = other.credentials.take().unwrap().password;
        let error = other.ask().await.unwrap_err().to_string();
        assert!(error.contains("refuses the login"), "{error}");
        assert!(
            container
                .version()
                .starts_with(|first: char| first.is_ascii_digit())
        );
        for name in bench.held().await?.lines() {
            let shown = docker.ask("show a container", ["inspect", name]).await?;
            assert!(!shown.contains(password.reveal().as_str()));
        }
    }
    Ok(())
}
