use super::*;
use proptest::prelude::*;

fn shared(id: &str, lanes: &[&str]) -> Candidate {
    Candidate {
        id: id.to_owned(),
        needs: Stage::Cluster,
        provides: None,
        comes_first: false,
        comes_last: false,
        is_alone: false,
        has_clusters: false,
        lanes: lanes.iter().map(ToString::to_string).collect(),
    }
}

fn alone(id: &str) -> Candidate {
    Candidate {
        is_alone: true,
        ..shared(id, &[])
    }
}

fn look(id: &str) -> Candidate {
    Candidate {
        comes_first: true,
        ..alone(id)
    }
}

fn provider(id: &str, needs: Stage, provides: Stage) -> Candidate {
    Candidate {
        needs,
        provides: Some(provides),
        ..shared(id, &[])
    }
}

fn on_platform(id: &str) -> Candidate {
    Candidate {
        needs: Stage::Platform,
        ..shared(id, &[])
    }
}

fn schedule(candidates: Vec<Candidate>, parallel: usize) -> Schedule {
    let limits = Limits {
        parallel,
        fail_fast: false,
    };
    Schedule::new(candidates, limits)
}

fn started(schedule: &mut Schedule) -> Vec<usize> {
    let due = schedule.due();
    due.into_iter()
        .map(|command| match command {
            Command::Start(scenario) => scenario,
            Command::Skip(scenario, skip) => panic!("{scenario} is skipped: {}", skip.reason),
        })
        .collect()
}

fn skipped(schedule: &mut Schedule) -> Vec<(usize, SkipCause, String)> {
    let due = schedule.due();
    due.into_iter()
        .map(|command| match command {
            Command::Start(scenario) => panic!("{scenario} is started"),
            Command::Skip(scenario, skip) => (scenario, skip.cause, skip.reason),
        })
        .collect()
}

fn over(schedule: &mut Schedule, scenario: usize, status: Status) {
    schedule.hear(Message::Ended(scenario, status));
    schedule.hear(Message::CleanedUp(scenario));
}

#[test]
fn providers_come_one_by_one_then_the_others_side_by_side_then_those_alone() {
    let mut schedule = schedule(
        vec![
            alone("a"),
            provider("operator", Stage::Cluster, Stage::Operator),
            provider("platform", Stage::Operator, Stage::Platform),
            on_platform("b"),
            on_platform("c"),
            alone("d"),
        ],
        8,
    );
    assert_eq!(started(&mut schedule), [1]);
    over(&mut schedule, 1, Status::Passed);
    assert_eq!(started(&mut schedule), [2]);
    over(&mut schedule, 2, Status::Passed);
    assert_eq!(started(&mut schedule), [3, 4]);
    over(&mut schedule, 3, Status::Failed);
    assert!(started(&mut schedule).is_empty());
    over(&mut schedule, 4, Status::Passed);
    assert_eq!(started(&mut schedule), [0]);
    over(&mut schedule, 0, Status::Passed);
    assert_eq!(started(&mut schedule), [5]);
    assert!(!schedule.is_over());
    over(&mut schedule, 5, Status::Passed);
    assert!(schedule.is_over());
}

#[test]
fn a_stage_for_everybody_comes_up_when_all_that_do_not_need_it_are_over() {
    let late = |candidate: Candidate| Candidate {
        comes_last: true,
        ..candidate
    };
    let on_admission = |candidate: Candidate| {
        late(Candidate {
            needs: Stage::Admission,
            ..candidate
        })
    };
    let candidates = vec![
        provider("platform", Stage::Cluster, Stage::Platform),
        late(provider("admission", Stage::Platform, Stage::Admission)),
        on_admission(alone("a")),
        on_admission(shared("b", &[])),
        on_platform("c"),
        alone("d"),
    ];
    let mut schedule = schedule(candidates, 8);
    for next in [0, 4, 5] {
        assert_eq!(started(&mut schedule), [next]);
        over(&mut schedule, next, Status::Passed);
    }
    assert_eq!(started(&mut schedule), [1]);
    let mut failed = schedule.clone();
    over(&mut schedule, 1, Status::Passed);
    assert_eq!(started(&mut schedule), [3]);
    over(&mut schedule, 3, Status::Passed);
    assert_eq!(started(&mut schedule), [2]);

    over(&mut failed, 1, Status::Failed);
    let reason = "needs the admission, and admission, which provides it, failed".to_owned();
    let because = |scenario| (scenario, SkipCause::Prerequisite, reason.clone());
    assert_eq!(skipped(&mut failed), [because(3), because(2)]);
    assert!(failed.is_over());
}

