//! Runs that somebody attends to: who asks what is waited for, who looks at a failure before it is cleaned up, who looks around afterwards.

use crate::{moment::Moment, on_the_platform, running::Running};
use libtest_mimic::{Failed, Trial};
use plumbline_keeper::Signal;
use std::{io::Write as _, process::Stdio};

/// A failure is held still.
const HELD: Moment = Moment::Logged(r#""type":"noted","scenario":"attended/fails""#);

pub fn trials() -> Vec<Trial> {
    vec![
        on_platform("SIGUSR1 tells what is waited for", tell),
        on_platform("a failure is held until somebody presses Enter", hold),
        on_platform(
            "a failure is held until nobody can press Enter",
            hold_to_the_end_of_input,
        ),
        on_platform("no failure is held where nobody can press Enter", do_not_hold),
        on_platform("a platform with a failure stays up until it is looked at", keep),
        on_platform("a platform stays up after a run that passed", keep_what_passed),
    ]
}

fn on_platform(name: &str, body: fn() -> Result<(), Failed>) -> Trial {
    on_the_platform(name.to_owned(), body)
}

/// A run of one of the scenarios of `cases/attended`.
fn of(scenario: &str, flags: &[&str], input: Stdio) -> Running {
    Running::of_scenarios("attended", |command| {
        command.args(["--name", scenario]).args(flags).stdin(input);
    })
}

/// Sees that a run ends with this exit code, and that its report says so.
pub fn expect_end(run: &mut Running, code: i32) -> Result<(), Failed> {
    let status = run.wait()?;
    let report = run.report()?;
    let told = &report["run"];
    if status.code() == Some(code) && told["exitCode"] == code {
        return Ok(());
    }
    Err(run.failed(&format!("{status} and {told} in place of exit code {code}")))
}

fn tell() -> Result<(), Failed> {
    let mut run = of("attended/waits", &[], Stdio::null());
    run.wait_for(Moment::Logged(
        r#""type":"step-waiting","scenario":"attended/waits","step":1"#,
    ))?;
    run.signal(Signal::USR1);
    run.wait_for(Moment::Complained("1 scenario is running, "))?;
    run.wait_for(Moment::Complained(
        "step: expect ConfigMap waiting/that-never-comes: ",
    ))?;
    run.wait_for(Moment::Complained("waits for  object.data.mode == \"calm\""))?;
    run.signal(Signal::INT);
    expect_end(&mut run, 130)
}

fn hold() -> Result<(), Failed> {
    let mut run = of("attended/fails", &["--pause-on-failure"], Stdio::piped());
    let mut input = run.take_input();
    run.wait_for(HELD)?;
    for word in ["scenario-finished", "clean-up"] {
        if run.log().contains(&format!("\"{word}")) {
            return Err(run.failed(&format!("it did not hold: {word}")));
        }
    }
    input.write_all(b"\n")?;
    expect_end(&mut run, 1)
}

fn hold_to_the_end_of_input() -> Result<(), Failed> {
    let mut run = of("attended/fails", &["--pause-on-failure"], Stdio::piped());
    let input = run.take_input();
    run.wait_for(HELD)?;
    drop(input);
    expect_end(&mut run, 1)
}

fn do_not_hold() -> Result<(), Failed> {
    let mut run = of("attended/fails", &["--pause-on-failure"], Stdio::null());
    expect_end(&mut run, 1)
}

fn keep() -> Result<(), Failed> {
    let mut run = of("attended/fails", &["--keep", "on-failure"], Stdio::null());
    run.wait_for(Moment::STAYS_UP)?;
    let traces = run.traces();
    let told = &run.report()?["run"];
    if told["exitCode"] != 1 {
        return Err(run.failed(&format!(
            "the report is not there while the platform is up: {told}"
        )));
    }
    let settings = run.kubectl(&["get", "configmap", "settings", "-n", "failing", "-o", "json"])?;
    if settings["data"]["mode"] != "hacked" {
        return Err(run.failed(&format!("what the scenario made is not there: {settings}")));
    }
    run.signal(Signal::INT);
    expect_end(&mut run, 1)?;
    if run.read("output").matches("(exit code 1)").count() != 1 {
        return Err(run.failed("the result is told once"));
    }
    run.expect_nothing_left(&traces)
}

fn keep_what_passed() -> Result<(), Failed> {
    let mut run = of("attended/passes", &["--keep", "always"], Stdio::null());
    run.wait_for(Moment::STAYS_UP)?;
    let traces = run.traces();
    run.kubectl(&["get", "nodes", "-o", "json"])?;
    run.signal(Signal::TERM);
    expect_end(&mut run, 0)?;
    run.expect_nothing_left(&traces)
}
