//! Logs that no run has written: events in any order, with any text.

use plumbline_model::{
    Attachment, Event, ExitCode, Failure, Fault, FaultClass, FlakyResult, LogEntry, Outcome, RunOptions,
    Section, Simulation, Skip, SkipCause, StepPosition, SuiteIdentity, requirements,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// A few ids, so that events meet.
fn scenario() -> BoxedStrategy<String> {
    select(vec!["", "a", "a/b", "a/b[x=1]", "c\u{1b}[2J\n::error::"])
        .prop_map(str::to_owned)
        .boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z ]{0,12}",
        "\\PC{0,12}",
        any::<String>(),
        select(vec![
            "]]>",
            "<script>",
            "\n::error::x",
            "##vso[task.complete]",
            "```\n</details>",
            "\u{fffe}\u{85}\r\n",
            " | "
        ])
        .prop_map(str::to_owned),
    ]
    .boxed()
}

fn duration() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..100_000, any::<u64>()]
}

fn attachments() -> BoxedStrategy<Vec<Attachment>> {
    vec(
        (text(), text()).prop_map(|(title, text)| Attachment { title, text }),
        0..2,
    )
    .boxed()
}

fn fault() -> BoxedStrategy<Fault> {
    let class = select(vec![
        FaultClass::Environment,
        FaultClass::Cluster,
        FaultClass::Bug,
    ]);
    (class, text(), attachments())
        .prop_map(|(class, message, attachments)| Fault {
            class,
            message,
            attachments,
        })
        .boxed()
}

fn outcome() -> BoxedStrategy<Outcome> {
    let cause = select(vec![
        SkipCause::Author,
        SkipCause::Unsupported,
        SkipCause::LookOnly,
        SkipCause::Prerequisite,
        SkipCause::Stopped,
    ]);
    let skip = (text(), cause, option::of(text()), option::of(text()));
    let failure = (text(), option::of(text()), option::of(text()), attachments());
    prop_oneof![
        4 => Just(Outcome::Passed),
        1 => any::<u32>().prop_map(|attempts| Outcome::Flaky { attempts }),
        2 => failure.prop_map(|(message, expected, actual, attachments)| {
            Outcome::Failed(Failure { message, expected, actual, attachments })
        }),
        1 => fault().prop_map(Outcome::Errored),
        2 => skip.prop_map(|(reason, cause, issue, until)| {
            Outcome::Skipped(Skip { reason, cause, issue, until })
        }),
        1 => Just(Outcome::Interrupted),
    ]
    .boxed()
}

fn position() -> BoxedStrategy<StepPosition> {
    (text(), any::<u32>(), any::<u32>())
        .prop_map(|(file, line, column)| StepPosition { file, line, column })
        .boxed()
}

fn of_scenario() -> BoxedStrategy<Event> {
    let requirement = select(
        requirements()
            .iter()
            .map(|requirement| requirement.id)
            .collect::<Vec<_>>(),
    );
    let section = select(vec![Section::Steps, Section::Finally]);
    let step = 0_usize..3;
    prop_oneof![
        (
            scenario(),
            text(),
            vec(requirement.clone(), 0..3),
            vec(text(), 0..2)
        )
            .prop_map(|(scenario, claim, requirements, tags)| Event::ScenarioStarted {
                scenario,
                file: claim.clone(),
                claim,
                requirements,
                tags,
            }),
        (
            scenario(),
            step.clone(),
            text(),
            position(),
            vec(position(), 0..2),
            section,
            option::of(text()),
            option::of(any::<u32>())
        )
            .prop_map(
                |(scenario, step, summary, position, used_at, section, cluster, deadline)| {
                    Event::StepStarted {
                        scenario,
                        step,
                        verb: "expect".to_owned(),
                        summary,
                        position,
                        used_at,
                        section,
                        cluster,
                        deadline: deadline.map(u64::from),
                    }
                }
            ),
        (scenario(), step.clone(), text(), text()).prop_map(|(scenario, step, waiting_for, last_seen)| {
            Event::StepWaiting {
                scenario,
                step,
                waiting_for,
                last_seen,
            }
        }),
        (scenario(), step, duration(), outcome()).prop_map(|(scenario, step, duration, outcome)| {
            Event::StepFinished {
                scenario,
                step,
                duration,
                outcome,
            }
        }),
        (scenario(), any::<u32>(), duration(), outcome()).prop_map(
            |(scenario, attempt, duration, outcome)| {
                Event::AttemptFinished {
                    scenario,
                    attempt,
                    duration,
                    outcome,
                }
            }
        ),
        (scenario(), duration(), vec(text(), 0..2), vec(text(), 0..2)).prop_map(
            |(scenario, duration, removed, left)| Event::CleanedUp {
                scenario,
                duration,
                removed,
                left
            }
        ),
        (
            scenario(),
            text(),
            vec(requirement, 0..3),
            duration(),
            outcome(),
            vec(text(), 0..2)
        )
            .prop_map(|(scenario, claim, requirements, duration, outcome, simulated)| {
                Event::ScenarioFinished {
                    scenario,
                    file: claim.clone(),
                    claim,
                    requirements,
                    tags: Vec::new(),
                    duration,
                    outcome,
                    simulated,
                }
            }),
    ]
    .boxed()
}

