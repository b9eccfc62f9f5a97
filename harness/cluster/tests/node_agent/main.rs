//! The node agent against a real control plane: simulated pods, a real process, faults, logs, deletion.
//!
//! Needs etcd, kube-apiserver, kube-controller-manager and source-controller in the directory that
//! `PLUMBLINE_TEST_PROGRAMS` names; without it every test is reported as ignored.

mod controller;
mod lab;
mod node;
mod pods;
mod simulated;

use futures::future::BoxFuture;
use lab::Lab;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::{error::Error, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use tokio::{runtime::Runtime, sync::OnceCell};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
type Test = fn(&Lab) -> BoxFuture<'_, Outcome>;

const REGISTRY: &str = "registry.plumbline.test";
const DEADLINE: Duration = Duration::from_secs(60);

const TESTS: [(&str, Test); 8] = [
    ("the_node_is_ready_and_says_what_it_is", |lab| {
        Box::pin(node::node(lab))
    }),
    ("a_deployment_is_simulated_once_its_image_resolves", |lab| {
        Box::pin(simulated::simulated(lab))
    }),
    ("an_image_that_is_not_there_is_told_with_the_real_reason", |lab| {
        Box::pin(simulated::missing_image(lab))
    }),
    ("a_controller_runs_is_probed_logs_restarts_and_ends", |lab| {
        Box::pin(controller::controller(lab))
    }),
    (
        "a_missing_config_map_holds_a_process_back_until_it_exists",
        |lab| Box::pin(controller::missing_configuration(lab)),
    ),
    ("faults_are_shown_when_asked_for", |lab| {
        Box::pin(simulated::faults(lab))
    }),
    ("a_job_completes", |lab| Box::pin(simulated::job(lab))),
    ("a_cordoned_node_takes_no_pod", |lab| Box::pin(node::cordon(lab))),
];

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let mut arguments = Arguments::from_args();
    // The tests share one cluster, and one of them closes its only node.
    arguments.test_threads = Some(1);
    #[expect(clippy::disallowed_methods, reason = "the one setting of this test")]
    let programs = std::env::var_os("PLUMBLINE_TEST_PROGRAMS").map(PathBuf::from);
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let lab: Arc<OnceCell<Lab>> = Arc::default();
    let trials = TESTS
        .into_iter()
        .map(|(name, test)| {
            let (runtime, lab, programs) = (runtime.clone(), lab.clone(), programs.clone());
            Trial::ignorable_test(name, move || {
                let Some(programs) = programs else {
                    return Ok(Completion::ignored_with("PLUMBLINE_TEST_PROGRAMS is not set"));
                };
                runtime.block_on(async {
                    let lab = lab
                        .get_or_try_init(|| Lab::start(&programs))
                        .await
                        .map_err(told)?;
                    match tokio::time::timeout(DEADLINE, test(lab)).await {
                        Ok(outcome) => outcome.map_err(told),
                        Err(_) => Err(Failed::from(format!(
                            "not done in time; {}",
                            lab.describe().await
                        ))),
                    }
                })?;
                Ok(Completion::Completed)
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(lab) = Arc::into_inner(lab).and_then(OnceCell::into_inner) {
        runtime.block_on(lab.stop());
    }
    conclusion.exit_code()
}

fn told(error: Box<dyn Error + Send + Sync>) -> Failed {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    Failed::from(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
}