#[test]
fn a_result_frees_a_place_but_neither_a_lane_nor_the_quiet_of_those_alone() {
    let mut schedule = schedule(
        vec![
            shared("a", &["git"]),
            shared("b", &["git"]),
            shared("c", &[]),
            alone("d"),
        ],
        1,
    );
    assert_eq!(started(&mut schedule), [0]);
    schedule.hear(Message::Ended(0, Status::Passed));
    // `b` waits for the lane, and holds up nobody.
    assert_eq!(started(&mut schedule), [2]);
    schedule.hear(Message::CleanedUp(0));
    assert!(started(&mut schedule).is_empty());
    schedule.hear(Message::Ended(2, Status::Passed));
    assert_eq!(started(&mut schedule), [1]);
    schedule.hear(Message::Ended(1, Status::Passed));
    assert!(started(&mut schedule).is_empty());
    schedule.hear(Message::CleanedUp(1));
    assert!(started(&mut schedule).is_empty());
    schedule.hear(Message::CleanedUp(2));
    assert_eq!(started(&mut schedule), [3]);
}

#[test]
fn two_scenarios_have_clusters_of_their_own_at_a_time_and_hold_up_nobody() {
    let with_clusters = |id: &str| Candidate {
        has_clusters: true,
        ..shared(id, &[])
    };
    let candidates = vec![
        with_clusters("a"),
        with_clusters("b"),
        with_clusters("c"),
        shared("d", &[]),
    ];
    let mut schedule = schedule(candidates, 8);
    assert_eq!(started(&mut schedule), [0, 1, 3]);
    // Its clusters are there until they are removed.
    schedule.hear(Message::Ended(0, Status::Passed));
    assert!(started(&mut schedule).is_empty());
    schedule.hear(Message::CleanedUp(0));
    assert_eq!(started(&mut schedule), [2]);
}

#[test]
fn what_a_failed_provider_should_have_made_skips_its_dependents_down_the_line() {
    let mut schedule = schedule(
        vec![
            provider("gitops/install", Stage::Cluster, Stage::Operator),
            provider("gitops/instance", Stage::Operator, Stage::Platform),
            on_platform("b"),
            shared("c", &[]),
        ],
        8,
    );
    assert_eq!(started(&mut schedule), [0]);
    over(&mut schedule, 0, Status::Failed);
    let commands = schedule.due();
    let reasons: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Skip(scenario, skip) => Some((*scenario, skip.cause, skip.reason.as_str())),
            Command::Start(_) => None,
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (
                1,
                SkipCause::Prerequisite,
                "needs the operator, and gitops/install, which provides it, failed"
            ),
            (
                2,
                SkipCause::Prerequisite,
                "needs the platform, and gitops/instance, which provides it, was skipped"
            ),
        ]
    );
    assert_eq!(commands.last(), Some(&Command::Start(3)));
}

#[test]
fn fail_fast_starts_nothing_more_and_says_after_which() {
    let limits = Limits {
        parallel: 2,
        fail_fast: true,
    };
    let candidates = vec![shared("a", &[]), shared("b", &[]), shared("c", &[]), alone("d")];
    let mut schedule = Schedule::new(candidates, limits);
    assert_eq!(started(&mut schedule), [0, 1]);
    schedule.hear(Message::Ended(1, Status::Failed));
    let reason = "not started: --fail-fast after b failed".to_owned();
    assert_eq!(
        skipped(&mut schedule),
        [
            (2, SkipCause::Stopped, reason.clone()),
            (3, SkipCause::Stopped, reason)
        ]
    );
    schedule.hear(Message::CleanedUp(1));
    assert!(!schedule.is_over());
    over(&mut schedule, 0, Status::Errored);
    assert!(schedule.is_over());
}

#[test]
fn a_flaky_provider_has_provided_and_stops_nothing() {
    let limits = Limits {
        parallel: 2,
        fail_fast: true,
    };
    let candidates = vec![provider("p", Stage::Cluster, Stage::Platform), on_platform("b")];
    let mut schedule = Schedule::new(candidates, limits);
    assert_eq!(started(&mut schedule), [0]);
    over(&mut schedule, 0, Status::Flaky);
    assert_eq!(started(&mut schedule), [1]);
}

#[test]
fn a_stop_leaves_the_rest_without_a_result_and_waits_for_what_is_under_way() {
    let mut schedule = schedule(vec![shared("a", &[]), shared("b", &[])], 1);
    assert_eq!(started(&mut schedule), [0]);
    schedule.hear(Message::Stop);
    assert!(!schedule.is_over());
    schedule.hear(Message::Ended(0, Status::Interrupted));
    assert_eq!(schedule.due(), []);
    assert!(!schedule.is_over());
    schedule.hear(Message::CleanedUp(0));
    assert!(schedule.is_over());
}

