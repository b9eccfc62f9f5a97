//! Runs a plan: hears what happens, asks the schedule what is due, and does it.

use crate::{
    EventLog,
    attempt::bug,
    executor::{report_lost, report_skipped},
    pause::Pause,
    schedule::{Candidate, Command, Limits, Message, Schedule},
};
use plumbline_model::{Event, Status};
use plumbline_scenario::{Plan, Scenario};
use std::{collections::HashMap, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// By which the task of a scenario tells its result, once; that the task is over tells that it is cleaned up.
pub(crate) struct Reporter {
    scenario: usize,
    results: mpsc::UnboundedSender<(usize, Status)>,
}

impl Reporter {
    /// The scenario has its result.
    pub(crate) fn ended(self, status: Status) {
        // The dispatcher listens as long as there are tasks.
        let _ = self.results.send((self.scenario, status));
    }
}

/// What the dispatcher listens to, besides the scenarios.
pub(crate) struct Signals {
    /// The run is to end.
    pub(crate) cancel: CancellationToken,
    /// How many scenarios hold the run still.
    pub(crate) held: watch::Receiver<usize>,
}

impl Signals {
    /// The run ends by `cancel`, and is held still by `pause`, if anything does that.
    pub(crate) fn new(cancel: &CancellationToken, pause: Option<&Pause>) -> Self {
        let held = match pause {
            Some(pause) => pause.held(),
            // Nobody is left to change it.
            None => watch::Sender::new(0).subscribe(),
        };
        Self {
            cancel: cancel.clone(),
            held,
        }
    }
}

/// Runs the scenarios of a plan by `execute`, and gives the status of each; one that never started because the run was to end has none.
pub(crate) async fn dispatch<Execution>(
    plan: &Plan,
    candidate: fn(&Scenario) -> Candidate,
    limits: Limits,
    mut signals: Signals,
    log: &EventLog,
    execute: impl Fn(Arc<Scenario>, Reporter) -> Execution,
) -> Vec<Option<Status>>
where
    Execution: Future<Output = ()> + Send + 'static,
{
    let scenarios: Vec<_> = plan
        .scenarios
        .iter()
        .map(|planned| planned.scenario.clone())
        .collect();
    let candidates = scenarios.iter().map(|scenario| candidate(scenario));
    let (results, reported) = mpsc::unbounded_channel();
    let mut running = Running {
        schedule: Schedule::new(candidates.collect(), limits),
        statuses: vec![None; scenarios.len()],
        scenarios,
        tasks: HashMap::new(),
        reported,
    };
    let mut tasks = JoinSet::new();
    let mut is_stopped = false;
    loop {
        for command in running.schedule.due() {
            match command {
                Command::Skip(scenario, skip) => {
                    running.statuses[scenario] = Some(Status::Skipped);
                    report_skipped(log, &running.scenarios[scenario], skip);
                }
                Command::Start(scenario) => {
                    let reporter = Reporter {
                        scenario,
                        results: results.clone(),
                    };
                    let task = tasks.spawn(execute(running.scenarios[scenario].clone(), reporter));
                    running.tasks.insert(task.id(), scenario);
                }
            }
        }
        if running.schedule.is_over() {
            return running.statuses;
        }
        tokio::select! {
            // What holds the run comes before results, which free places; and results before the ends of their tasks.
            biased;
            Ok(()) = signals.held.changed() => {
                let held = *signals.held.borrow_and_update();
                running.schedule.hear(if held > 0 { Message::Pause } else { Message::Resume });
            }
            Some((scenario, status)) = running.reported.recv() => running.ended(scenario, status),
            () = signals.cancel.cancelled(), if !is_stopped => {
                is_stopped = true;
                running.schedule.hear(Message::Stop);
            }
            Some(joined) = tasks.join_next_with_id() => running.over(joined, log),
        }
    }
}

struct Running {
    schedule: Schedule,
    scenarios: Vec<Arc<Scenario>>,
    statuses: Vec<Option<Status>>,
    tasks: HashMap<Id, usize>,
    reported: mpsc::UnboundedReceiver<(usize, Status)>,
}

impl Running {
    fn ended(&mut self, scenario: usize, status: Status) {
        self.statuses[scenario] = Some(status);
        self.schedule.hear(Message::Ended(scenario, status));
    }

    /// A task is over. One that panicked is a bug of ours, and the scenario's result if it has none yet.
    fn over(&mut self, joined: Result<(Id, ()), JoinError>, log: &EventLog) {
        let (id, panic) = match joined {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), error.try_into_panic().ok()),
        };
        while let Ok((scenario, status)) = self.reported.try_recv() {
            self.ended(scenario, status);
        }
        let Some(scenario) = self.tasks.remove(&id) else {
            return;
        };
        let fault = panic.map(|panic| bug(panic.as_ref()));
        if self.statuses[scenario].is_none() {
            let fault = fault.unwrap_or_else(|| bug(&"its task ended without a result"));
            report_lost(log, &self.scenarios[scenario], fault);
            self.ended(scenario, Status::Errored);
        } else if let Some(fault) = fault {
            log.emit(Event::RunErrored { fault });
        }
        self.schedule.hear(Message::CleanedUp(scenario));
    }
}

#[cfg(test)]
mod tests;
