//! What was tested, how it was asked for, and what was measured on the way.

use crate::{Summary, summary::Measured, text::duration};
use plumbline_model::FlakyResult;
use serde::Serialize;

/// A name and a value.
#[derive(Serialize)]
pub(super) struct NamedView {
    name: String,
    value: String,
}

/// A thing that was measured, once or several times.
#[derive(Serialize)]
pub(super) struct MeasurementView {
    name: String,
    count: usize,
    fastest: String,
    median: String,
    slowest: String,
}

/// A place that the cluster tried to reach.
#[derive(Serialize)]
pub(super) struct EgressView {
    name: String,
    status: &'static str,
    word: &'static str,
    count: u64,
}

/// One machine's part of the run.
#[derive(Serialize)]
pub(super) struct ShardView {
    shard: String,
    run: String,
    exit: Option<u8>,
    scenarios: usize,
    duration: String,
    /// The facts that are not the same everywhere.
    facts: String,
}

pub(super) fn options(summary: &Summary) -> Vec<NamedView> {
    let options = &summary.options;
    let mut views = vec![
        named("scenario files", &summary.suite.digest),
        named(
            "repository",
            summary.suite.revision.as_deref().unwrap_or_default(),
        ),
        named("chosen by", &options.selection.join(" ")),
    ];
    if options.parallel > 0 {
        views.push(named("side by side", &options.parallel.to_string()));
    }
    if let Some(seed) = options.seed {
        views.push(named("shuffled with", &format!("--shuffle={seed}")));
    }
    if let Some(shard) = options.shard {
        views.push(named("shard", &shard.to_string()));
    }
    if options.fail_fast {
        views.push(named("stops", "after the first that does not pass"));
    }
    if options.flaky == FlakyResult::Fail {
        views.push(named("flaky scenarios", "make the run fail"));
    }
    views.retain(|view| !view.value.is_empty());
    views
}

/// Every machine's part, and those that are missing.
pub(super) fn shards(summary: &Summary) -> Vec<ShardView> {
    let there = summary.shards.iter().map(|part| {
        let facts = part.facts.iter().map(|(name, value)| format!("{name}: {value}"));
        ShardView {
            shard: part.shard.to_string(),
            run: part.run.clone(),
            exit: Some(part.exit.number()),
            scenarios: part.scenarios,
            duration: duration(part.duration),
            facts: facts.collect::<Vec<_>>().join(", "),
        }
    });
    let missing = summary.missing.iter().map(|shard| ShardView {
        shard: shard.to_string(),
        run: String::new(),
        exit: None,
        scenarios: 0,
        duration: String::new(),
        facts: String::new(),
    });
    there.chain(missing).collect()
}

pub(super) fn facts(summary: &Summary) -> Vec<NamedView> {
    summary
        .facts
        .iter()
        .map(|(name, value)| named(name, value))
        .collect()
}

pub(super) fn simulations(summary: &Summary) -> Vec<NamedView> {
    summary
        .simulations
        .iter()
        .map(|simulation| named(&simulation.subject, &simulation.description))
        .collect()
}

fn named(name: &str, value: &str) -> NamedView {
    NamedView {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

pub(super) fn measurements(summary: &Summary) -> Vec<MeasurementView> {
    let view = |measured: Measured<'_>| MeasurementView {
        name: measured.name.to_owned(),
        count: measured.count,
        fastest: duration(measured.fastest),
        median: duration(measured.median),
        slowest: duration(measured.slowest),
    };
    summary.measured().into_iter().map(view).collect()
}

pub(super) fn egress(summary: &Summary) -> Vec<EgressView> {
    let view = |status, word, (name, count): (&String, &u64)| EgressView {
        name: name.clone(),
        status,
        word,
        count: *count,
    };
    let allowed = summary.egress.allowed.iter();
    let refused = summary.egress.refused.iter();
    refused
        .map(|target| view("failed", "refused", target))
        .chain(allowed.map(|target| view("passed", "allowed", target)))
        .collect()
}