#[test]
fn a_pause_starts_nothing_until_it_goes_on() {
    let mut schedule = schedule(vec![shared("a", &[]), shared("b", &[])], 1);
    assert_eq!(started(&mut schedule), [0]);
    schedule.hear(Message::Pause);
    over(&mut schedule, 0, Status::Failed);
    assert_eq!(schedule.due(), []);
    assert!(!schedule.is_over());
    schedule.hear(Message::Resume);
    assert_eq!(started(&mut schedule), [1]);
}

prop_compose! {
    fn candidate()(
        provides in prop::option::weighted(0.15, prop::sample::select(vec![Stage::Operator, Stage::Admission])),
        needs_admission in prop::bool::weighted(0.2),
        is_alone in prop::bool::weighted(0.2),
        looks in any::<bool>(),
        has_clusters in prop::bool::weighted(0.3),
        lanes in prop::collection::btree_set("[abc]", 0..3),
    ) -> Candidate {
        let needs = match needs_admission && provides.is_none() {
            true => Stage::Admission,
            false => Stage::Cluster,
        };
        let is_alone = is_alone && provides.is_none();
        let comes_last = needs.comes_last() || provides.is_some_and(Stage::comes_last);
        let comes_first = looks && is_alone && !comes_last;
        Candidate { id: "s".into(), needs, provides, comes_first, comes_last, is_alone, has_clusters, lanes }
    }
}

proptest! {
    /// Whatever the order in which scenarios end, every one is started once and no rule is broken on the way.
    #[test]
    fn every_scenario_gets_its_turn(
        candidates in prop::collection::vec(candidate(), 1..20),
        parallel in 1..5_usize,
        choices in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        // A stage that a scenario needs is provided: the suite is checked for it.
        let mut candidates = candidates;
        candidates.push(Candidate { comes_last: true, ..provider("admission", Stage::Cluster, Stage::Admission) });
        let mut schedule = schedule(candidates.clone(), parallel);
        let (mut running, mut cleaning): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        let mut choices = choices.into_iter();
        while !schedule.is_over() {
            for scenario in started(&mut schedule) {
                prop_assert!(seen.insert(scenario));
                running.push(scenario);
            }
            let busy: Vec<_> = running.iter().chain(&cleaning).map(|at| &candidates[*at]).collect();
            let is_provider = |candidate: &&&Candidate| candidate.provides.is_some();
            if running.iter().any(|at| candidates[*at].is_alone) {
                prop_assert_eq!(busy.len(), 1);
            }
            prop_assert!(busy.iter().all(|candidate| candidate.comes_last == busy[0].comes_last));
            prop_assert!(running.len() <= parallel);
            prop_assert!(running.iter().map(|at| &candidates[*at]).filter(|c| is_provider(&c)).count() <= 1);
            let shared: Vec<_> = busy.iter().filter(|candidate| !is_provider(candidate)).collect();
            let lanes: Vec<_> = shared.iter().flat_map(|candidate| &candidate.lanes).collect();
            prop_assert_eq!(lanes.len(), lanes.iter().collect::<BTreeSet<_>>().len());
            prop_assert!(shared.iter().filter(|candidate| candidate.has_clusters).count() <= WITH_CLUSTERS);
            let Some(choice) = choices.next() else { break };
            let chosen = choice.index(running.len() + cleaning.len());
            if chosen < running.len() {
                let scenario = running.remove(chosen);
                cleaning.push(scenario);
                schedule.hear(Message::Ended(scenario, Status::Passed));
            } else {
                schedule.hear(Message::CleanedUp(cleaning.remove(chosen - running.len())));
            }
        }
        prop_assert!(schedule.is_over());
        prop_assert_eq!(seen.len(), candidates.len());
    }
}

#[test]
fn those_that_look_alone_come_before_anybody_does_anything() {
    let mut schedule = schedule(vec![shared("a", &[]), alone("b"), look("c"), look("d")], 4);
    assert_eq!(schedule.due(), [Command::Start(2)]);
    schedule.hear(Message::Ended(2, Status::Passed));
    assert_eq!(schedule.due(), []);
    schedule.hear(Message::CleanedUp(2));
    assert_eq!(schedule.due(), [Command::Start(3)]);
    schedule.hear(Message::Ended(3, Status::Failed));
    schedule.hear(Message::CleanedUp(3));
    assert_eq!(schedule.due(), [Command::Start(0)]);
    schedule.hear(Message::Ended(0, Status::Passed));
    schedule.hear(Message::CleanedUp(0));
    assert_eq!(schedule.due(), [Command::Start(1)]);
}
