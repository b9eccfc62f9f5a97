//! Several clusters on one set of servers, and an upgrade of Flux on one of them, all with the real programs.
//!
//! They are looked for in the directory `PLUMBLINE_TEST_PROGRAMS`, as `plumbline tools --link` fills it; without it
//! every test here is ignored.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod promotion;
mod stand;
mod upgrade;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use plumbline_flux::VerbError;
use stand::Stand;
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use tokio::{runtime::Runtime, sync::OnceCell};

type Outcome = Result<(), VerbError>;

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let mut arguments = Arguments::from_args();
    // Each has clusters of its own, which take their memory.
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().unwrap());
    let stand: Arc<OnceCell<Stand>> = Arc::default();
    let trials = vec![
        trial(
            "a_change_reaches_the_cluster_of_its_environment_and_no_other",
            &runtime,
            &stand,
            promotion::change_stays_in_its_environment,
        ),
        trial(
            "an_upgrade_leaves_every_workload_as_it_is",
            &runtime,
            &stand,
            upgrade::leaves_workloads_as_they_are,
        ),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(stand) = Arc::into_inner(stand).and_then(OnceCell::into_inner) {
        runtime.block_on(stand.close());
    }
    conclusion.exit_code()
}

/// A test on the shared stand, which the first one builds.
fn trial(
    name: &str,
    runtime: &Arc<Runtime>,
    stand: &Arc<OnceCell<Stand>>,
    test: impl AsyncFn(&Stand) -> Outcome + Send + 'static,
) -> Trial {
    #[expect(clippy::disallowed_methods, reason = "the one setting of this test")]
    let programs = std::env::var_os("PLUMBLINE_TEST_PROGRAMS").map(PathBuf::from);
    let (runtime, stand) = (runtime.clone(), stand.clone());
    Trial::ignorable_test(name, move || {
        let Some(programs) = programs else {
            return Ok(Completion::ignored_with("PLUMBLINE_TEST_PROGRAMS is not set"));
        };
        runtime
            .block_on(async {
                let stand = stand.get_or_init(|| Stand::build(&programs)).await;
                test(stand).await
            })
            .map_err(|error| Failed::from(format!("{error:#?}")))?;
        Ok(Completion::Completed)
    })
}
