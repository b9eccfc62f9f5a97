//! How long reports take of a run that was long: 200,000 events. A directory that is named as the only argument is given the log and
//! the HTML report.

use plumbline_model::{
    Attachment, Event, ExitCode, Failure, LogEntry, Outcome, RunOptions, Section, StepPosition,
    SuiteIdentity, read_log,
};
use plumbline_report::{
    Palette, Summary, render_html, render_json, render_junit, render_step_summary, render_summary,
};
use std::{fmt::Write as _, path::Path, time::Instant};

const EVENTS: usize = 200_000;
/// Each scenario has as many steps, and each step is three events.
const STEPS: usize = 20;

/// A log of scenarios of which every tenth fails, with evidence.
fn log() -> Vec<LogEntry> {
    let mut events = vec![Event::RunStarted {
        run: "run-benchmark".to_owned(),
        version: "0".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        provider: "embedded".to_owned(),
        scenarios: Vec::new(),
        suite: SuiteIdentity::default(),
        options: RunOptions::default(),
    }];
    let mut number = 0;
    while events.len() < EVENTS {
        scenario(&mut events, number);
        number += 1;
    }
    events.push(Event::RunFinished {
        duration: 0,
        exit: ExitCode::Failed,
    });
    let entries = events.into_iter().zip(0..);
    entries.map(|(event, at)| LogEntry { at, event }).collect()
}

fn scenario(events: &mut Vec<Event>, number: usize) {
    let scenario = format!("made-up/number-{number:05}");
    let file = format!("scenarios/{scenario}.yaml");
    let outcome = match number % 10 {
        0 => Outcome::Failed(failure()),
        _ => Outcome::Passed,
    };
    events.push(Event::ScenarioStarted {
        scenario: scenario.clone(),
        claim: "what was made up is there".to_owned(),
        file: file.clone(),
        requirements: Vec::new(),
        tags: vec!["made-up".to_owned()],
    });
    for step in 0..STEPS {
        events.push(Event::StepStarted {
            scenario: scenario.clone(),
            step,
            verb: "expect".to_owned(),
            summary: format!("expect ConfigMap made-up/settings-{step}: object.data.mode == \"calm\""),
            position: StepPosition {
                file: file.clone(),
                line: 9 + u32::try_from(step).unwrap_or_default(),
                column: 5,
            },
            used_at: Vec::new(),
            section: Section::Steps,
            cluster: None,
            deadline: None,
        });
        events.push(Event::StepWaiting {
            scenario: scenario.clone(),
            step,
            waiting_for: "object.data.mode == \"calm\"".to_owned(),
            last_seen: "data.mode = hacked".to_owned(),
        });
        events.push(Event::StepFinished {
            scenario: scenario.clone(),
            step,
            duration: 17,
            outcome: if step + 1 == STEPS {
                outcome.clone()
            } else {
                Outcome::Passed
            },
        });
    }
    events.push(Event::ScenarioFinished {
        scenario,
        claim: "what was made up is there".to_owned(),
        file,
        requirements: Vec::new(),
        tags: vec!["made-up".to_owned()],
        duration: 400,
        outcome,
        simulated: Vec::new(),
    });
}

/// A failure with a difference, and with a log of 200 lines.
fn failure() -> Failure {
    let text = |mode: &str| {
        (0..40)
            .map(|line| format!("line-{line}: {mode}\n"))
            .collect::<String>()
    };
    Failure {
        message: "ConfigMap made-up/settings does not match".to_owned(),
        expected: Some(text("calm")),
        actual: Some(text("hacked")),
        attachments: vec![Attachment {
            title: "log of kustomize-controller".to_owned(),
            text: "{\"level\":\"info\",\"msg\":\"server-side apply completed\"}\n".repeat(200),
        }],
    }
}

fn timed<T>(out: &mut String, what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let made = work();
    let _ = writeln!(out, "{what:<32} {:>6} ms", begun.elapsed().as_millis());
    made
}

#[expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and ends at once if it cannot go on"
)]
fn main() {
    let log = log();
    let text: String = log
        .iter()
        .map(|entry| serde_json::to_string(entry).expect("an event is JSON") + "\n")
        .collect();
    let mut out = format!("{} events, {} MB\n", log.len(), text.len() / 1_000_000);
    drop(log);
    let log = timed(&mut out, "read the log", || read_log(&text).expect("it is a log"));
    let summary = timed(&mut out, "fold it", || Summary::fold(&log));
    let html = timed(&mut out, "HTML", || {
        render_html(&summary).expect("the template fits")
    });
    timed(&mut out, "JSON", || render_json(&summary));
    timed(&mut out, "JUnit", || render_junit(&summary));
    timed(&mut out, "terminal", || render_summary(&summary, Palette::Plain));
    timed(&mut out, "step summary of GitHub", || {
        render_step_summary(&summary)
    });
    let _ = writeln!(out, "the HTML report has {} MB", html.len() / 1_000_000);
    print!("{out}");
    if let Some(directory) = std::env::args()
        .nth(1)
        .filter(|argument| !argument.starts_with('-'))
    {
        let directory = Path::new(&directory);
        std::fs::write(directory.join("run.ndjson"), text).expect("the log can be written");
        std::fs::write(directory.join("report.html"), html).expect("the report can be written");
    }
}
