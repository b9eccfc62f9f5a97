use super::*;
use plumbline_model::{LogEntry, Outcome};
use plumbline_scenario::{Selection, Vocabulary, load};
use std::sync::Mutex;
use tokio::sync::Notify;

/// A plan, a log, and how scenarios that are only made up end.
struct Trial {
    directory: tempfile::TempDir,
    plan: Plan,
    log: EventLog,
    cancel: CancellationToken,
    held: watch::Sender<usize>,
}

impl Trial {
    fn of(ids: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for id in ids {
            let path = directory.path().join(format!("{id}.yaml"));
            let text = format!(
                "claim: {id} holds\nrequirements: [GITOPS-04]\nneeds: cluster\nsteps:\n  \
                 - expect: {{object: Namespace {id}, absent: true}}\n"
            );
            std::fs::write(&path, text).unwrap();
            paths.push(path);
        }
        let suite = load(&paths, directory.path(), &Vocabulary::default()).unwrap();
        Self {
            plan: suite.plan(&Selection::default()).unwrap(),
            log: EventLog::create(&directory.path().join("run.ndjson"), |_| ()).unwrap(),
            cancel: CancellationToken::new(),
            held: watch::Sender::new(0),
            directory,
        }
    }

    async fn dispatch<Execution>(
        &self,
        parallel: usize,
        execute: impl Fn(Arc<Scenario>, Reporter) -> Execution,
    ) -> Vec<Option<Status>>
    where
        Execution: Future<Output = ()> + Send + 'static,
    {
        let signals = Signals {
            cancel: self.cancel.clone(),
            held: self.held.subscribe(),
        };
        let limits = Limits {
            parallel,
            fail_fast: false,
        };
        assert!(self.directory.path().is_dir());
        dispatch(
            &self.plan,
            Candidate::that_shares,
            limits,
            signals,
            &self.log,
            execute,
        )
        .await
    }
}

#[tokio::test]
async fn a_task_that_panics_is_a_bug_of_ours_and_the_others_run() {
    let trial = Trial::of(&["a", "b"]);
    let statuses = trial
        .dispatch(1, |scenario, reporter| async move {
            assert!(scenario.id != "a", "it is all wrong");
            reporter.ended(Status::Passed);
        })
        .await;
    assert_eq!(statuses, [Some(Status::Errored), Some(Status::Passed)]);
    let entries = trial.log.entries();
    let [
        LogEntry {
            event: Event::ScenarioFinished { outcome, .. },
            ..
        },
    ] = &entries[..]
    else {
        panic!("one result, that of the one that panicked: {entries:?}")
    };
    assert!(
        matches!(outcome, Outcome::Errored(fault) if fault.message.contains("it is all wrong")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_next_scenario_does_not_wait_for_a_clean_up_but_the_end_does() {
    let trial = Trial::of(&["a", "b"]);
    let b_ended = Arc::new(Notify::new());
    let order = Arc::new(Mutex::new(Vec::new()));
    let statuses = trial
        .dispatch(1, |scenario, reporter| {
            let (b_ended, order) = (b_ended.clone(), order.clone());
            async move {
                reporter.ended(Status::Passed);
                if scenario.id == "a" {
                    // Its clean-up is over only when `b` has ended.
                    b_ended.notified().await;
                } else {
                    b_ended.notify_one();
                }
                order.lock().unwrap().push(scenario.id.clone());
            }
        })
        .await;
    assert_eq!(statuses, [Some(Status::Passed), Some(Status::Passed)]);
    assert_eq!(*order.lock().unwrap(), ["b", "a"]);
}

#[tokio::test]
async fn what_never_started_because_the_run_was_to_end_has_no_status() {
    let trial = Trial::of(&["a", "b"]);
    let cancel = trial.cancel.clone();
    let statuses = trial
        .dispatch(1, |_, reporter| {
            cancel.cancel();
            async move { reporter.ended(Status::Interrupted) }
        })
        .await;
    assert_eq!(statuses[1], None);
    assert!(trial.log.entries().is_empty());
}

#[tokio::test]
async fn nothing_starts_while_a_scenario_holds_the_run() {
    let trial = Trial::of(&["a", "b"]);
    let started = Arc::new(Notify::new());
    let go_on = async {
        started.notified().await;
        // `a` has ended by now, and `b` could start if nothing held it.
        tokio::task::yield_now().await;
        trial.held.send_replace(0);
    };
    let held = trial.held.clone();
    let dispatched = trial.dispatch(1, |scenario, reporter| {
        if scenario.id == "b" {
            assert_eq!(*held.borrow(), 0);
        }
        let (held, started) = (held.clone(), started.clone());
        async move {
            if scenario.id == "a" {
                held.send_replace(1);
                // The dispatcher hears of it before it hears of the result.
                tokio::task::yield_now().await;
            }
            reporter.ended(Status::Failed);
            started.notify_one();
        }
    });
    let (statuses, ()) = tokio::join!(dispatched, go_on);
    assert_eq!(statuses, [Some(Status::Failed), Some(Status::Failed)]);
}
