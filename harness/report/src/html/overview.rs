//! The run as a whole: counts, requirements, facts, measurements, egress.

use super::scenario::anchor;
use crate::{RequirementStatus, Summary, text::duration};
use plumbline_model::{Level, Status};
use serde::Serialize;
use std::collections::BTreeMap;

/// A name and a value.
#[derive(Serialize)]
pub(super) struct NamedView {
    name: String,
    value: String,
}

/// How many scenarios ended so.
#[derive(Serialize)]
pub(super) struct CountView {
    status: &'static str,
    word: &'static str,
    count: usize,
}

/// Requirements that belong together.
#[derive(Serialize)]
pub(super) struct ProfileView {
    name: String,
    requirements: Vec<RequirementView>,
}

#[derive(Serialize)]
struct RequirementView {
    id: &'static str,
    short: &'static str,
    status: &'static str,
    word: &'static str,
    level: &'static str,
    statement: &'static str,
    scenarios: Vec<LinkView>,
}

#[derive(Serialize)]
struct LinkView {
    id: String,
    anchor: String,
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

pub(super) fn counts(summary: &Summary, unfinished: usize) -> Vec<CountView> {
    [
        Status::Failed,
        Status::Errored,
        Status::Flaky,
        Status::Interrupted,
        Status::Skipped,
        Status::Passed,
    ]
    .into_iter()
    .map(|status| CountView {
        status: status.word(),
        word: status.word(),
        count: summary.count(status),
    })
    .chain([CountView {
        status: "not-run",
        word: "not run",
        count: unfinished,
    }])
    .filter(|count| count.count > 0)
    .collect()
}

pub(super) fn profiles(summary: &Summary) -> Vec<ProfileView> {
    let mut profiles: Vec<ProfileView> = Vec::new();
    for result in summary.requirements() {
        let id = result.id.as_str();
        let (profile, short) = id.rsplit_once('-').unwrap_or(("", id));
        let view = RequirementView {
            id,
            short,
            status: class(result.status),
            word: result.status.word(),
            level: match result.level {
                Level::Core => "core",
                Level::Extended => "extended",
            },
            statement: result.statement,
            scenarios: result
                .scenarios
                .into_iter()
                .map(|id| LinkView {
                    anchor: anchor(&id),
                    id,
                })
                .collect(),
        };
        match profiles.iter_mut().find(|known| known.name == profile) {
            Some(known) => known.requirements.push(view),
            None => profiles.push(ProfileView {
                name: profile.to_owned(),
                requirements: vec![view],
            }),
        }
    }
    profiles
}

const fn class(status: RequirementStatus) -> &'static str {
    match status {
        RequirementStatus::NotRun => "not-run",
        other => other.word(),
    }
}

/// `17 passed, 2 failed, 30 not run`.
pub(super) fn requirements_in_words(summary: &Summary) -> String {
    let mut counts: BTreeMap<RequirementStatus, usize> = BTreeMap::new();
    for result in summary.requirements() {
        *counts.entry(result.status).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .into_iter()
        .rev()
        .map(|(status, count)| format!("{count} {}", status.word()))
        .collect();
    parts.join(", ")
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
        named("side by side", &options.parallel.to_string()),
    ];
    if let Some(seed) = options.seed {
        views.push(named("shuffled with", &format!("--shuffle {seed}")));
    }
    if let Some(shard) = options.shard {
        views.push(named("shard", &shard.to_string()));
    }
    for shard in &summary.shards {
        let what = format!("run {}, {}", shard.run, duration(shard.duration));
        views.push(named(&format!("shard {}", shard.shard), &what));
    }
    views.retain(|view| !view.value.is_empty());
    views
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
    let mut measured: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for measurement in &summary.measurements {
        measured
            .entry(&measurement.name)
            .or_default()
            .push(measurement.duration);
    }
    measured
        .into_iter()
        .map(|(name, mut times)| {
            times.sort_unstable();
            let at = |index: usize| duration(times.get(index).copied().unwrap_or_default());
            MeasurementView {
                name: name.to_owned(),
                count: times.len(),
                fastest: at(0),
                median: at(times.len() / 2),
                slowest: at(times.len() - 1),
            }
        })
        .collect()
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
