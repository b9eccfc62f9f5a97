//! The embedded control plane with its real programs. They are looked for in the directory `PLUMBLINE_TEST_PROGRAMS`;
//! without it every test here is ignored.

mod life;
mod requests;
mod trial;
mod waits;

use libtest_mimic::{Arguments, Conclusion, Trial};
use std::process::ExitCode;
use trial::{Laboratory, Programs};

fn main() -> ExitCode {
    plumbline_keeper::entry::dispatch();
    let arguments = Arguments::from_args();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let programs = Programs::find();
    if let Err(reason) = &programs {
        say(&format!("ignored: {reason}"));
    }
    let laboratory = Laboratory::new(runtime.handle().clone(), programs.ok());
    let mut trials: Vec<Trial> = Vec::new();
    trials.extend(requests::trials(&laboratory));
    trials.extend(waits::trials(&laboratory));
    trials.extend(life::trials(&laboratory));
    let conclusion: Conclusion = libtest_mimic::run(&arguments, trials);
    runtime.block_on(laboratory.close());
    conclusion.exit_code()
}

#[expect(
    clippy::print_stderr,
    reason = "libtest-mimic has no way to tell why a test is ignored"
)]
fn say(text: &str) {
    eprintln!("{text}");
}
