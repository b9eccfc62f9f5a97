//! SIGINT and SIGTERM: an orderly end with a report; a second one ends at once.

use crate::{moment::Moment, on_the_platform, running::Running};
use libtest_mimic::{Failed, Trial};
use plumbline_keeper::Signal;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("interrupted while programs are built", || {
            interrupt(Running::building(), Moment::Process("sleep"), Signal::INT)
        }),
        Trial::test("terminated while programs are built", || {
            interrupt(Running::building(), Moment::Process("sleep"), Signal::TERM)
        }),
        Trial::test("interrupted twice while programs are built", || {
            interrupt_twice(Running::building(), Moment::Process("sleep"))
        }),
        on_platform("interrupted while the platform is set up", || {
            interrupt_at(Moment::Process("kube-apiserver"), Signal::INT)
        }),
        on_platform("interrupted in a scenario", || {
            interrupt_at(Moment::Process("helm"), Signal::INT)
        }),
        on_platform("terminated in a scenario", || {
            interrupt_at(Moment::INSTALLING, Signal::TERM)
        }),
        on_platform("interrupted twice in a scenario", || {
            interrupt_twice(
                Running::on_the_platform("gitops/instance"),
                Moment::Process("helm"),
            )
        }),
    ]
}

fn on_platform(name: &str, body: fn() -> Result<(), Failed>) -> Trial {
    on_the_platform(name.to_owned(), body)
}

fn interrupt_at(moment: Moment, signal: Signal) -> Result<(), Failed> {
    interrupt(Running::on_the_platform("gitops/instance"), moment, signal)
}

fn interrupt(mut run: Running, moment: Moment, signal: Signal) -> Result<(), Failed> {
    run.wait_for(moment)?;
    let traces = run.traces();
    run.signal(signal);
    expect_orderly_end(&mut run, signal)?;
    run.expect_nothing_left(&traces)
}

/// The second signal comes as soon as the first was noted, while the run is ending.
fn interrupt_twice(mut run: Running, moment: Moment) -> Result<(), Failed> {
    run.wait_for(moment)?;
    let traces = run.traces();
    run.signal(Signal::INT);
    run.wait_for(Moment::INTERRUPTED)?;
    run.signal(Signal::INT);
    expect_orderly_end(&mut run, Signal::INT)?;
    run.expect_nothing_left(&traces)
}

/// Exit code, report and log agree on what ended the run.
fn expect_orderly_end(run: &mut Running, signal: Signal) -> Result<(), Failed> {
    let (code, name) = match signal {
        Signal::INT => (130, "SIGINT"),
        _ => (143, "SIGTERM"),
    };
    let status = run.wait()?;
    if status.code() != Some(code) {
        return Err(run.failed(&format!("{status} in place of exit code {code}")));
    }
    let report = run.report()?;
    let told = &report["run"];
    if told["exitCode"] != code || told["interruptedBy"] != name {
        return Err(run.failed(&format!("the JSON report says {told}")));
    }
    let log = run.log();
    if !log
        .lines()
        .last()
        .is_some_and(|line| line.contains(r#""run-finished""#))
    {
        return Err(run.failed("the log does not tell the end"));
    }
    Ok(())
}
