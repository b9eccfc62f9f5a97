//! The real cosign and crane against what is made here, and the other way round.
//!
//! The programs are looked for in the folder `PLUMBLINE_TEST_PROGRAMS`; a test whose programs are not all there is ignored.
#![allow(missing_docs, clippy::unwrap_used)]

mod bench;
mod mirrors;
mod signatures;
#[path = "../support/mod.rs"]
mod support;

use bench::Bench;
use libtest_mimic::{Arguments, Failed, Trial};
use mirrors::*;
use signatures::*;
use std::{path::PathBuf, process::ExitCode};

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
