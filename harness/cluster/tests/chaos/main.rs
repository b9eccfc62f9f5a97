//! The connection to a real API server, broken in every way that is known: waits recover or say why not, requests that
//! may pass are made again, and nothing lasts longer than it was given. The programs are looked for as by the tests of
//! the control plane.

mod budget;
mod lasting;
mod storm;
#[path = "../control_plane/trial.rs"]
mod trial;
mod verbs;
mod waits;

use libtest_mimic::{Arguments, Conclusion, Trial};
use std::process::ExitCode;
use trial::{Laboratory, Programs};

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let arguments = Arguments::from_args();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let laboratory = Laboratory::new(runtime.handle().clone(), Programs::find().ok());
    let mut trials: Vec<Trial> = Vec::new();
    trials.extend(waits::trials(&laboratory));
    trials.extend(lasting::trials(&laboratory));
    trials.extend(verbs::trials(&laboratory));
    trials.extend(budget::trials(&laboratory));
    let conclusion: Conclusion = libtest_mimic::run(&arguments, trials);
    runtime.block_on(laboratory.close());
    conclusion.exit_code()
}
