//! The run as a whole: counts and requirements.

use super::scenario::anchor;
use crate::{RequirementStatus, Summary};
use plumbline_model::{Level, Status};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many ended so.
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

/// How many scenarios ended so, what needs a look first.
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

/// How many requirements ended so, the worst first.
pub(super) fn requirement_counts(summary: &Summary) -> Vec<CountView> {
    let mut counts: BTreeMap<RequirementStatus, usize> = BTreeMap::new();
    for result in summary.requirements() {
        *counts.entry(result.status).or_default() += 1;
    }
    let view = |(status, count): (RequirementStatus, usize)| CountView {
        status: class(status),
        word: status.word(),
        count,
    };
    counts.into_iter().rev().map(view).collect()
}
