//! The real trivy, with a database that its own builder made, on the images of the fixtures: what it says in both modes.
//!
//! Both programs are looked for in the directory `PLUMBLINE_TEST_PROGRAMS`, as `plumbline tools --link` fills it; without
//! it every test here is ignored.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod bench;

use bench::{Bench, IMAGES};
use libtest_mimic::{Arguments, Completion, Trial};
use plumbline_flux::names::DATABASE;
use plumbline_images::scan::{ScanMode, Scanned, Verdict, passes, with_database};
use plumbline_servers::Availability;
use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let trials = vec![
        trial("each_image_in_both_modes", each_image_in_both_modes),
        trial("a_failing_scan_is_never_fine", a_failing_scan_is_never_fine),
        trial("trivy_asks_nobody_else", trivy_asks_nobody_else),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &str, test: impl AsyncFn(&Bench) + Send + 'static) -> Trial {
    #[expect(clippy::disallowed_methods, reason = "the one setting of this test")]
    let programs = std::env::var_os("PLUMBLINE_TEST_PROGRAMS").map(PathBuf::from);
    Trial::ignorable_test(name, move || {
        let Some(programs) = programs else {
            return Ok(Completion::ignored_with("PLUMBLINE_TEST_PROGRAMS is not set"));
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let bench = Bench::build(&programs).await;
            test(&bench).await;
            bench.close().await;
        });
        Ok(Completion::Completed)
    })
}

fn image(name: &str) -> String {
    format!("ghcr.io/plumbline-fixtures/{name}:1.0.0")
}

/// What trivy itself prints, and what plumbline makes of its report.
async fn each_image_in_both_modes(bench: &Bench) {
    for name in IMAGES {
        let image = image(name);
        let mut told = String::new();
        for mode in [ScanMode::Audit, ScanMode::Enforce] {
            let passes = passes(mode, &image, DATABASE);
            for arguments in &passes {
                let (exit, printed) = bench.trivy(arguments).await;
                writeln!(
                    told,
                    "$ trivy {}\n{}\nexit code {exit}\n",
                    arguments.join(" "),
                    printed.trim()
                )
                .unwrap();
            }
            let scanned = Scanned::judge(&bench.scan(passes).await);
            writeln!(told, "{mode}: {}\n", scanned.text()).unwrap();
        }
        insta::assert_snapshot!(name, told);
    }
}

async fn a_failing_scan_is_never_fine(bench: &Bench) {
    let high = image("scanned-high");
    let passes = passes(ScanMode::Enforce, &high, DATABASE);
    let scan = async |passes| Scanned::judge(&bench.scan(passes).await);
    assert_eq!(scan(passes.clone()).await.verdict, Verdict::Refused);

    for (database, words) in [
        (
            "registry.plumbline.test/trivy/absent:2",
            "registry.plumbline.test/trivy/absent",
        ),
        (
            "registry.plumbline.test/plumbline-fixtures/scanned-clean:1.0.0",
            "registry.plumbline.test",
        ),
        ("mirror.gcr.io/aquasec/trivy-db:2", "mirror.gcr.io"),
    ] {
        let elsewhere = passes
            .iter()
            .map(|pass| with_database(pass.clone(), database))
            .collect();
        let scanned = scan(elsewhere).await;
        assert_eq!(scanned.verdict, Verdict::CannotTell, "{database}");
        assert!(scanned.reason.as_ref().unwrap().contains(words), "{scanned:?}");
        assert_eq!(scanned.findings, [], "{database}");
    }
    let absent = plumbline_images::scan::passes(ScanMode::Audit, &image("nowhere"), DATABASE);
    assert_eq!(scan(absent).await.verdict, Verdict::CannotTell);

    bench.services.private.set_availability(Availability::Down);
    assert_eq!(scan(passes.clone()).await.verdict, Verdict::CannotTell);
    bench.services.private.set_availability(Availability::Up);
    assert_eq!(scan(passes).await.verdict, Verdict::Refused);
}

/// The registry's own record shows where the database came from, and the proxy's that nobody else was asked.
async fn trivy_asks_nobody_else(bench: &Bench) {
    let before = bench.services.private.requests().len();
    let passes = passes(ScanMode::Audit, &image("scanned-clean"), DATABASE);
    assert_eq!(Scanned::judge(&bench.scan(passes).await).verdict, Verdict::Clean);
    let requests = &bench.services.private.requests()[before..];
    let manifest = |uri: &str| uri == "/v2/trivy/trivy-db/manifests/2";
    assert!(
        requests
            .iter()
            .any(|request| manifest(&request.uri) && request.status == 200)
    );
    assert!(
        requests
            .iter()
            .any(|request| request.uri.contains("/trivy/trivy-db/blobs/") && request.status == 200)
    );
    let mut asked: Vec<_> = bench
        .services
        .tool_proxy
        .egress()
        .into_iter()
        .map(|record| record.target)
        .collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["ghcr.io:443", "registry.plumbline.test:443"]);
}