fn of_run() -> BoxedStrategy<Event> {
    let exit = select(vec![
        ExitCode::Passed,
        ExitCode::Failed,
        ExitCode::Usage,
        ExitCode::Environment,
        ExitCode::NothingSelected,
        ExitCode::LeftBehind,
        ExitCode::Interrupted,
        ExitCode::Terminated,
    ]);
    let targets = || proptest::collection::btree_map(text(), any::<u64>(), 0..3);
    prop_oneof![
        (text(), text()).prop_map(|(name, value)| Event::Fact { name, value }),
        (text(), text()).prop_map(|(subject, description)| Event::Simulated {
            simulation: Simulation { subject, description }
        }),
        text().prop_map(|phase| Event::PhaseStarted { phase }),
        (text(), duration(), outcome()).prop_map(|(phase, duration, outcome)| Event::PhaseFinished {
            phase,
            duration,
            outcome,
        }),
        (scenario(), text()).prop_map(|(scenario, text)| Event::Noted { scenario, text }),
        (scenario(), text(), duration()).prop_map(|(scenario, name, duration)| Event::Measured {
            scenario,
            name,
            duration,
        }),
        (targets(), targets()).prop_map(|(allowed, refused)| Event::Egress { allowed, refused }),
        fault().prop_map(|fault| Event::RunErrored { fault }),
        text().prop_map(|what| Event::LeftBehind { what }),
        select(vec!["SIGINT", "SIGTERM", "SIGHUP", "\n"]).prop_map(|signal| Event::Interrupted {
            signal: signal.to_owned(),
        }),
        (duration(), exit).prop_map(|(duration, exit)| Event::RunFinished { duration, exit }),
    ]
    .boxed()
}

fn started() -> BoxedStrategy<Event> {
    let shard = select(vec![None, "1/2".parse().ok(), "2/2".parse().ok()]);
    let flaky = select(vec![FlakyResult::Pass, FlakyResult::Fail]);
    (
        text(),
        vec(scenario(), 0..5),
        option::of(any::<u64>()),
        shard,
        any::<bool>(),
        flaky,
    )
        .prop_map(
            |(word, scenarios, seed, shard, fail_fast, flaky)| Event::RunStarted {
                run: word.clone(),
                version: word.clone(),
                started: word.clone(),
                provider: "embedded".to_owned(),
                scenarios,
                suite: SuiteIdentity::default(),
                options: RunOptions {
                    parallel: 1,
                    seed,
                    shard,
                    fail_fast,
                    flaky,
                    selection: vec![word],
                },
            },
        )
        .boxed()
}

/// Events as a run would have them more often than not, with what is out of place in between.
pub fn log() -> impl Strategy<Value = Vec<LogEntry>> {
    let event = prop_oneof![8 => of_scenario(), 1 => of_run()];
    let events = vec((duration(), event), 0..40);
    (option::weighted(0.9, started()), events).prop_map(|(first, events)| {
        let first = first.map(|event| LogEntry { at: 0, event });
        let rest = events.into_iter().map(|(at, event)| LogEntry { at, event });
        first.into_iter().chain(rest).collect()
    })
}
