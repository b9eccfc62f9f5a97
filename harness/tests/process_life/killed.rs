//! `kill -9` of the program, at moments all over its life.

use crate::{moment::Moment, on_the_platform, running::Running};
use libtest_mimic::{Failed, Trial};
use plumbline_keeper::Signal;
use std::os::unix::process::ExitStatusExt as _;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("killed while it begins", kill_as_it_begins),
        Trial::test("killed while programs are built", || {
            kill(Running::building(), Moment::Process("sleep"), 3)
        }),
        on_platform("its platform is to be set up", || kill_at(Moment::SETTING_UP, 2)),
        on_platform("etcd starts", || kill_at(Moment::Process("etcd"), 3)),
        on_platform("the API server starts", || {
            kill_at(Moment::Process("kube-apiserver"), 4)
        }),
        on_platform("the cluster is up", || kill_at(Moment::SET_UP, 5)),
        on_platform("helm installs", || kill_at(Moment::Process("helm"), 6)),
        on_platform("the operator runs", || {
            kill_at(Moment::Process("flux-operator"), 6)
        }),
        on_platform("controllers run", || {
            kill_at(Moment::Process("source-controller"), 7)
        }),
        on_platform("it is ending", kill_while_ending),
    ]
}

fn on_platform(when: &str, body: fn() -> Result<(), Failed>) -> Trial {
    on_the_platform(format!("killed while {when}"), body)
}

fn kill_at(moment: Moment, processes: usize) -> Result<(), Failed> {
    kill(Running::on_the_platform("gitops/instance"), moment, processes)
}

/// Before its keeper is there, no process outlives it that could remove its directory: the next start does.
fn kill_as_it_begins() -> Result<(), Failed> {
    let mut run = Running::building();
    run.wait_for(Moment::STARTED)?;
    let traces = run.traces();
    run.signal(Signal::KILL);
    run.wait()?;
    run.start_another()?;
    run.expect_nothing_left(&traces)
}

/// Kills the program at `moment`, when it must have at least so many processes.
fn kill(mut run: Running, moment: Moment, processes: usize) -> Result<(), Failed> {
    run.wait_for(moment)?;
    let traces = run.traces();
    if traces.processes.len() < processes {
        let names: Vec<_> = traces.processes.iter().map(|process| &process.name).collect();
        return Err(run.failed(&format!("fewer processes than {processes}: {names:?}")));
    }
    run.signal(Signal::KILL);
    let status = run.wait()?;
    if status.signal() != Some(Signal::KILL.as_raw()) {
        return Err(run.failed(&format!("it had ended by itself: {status}")));
    }
    run.expect_nothing_left(&traces)
}

/// The end takes so little that it may be over before the kill: then nothing must be left either.
fn kill_while_ending() -> Result<(), Failed> {
    let mut run = Running::on_the_platform("gitops/instance");
    run.wait_for(Moment::SET_UP)?;
    let traces = run.traces();
    run.signal(Signal::INT);
    run.wait_for(Moment::INTERRUPTED)?;
    run.signal(Signal::KILL);
    run.wait()?;
    run.expect_nothing_left(&traces)
}
